"""Rules that imports cannot show, as functions from a source file to what is wrong in it."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.architecture.source import SOURCE, SourceFile

Rule = Callable[[SourceFile], Iterator[str]]

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
BROAD_CATCHERS = frozenset({"platform/jobs.py", "web/boundary.py"})
BANNED_WORDS = frozenset({"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "processor", "impl"})
BANNED_NAMES = frozenset({"base", "core", "data", "info", "shared", "lib"})

SQL_TEXT = re.compile(
    r"""\s*(
        select\s+\S.*\sfrom\s | select\s+(\d|pg_|set_config) | insert\s+into\s | update\s+[\w.]+(\s+as\s+\w+)?\s+set\s | delete\s+from\s
        | with\s+(recursive\s+)?\w+\s+as\s*\( | truncate\s+(table\s+)?\w+\.\w+ | copy\s+(\w+\.\w+|\() | lock\s+table\s
        | (create|alter|drop)\s+(unlogged\s+)?(table|role|schema|view|database|index|function|policy|extension)\s
        | (grant|revoke)\s+\S+.*\s(to|from)\s+\S+ | set\s+(local|session|role)\s | begin; | notify\s+\w+ | listen\s+\w+
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
SESSION_SETTING = re.compile(
    r"set_config\s*\(|\bset\s+(session\s+)?nexusone\.|\breset\s+nexusone\.|\balter\s+(role|database)\b[^;\"]*\bset\s+nexusone\.",
    re.IGNORECASE,
)
SESSION_ROLE = re.compile(r"\bset\s+(session\s+)?(role|session\s+authorization)\b", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

# A wire that many vendors speak is called by the first one's name, at the one door where clients look for it.
WIRE_DOOR, WIRE_PREFIX = "modules/ai/routes/gateway.py", 'PREFIX = "/openai/v1"'
# A protocol is nobody's, so its folder's name may be said anywhere.
PROTOCOLS = frozenset({"smtp", "mcp", "oidc"})
VENDOR_LIST = (
    "adyen amazon anthropic azure bedrock brevo cloudinary d-id dall-e elevenlabs fal-ai heygen hubspot imgix infobip klaviyo "
    "leonardo mailchimp mailgun mailjet meilisearch messagebird midjourney mistral mixpanel mollie "
    "nexmo openai openrouter paddle paypal plivo postmark printful "
    "printify recurly runware sendgrid shippo shopify sinch sparkpost stability-ai stripe synthesia telnyx twilio vonage woocommerce "
)
# Folders that are called as English words are; these vendors are known by their other spellings.
WORDLIKE_FOLDERS = frozenset({"did", "replicate"})
# English words too: only written as a name or an address do they mean the vendor.
WORDLIKE_VENDORS = re.compile(
    r"\b(Replicate|Resend|Square|Segment|Chargebee)(?=\W*\b(API|SDK|account|client|webhook)\b)|\b(replicate|resend)\.com\b"
)
MODEL_NAMES = re.compile(
    r"\b(gpt-?\d|o[134]-mini|chatgpt|claude-|gemini-|llama-?\d|sora-\d|imagen-\d|veo-\d|eleven_|whisper-\d|text-embedding-)", re.I
)


def imports_inside_functions(file: SourceFile) -> Iterator[str]:
    """An import inside a function hides a cycle."""
    for function in file.functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{node.lineno}: {function.name} imports"


def broad_excepts(file: SourceFile) -> Iterator[str]:
    """Broad catches swallow faults; two outermost nets may, and a rollback that raises again."""
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {"BaseException"}
        if not caught & {"Exception", "BaseException"}:
            continue
        last = node.body[-1]
        raises_again = isinstance(last, ast.Raise) and last.exc is None
        if not raises_again and file.path not in BROAD_CATCHERS:
            yield f"{node.lineno}: catches {', '.join(sorted(caught))}"


def long_files(file: SourceFile) -> Iterator[str]:
    """A long file is several."""
    if (lines := len(file.text.splitlines())) > FILE_LINES_MAX:
        yield f"{lines} lines"


def long_functions(file: SourceFile) -> Iterator[str]:
    """A long function is several."""
    for function in file.functions:
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{function.lineno}: {function.name} has {lines} lines"


def empty_names(file: SourceFile) -> Iterator[str]:
    """Names that say nothing collect everything."""
    for part in file.parts:
        if part in BANNED_NAMES or BANNED_WORDS & set(part.split("_")):
            yield f"the name {part}"
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ClassDef):
            words = {word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", node.name)}
            if words & BANNED_WORDS:
                yield f"{node.lineno}: class {node.name}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name.lstrip("_")
            if name.startswith("do_") or BANNED_WORDS & set(name.split("_")):
                yield f"{node.lineno}: function {node.name}"


def misplaced_sql(file: SourceFile) -> Iterator[str]:
    """Statements stand where the tests that check them look."""
    if _may_hold_sql(file):
        return
    prose = _docstrings(file.tree)
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose and SQL_TEXT.match(node.value):
            yield f"{node.lineno}: {node.value.strip()[:40]!r}"
        elif isinstance(node, ast.Call) and _called(node) in ("sql", "fragment", "Sql"):
            yield f"{node.lineno}: makes a statement"


def computed_sql(file: SourceFile) -> Iterator[str]:
    """Statements are literals: what is computed could carry a value."""
    if file.path == "platform/sql.py":
        return
    calls = (node for node in ast.walk(file.tree) if isinstance(node, ast.Call))
    for node in calls:
        if _called(node) in ("sql", "fragment", "Sql", "join") and not (node.args and isinstance(node.args[0], ast.Constant)):
            yield f"{node.lineno}: {_called(node)}() of something computed"


def vendor_names(file: SourceFile) -> Iterator[str]:
    """The business knows capabilities, not vendors."""
    if file.parts[0] not in ("kernel", "platform", "web", "modules"):
        return
    named = frozenset(VENDOR_LIST.split()) | (_provider_folders() - PROTOCOLS - WORDLIKE_FOLDERS)
    pattern = re.compile(r"(?<![a-z0-9])(" + "|".join(sorted(map(re.escape, named))) + r")(?![a-z0-9])", re.IGNORECASE)
    text = file.text.replace(WIRE_PREFIX, "") if file.path == WIRE_DOOR else file.text
    yield from _found(replace(file, text=text), pattern)
    yield from _found(file, WORDLIKE_VENDORS)


def model_names(file: SourceFile) -> Iterator[str]:
    """Models come and go in the providers' tables, not in code."""
    if file.parts[0] in ("kernel", "platform", "web", "modules"):
        yield from _found(file, MODEL_NAMES)


def session_settings(file: SourceFile) -> Iterator[str]:
    """What is set for a session stays on the pooled connection for the next tenant (TEN-04)."""
    yield from _found(file, SESSION_SETTING)
    # Migrations have a connection of their own, which no tenant's request ever uses.
    if file.path != "platform/schema.py":
        yield from _found(file, SESSION_ROLE)


def unfinished_work(file: SourceFile) -> Iterator[str]:
    """What is not done is an issue, not a comment."""
    yield from _found(file, UNFINISHED)


def undescribed_modules(file: SourceFile) -> Iterator[str]:
    """A module's card says what it owns, what it leaves to others, and what always holds."""
    if file.parts[0] != "modules" or len(file.parts) != 3 or file.parts[2] != "module":
        return
    lines = (ast.get_docstring(file.tree) or "").splitlines()
    if [line.split(":")[0] for line in lines[:3]] != ["Owns", "Does not", "Invariant"]:
        yield "the docstring lacks Owns / Does not / Invariant"


def undocumented_files(file: SourceFile) -> Iterator[str]:
    """Every file says in one to six lines what it is."""
    docstring = ast.get_docstring(file.tree)
    if not docstring:
        yield "no docstring"
    elif len(docstring.splitlines()) > 6 and file.path != "kernel/errors.py":
        yield f"a docstring of {len(docstring.splitlines())} lines"


def undocumented_face(file: SourceFile) -> Iterator[str]:
    """Who asks reads the contract, not the code."""
    if not file.is_public_face:
        return
    definitions = (node for node in file.tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef))
    for node in definitions:
        if not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{node.lineno}: {node.name} has no docstring"


def untyped_face(file: SourceFile) -> Iterator[str]:
    """`Any` on the public face is a promise of nothing."""
    if not file.is_public_face:
        return
    for node in ast.walk(file.tree):
        if (isinstance(node, ast.Name) and node.id == "Any") or (isinstance(node, ast.Attribute) and node.attr == "Any"):
            yield f"{node.lineno}: Any"


PYTHON_RULES: tuple[Rule, ...] = (
    imports_inside_functions,
    broad_excepts,
    long_files,
    long_functions,
    empty_names,
    misplaced_sql,
    computed_sql,
    undescribed_modules,
    undocumented_files,
    undocumented_face,
    untyped_face,
)
TEXT_RULES: tuple[Rule, ...] = (vendor_names, model_names, session_settings, unfinished_work)


def _may_hold_sql(file: SourceFile) -> bool:
    if file.parts[0] == "platform" or file.path == "apps/database.py":
        return True
    return file.parts[0] == "modules" and len(file.parts) > 2 and file.parts[2] in ("store", "migrations")


def _provider_folders() -> frozenset[str]:
    return frozenset(path.name for path in (SOURCE / "providers").iterdir() if (path / "manifest.py").exists())


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _docstrings(tree: ast.Module) -> set[int]:
    owners = (node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef))
    return {id(statement.value) for node in owners for statement in node.body if isinstance(statement, ast.Expr)}


def _found(file: SourceFile, pattern: re.Pattern[str]) -> Iterator[str]:
    for number, line in enumerate(file.text.splitlines(), 1):
        for match in pattern.finditer(line):
            yield f"{number}: {match.group(0)}"
