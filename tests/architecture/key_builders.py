"""Keys that a process counts, remembers or locks by, found in the source: each says the workspace, or is listed with its reason."""

import ast
from collections.abc import Iterator

from tests.architecture.source import SourceFile

ACCOUNT = "people, operators and networks, who are in no workspace yet or in several"
PROCESS = "what the process itself has open or was started with"
PUBLIC = "what anyone is told at that address"

# A limit's subject as it is written. All others say `ctx.workspace`.
SUBJECTS = {
    "str(claims.operator_id)": ACCOUNT,
    "str(factor.operator_id)": ACCOUNT,
    "str(attempt.user_id)": ACCOUNT,
    "subject_of(email)": ACCOUNT,
    "device_id.hex": ACCOUNT,
    "token_id.hex": ACCOUNT,
    "f'ip:{ctx.ip}'": ACCOUNT,
    "ctx.ip or ''": ACCOUNT,
    "network_of(ctx.ip)": ACCOUNT,
    "subject": "where it is written, an account or a network",
    "limit.subject": "another limit's, given back",
}

# What lives as long as its object and is looked up by key. All others have the workspace's id first in their key's type.
MEMORIES = {
    "modules/ai/service/breaking.py:_records": "a vendor and a model, of which nothing is a workspace's",
    "modules/ai/service/errands.py:_running": PROCESS,
    "modules/ai/service/gateway_accounts.py:cards": "a vendor's list, of which nothing is a workspace's",
    "modules/ai/store/generations.py:traits": "one row's values",
    "modules/audience/store/segment_relation.py:parameters": "one statement's values",
    "modules/billing/service/subscriptions_steps.py:told": "one fact's words",
    "modules/identity/service/sso_issuers.py:keys": PUBLIC,
    "modules/identity/service/sso_issuers.py:metadata": PUBLIC,
    "modules/marketing/service/sending/slots.py:_slots": PROCESS,
    "platform/audit/chain.py:seen": "one walk over one workspace's chain",
    "platform/jobs.py:_handling": PROCESS,
    "platform/one_trip.py:_prepared": PROCESS,
    "platform/telemetry/metrics.py:_http_series": PROCESS,
    "platform/telemetry/metrics.py:states": PROCESS,
    "platform/telemetry/settings.py:otlp_headers": PROCESS,
    "providers/smtp/delivery.py:_gone": "one delivery's recipients",
    "providers/smtp/transport.py:_idle": PROCESS,
    "web/module.py:personal_data": PROCESS,
    "web/problems.py:_texts": PROCESS,
    "web/turns.py:_lines": "a credential, whose digest is nobody else's, or a workspace",
    "web/turns.py:_over": "a credential, whose digest is nobody else's",
}
WORKSPACE_FIRST = {
    "modules/ai/service/breaking.py:_records",
    "modules/ai/service/gateway_accounts.py:own",
    "modules/ai/service/gateway_accounts.py:reactions",
    "modules/ai/service/gateway_accounts.py:running",
    "modules/ai/service/own_keys.py:_open",
    "modules/ai/service/speakers.py:_lists",
    "modules/marketing/service/tracking.py:_links",
    "modules/marketing/service/tracking.py:_loading",
    "platform/live.py:_subscribers",
    "platform/vault/vault.py:_cache",
    "web/security_trail.py:_told",
}

# Advisory locks of no workspace: a migration's, while nothing else runs, and that of the one catalogue of plans. All others name theirs.
LOCKS = {"platform/schema.py", "modules/billing/store/plan_writing.py"}

# The numbers of a process are no workspace's: their labels come from closed sets.
LABELS = {"method", "route", "status", "job", "outcome", "queue", "pool", "state"}

MEMOS = {"lru_cache", "cache", "cached"}
LOOKED_UP = {"dict", "OrderedDict", "defaultdict", "set", "Counter", "WeakValueDictionary", "WeakKeyDictionary"}
SERIES = {"Counter", "Gauge", "Histogram", "Summary", "GaugeMetricFamily", "CounterMetricFamily"}
PEOPLE = {"Context", "Runtime", "Transaction", "Database", "Request"}
# What is made anew for every value, what stands in for a vendor, and what tells a story have no callers of several workspaces.
SHORT_LIVED = {"domain", "simulation", "demo", "simulator"}


def impure_memos(file: SourceFile) -> Iterator[str]:
    """What is remembered by arguments alone must not be read from where a workspace's rows are."""
    for function in file.functions:
        if not MEMOS & {_name(decorator) for decorator in function.decorator_list}:
            continue
        told = {_name(argument.annotation) for argument in (*function.args.args, *function.args.kwonlyargs)}
        names = {argument.arg for argument in function.args.args}
        if isinstance(function, ast.AsyncFunctionDef) or told & PEOPLE or names & {"self", "ctx", "tx"}:
            yield f"{function.lineno}: {function.name} remembers what it read"


def unscoped_limits(file: SourceFile) -> Iterator[str]:
    """Who spends a limit leaves other workspaces theirs."""
    for call in (node for node in ast.walk(file.tree) if isinstance(node, ast.Call) and _name(node) == "Limit"):
        subjects = [ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == "subject"]
        if not subjects or not ("ctx.workspace" in subjects[0] or subjects[0] in SUBJECTS):
            yield f"{call.lineno}: a limit on {subjects}"


def unscoped_memories(file: SourceFile) -> Iterator[str]:
    """What one workspace left must not be found by another."""
    for place, annotation in _memories(file):
        key = f"{file.path}:{place}"
        if key in MEMORIES or (key in WORKSPACE_FIRST and _first_key(annotation) in ("UUID", "UUID | None")):
            continue
        yield f"{annotation.lineno}: {place} is remembered by {_first_key(annotation)}"


def advisory_locks(file: SourceFile) -> Iterator[str]:
    """Workspaces that share a lock wait for each other."""
    texts = (node for node in ast.walk(file.tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    for node in texts:
        if "pg_advisory" in str(node.value) and "%(workspace_id)s" not in str(node.value) and file.path not in LOCKS:
            yield f"{node.lineno}: takes an advisory lock"


def open_labels(file: SourceFile) -> Iterator[str]:
    """A label with a workspace's or a person's words would show them to whoever reads the numbers, and never end."""
    for call in (node for node in ast.walk(file.tree) if isinstance(node, ast.Call) and _name(node) in SERIES and len(node.args) > 1):
        lists = [*call.args[2:], *(keyword.value for keyword in call.keywords if keyword.arg in ("labels", "labelnames"))]
        for listed in lists:
            found = {node.value if isinstance(node, ast.Constant) else ast.unparse(node) for node in getattr(listed, "elts", [listed])}
            if found - LABELS:
                yield f"{call.lineno}: labels {sorted(map(str, found - LABELS))}"


RULES = (impure_memos, unscoped_limits, unscoped_memories, advisory_locks, open_labels)


def _memories(file: SourceFile) -> Iterator[tuple[str, ast.expr]]:
    if SHORT_LIVED & set(file.parts):
        return
    for node in ast.walk(file.tree):
        if isinstance(node, ast.AnnAssign) and node.value is not None and _name(node.annotation) in LOOKED_UP:
            if isinstance(node.target, ast.Attribute):
                yield node.target.attr, node.annotation
            elif isinstance(node.target, ast.Name) and "default_factory" in ast.unparse(node.value):
                yield node.target.id, node.annotation
    for node in file.tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target, made = node.targets[0] if isinstance(node, ast.Assign) else node.target, node.value
        is_made_empty = isinstance(made, ast.Call) and not made.args and _name(made) in LOOKED_UP
        if is_made_empty or (isinstance(made, ast.Dict) and not made.keys):
            yield ast.unparse(target), made


def _first_key(annotation: ast.expr) -> str:
    inner = annotation.slice if isinstance(annotation, ast.Subscript) else annotation
    first = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
    if isinstance(first, ast.Subscript) and _name(first) == "tuple" and isinstance(first.slice, ast.Tuple):
        first = first.slice.elts[0]
    return ast.unparse(first)


def _name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
