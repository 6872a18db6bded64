"""Rules on the migrated database's catalog, as functions from a superuser's connection to what is wrong in it."""

import re
from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import psycopg

Connection = psycopg.Connection[Any]
Rule = Callable[[Connection], Iterator[str]]

WALL = "(workspace_id = ( SELECT (NULLIF(current_setting('nexusone.workspace'::text, true), ''::text))::uuid AS \"nullif\"))"

# Tables of no workspace, each looked at: what they hold, and why no tenant can reach another through them.
SHARED_TABLES = {
    "billing.coupon": "coupons are the operating company's; who redeemed one stands in the workspace",
    "billing.plan": "plans are the operating company's, and public",
    "billing.plan_feature": "what versions of plans give; the same for everybody",
    "billing.plan_price": "what versions of plans cost; the same for everybody in a region",
    "billing.plan_usage_price": "what versions of plans charge for usage; the same for everybody in a region",
    "billing.plan_version": "versions of plans; which one a workspace is on stands in the workspace",
    "billing.price_list": "regions and their currencies",
    "billing.exchange_rate": "what currencies were worth on a day, the same for everybody; written once",
    "billing.paper_series": "the operators' own numbering of invoices; it says how many there are, and nothing of whose",
    "billing.payment_incident": "the operators' list of what vendors' books say otherwise; a workspace hears of its own by event",
    "billing.webhook_event": "what vendors told, before it is known whose it is: ids and kinds, never content",
    "identity.device": "devices belong to a person, who may be a member of several workspaces; only identity's role reads them",
    "identity.operator": "staff of the operating company are members of no workspace; only identity's role reads it",
    "identity.password_reset": "resets belong to a person; a digest alone of the token, for minutes",
    "identity.pending_sign_up": "sign-ups are of no workspace before their address is verified; a digest alone of the token, for an hour",
    "identity.passkey": "a person has the same passkeys in all workspaces, and signs in by one before any is entered",
    "identity.operator_attempt": "an operator's sign-in that waits for a code; operators are of no workspace",
    "identity.operator_totp": "an operator is of no workspace, and so is their authenticator app; its seed is sealed",
    "identity.passkey_ceremony": "what a browser was asked before anybody knew who answers; lives ten minutes",
    "identity.recovery_code": "a person has the same recovery codes in all workspaces; digests only",
    "identity.totp_factor": "a person has the same authenticator app in all workspaces; its seed is sealed under the person's own key",
    "identity.user_account": "a person may be a member of several workspaces; only identity's role reads it",
    "platform.migration": "which revisions were run; no role of the application reads it",
    "platform.rate_limit": "counters under opaque keys that carry the workspace; they say nothing of its content",
    "queue.pgqueuer": "the queue takes work of all workspaces; modules may add, and read neither payload nor headers",
    "queue.pgqueuer_log": "what became of jobs; modules may add, and not read",
    "queue.pgqueuer_schedules": "schedules of the product, not of workspaces",
    "queue.pgqueuer_statistics": "counts by kind of job",
}

# What schedules may find out across workspaces; it is read in the system context only.
SYSTEM_SCANS = {
    "ai.asset": "what workspaces keep, to report it to their usage",
    "ai.generation": "generations that are overdue",
    "ai.knowledge_indexing": "indexings that are overdue",
    "ai.pipeline_run": "pipeline runs for which the clock has something",
    "billing.account": "balances, to check that every ledger adds up",
    "billing.billing_profile": "VAT ids that are to be checked again",
    "billing.grant_": "grants that expire",
    "billing.hold": "holds that expire",
    "billing.top_up": "automatic top-ups that a new month allows again",
    "billing.gateway_customer": "the workspace of a payer whom a vendor tells of",
    "billing.payment": "payments of which nobody has told in time, and a day's for comparing with a vendor's list",
    "billing.refund": "refunds of which nobody has told in time",
    "billing.pool_draw": "draws on an agency's pool that were begun and not ended",
    "billing.pool_return": "returns to an agency's pool that were begun and not ended",
    "billing.subscription": "subscriptions for which the clock has something",
    "billing.vendor_cost": "workspaces whose margin is to be looked at",
    "identity.member": "the workspaces an account may sign in to",
    "identity.role": "what a member of several workspaces is called in each",
    "identity.session": "the sessions of one person, in all their workspaces",
    "identity.sso_connection": "the workspace that a connection leads into",
    "identity.sso_domain": "the connection that has proved a domain",
    "identity.workspace": "the workspaces there are",
    "marketing.campaign": "campaigns that are not finished",
    "platform.audit_head": "the workspaces that have a trail, and whose chain went on since its last checkpoint",
    "platform.audit_pending": "entries that wait for their seal",
    "platform.data_key": "keys to wrap anew when the master key changes",
    "platform.event": "which events were committed, for the live stream; ids alone",
    "platform.idempotency": "keys whose time is over",
}

# Written once: what was booked, sent or announced cannot be unsaid.
APPEND_ONLY = (
    "ai.brand_voice_version",
    "ai.pipeline_review_comment",
    "ai.pipeline_version",
    "ai.prompt_template_version",
    "billing.credit_note",
    "billing.credit_note_line",
    "billing.entry",
    "billing.payment_incident",
    "billing.exchange_rate",
    "billing.invoice",
    "billing.invoice_line",
    "billing.invoice_rate",
    "billing.subscription_step",
    "billing.transfer",
    "billing.usage_closing",
    "billing.usage_event",
    "billing.vat_id_check",
    "billing.vendor_cost",
    "marketing.engagement",
    "marketing.template_version",
    "platform.audit_checkpoint",
    "platform.audit_entry",
    "platform.audit_seal",
    "platform.event",
)

# What the machinery lets every module do beside its own tables, all inside the module's own transaction.
MACHINERY: dict[str, frozenset[str]] = {
    "platform.audit_entry": frozenset({"INSERT"}),
    "platform.event": frozenset({"INSERT"}),
    "platform.idempotency": frozenset({"SELECT", "UPDATE"}),
    "platform.rate_limit": frozenset({"SELECT", "INSERT", "UPDATE"}),
    "queue.pgqueuer": frozenset({"INSERT"}),
    "queue.pgqueuer_log": frozenset({"INSERT"}),
}
QUEUE_COLUMNS = frozenset({"id", "entrypoint", "priority", "dedupe_key", "status"})
ROW_PRIVILEGES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
PUBLISHED = re.compile(r"_v\d+$")
MONEY = re.compile(r"(_micros|_minor|amount|credits|price|balance|margin)(_|$)")

RELATIONS: LiteralString = """
    pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
TENANT_TABLE: LiteralString = """
    (c.relkind in ('r', 'p') and exists (
        select 1 from pg_attribute as a where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
    ))
"""


def tables_of_no_workspace(connection: Connection) -> Iterator[str]:
    """A table without workspace_id was reviewed and is on the list, with its reason."""
    for (table,) in _rows(
        connection, f"select n.nspname || '.' || c.relname from {RELATIONS} where c.relkind in ('r', 'p') and not {TENANT_TABLE}"
    ):
        if table not in SHARED_TABLES:
            yield f"{table} has no workspace_id"


def walls_missing(connection: Connection) -> Iterator[str]:
    """Row-level security is enabled and forced, with the one policy for all commands and roles (TEN-02, TEN-05)."""
    for table, is_on, is_forced in _rows(
        connection, f"select n.nspname || '.' || c.relname, c.relrowsecurity, c.relforcerowsecurity from {RELATIONS} where {TENANT_TABLE}"
    ):
        if not is_on or not is_forced:
            yield f"{table}: row-level security enabled {is_on}, forced {is_forced}"
        policies = connection.execute(
            "select cmd, permissive, roles::text[], qual, with_check from pg_policies where schemaname || '.' || tablename = %s", (table,)
        ).fetchall()
        if ("ALL", "PERMISSIVE", ["public"], WALL, WALL) not in policies:
            yield f"{table} lacks the workspace's policy"
        for command, _, roles, using, _ in policies:
            if using != WALL and (command, roles) != ("SELECT", ["m_system"]):
                yield f"{table} has a policy that opens the wall for {command} to {roles}"


def keys_without_workspace(connection: Connection) -> Iterator[str]:
    """workspace_id is NOT NULL and leads the primary key and every unique index (TEN-06)."""
    for table, is_required, has_primary in _rows(
        connection,
        f"""
        select n.nspname || '.' || c.relname,
            (select a.attnotnull and a.atttypid = 'uuid'::regtype
             from pg_attribute as a where a.attrelid = c.oid and a.attname = 'workspace_id'),
            exists (select 1 from pg_index as i where i.indrelid = c.oid and i.indisprimary)
        from {RELATIONS} where {TENANT_TABLE}
        """,
    ):
        if not is_required or not has_primary:
            yield f"{table}: workspace_id a required uuid {is_required}, primary key {has_primary}"
    for index, first in _rows(
        connection,
        f"""
        select i.indexrelid::regclass::text, a.attname
        from {RELATIONS} join pg_index as i on i.indrelid = c.oid and i.indisunique
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum = i.indkey[0]
        where {TENANT_TABLE}
        """,
    ):
        if first != "workspace_id":
            yield f"{index} does not begin with workspace_id"


def foreign_keys_without_workspace(connection: Connection) -> Iterator[str]:
    """References stay inside the workspace, and inside the module (TEN-06, R7)."""
    for name, table, other, columns, other_columns in _rows(
        connection,
        """
        select k.conname, t.nspname || '.' || c.relname, u.nspname || '.' || d.relname,
            array(select a.attname::text from unnest(k.conkey) with ordinality as x (n, o)
                  join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = x.n order by x.o),
            array(select a.attname::text from unnest(k.confkey) with ordinality as x (n, o)
                  join pg_attribute as a on a.attrelid = k.confrelid and a.attnum = x.n order by x.o)
        from pg_constraint as k
        join pg_class as c on c.oid = k.conrelid join pg_namespace as t on t.oid = c.relnamespace
        join pg_class as d on d.oid = k.confrelid join pg_namespace as u on u.oid = d.relnamespace
        where k.contype = 'f'
        """,
    ):
        if table.split(".")[0] != other.split(".")[0]:
            yield f"{name} leads from {table} to another module's {other}"
        if other not in SHARED_TABLES and (columns[0] != "workspace_id" or other_columns[0] != "workspace_id"):
            yield f"{name} of {table} does not begin with workspace_id"


def system_scans_unlisted(connection: Connection) -> Iterator[str]:
    """The system context reads the listed tables across workspaces, and does nothing else."""
    found = _rows(connection, "select schemaname || '.' || tablename, cmd, roles::text[] from pg_policies where 'm_system' = any(roles)")
    open_to_system = {table for table, command, roles in found if (command, roles) == ("SELECT", ["m_system"])}
    granted = {relation: privileges for relation, _, _, privileges in privileges_of(connection, "m_system")}
    for table in sorted(open_to_system ^ SYSTEM_SCANS.keys()):
        yield f"{table} is open to the system context or on the list, not both"
    for relation, privileges in granted.items():
        # Without SELECT it reads single columns alone.
        if not privileges <= {"SELECT"} or relation not in SYSTEM_SCANS:
            yield f"m_system may {', '.join(sorted(privileges))} on {relation}"


def append_only_changeable(connection: Connection) -> Iterator[str]:
    """Nobody who serves requests changes what is written once (MON-02)."""
    for (role,) in _rows(connection, "select rolname from pg_roles where rolname ~ '^m_'"):
        for relation, _, _, privileges in privileges_of(connection, role):
            if relation in APPEND_ONLY and privileges & {"UPDATE", "DELETE"}:
                yield f"{role} may {', '.join(sorted(privileges))} on {relation}"


def folding_indexes(connection: Connection) -> Iterator[str]:
    """lower() is not leakproof, so under row-level security such an index is never used (TEN-08)."""
    for (definition,) in _rows(
        connection, f"select pg_get_indexdef(i.indexrelid) from {RELATIONS} join pg_index as i on i.indrelid = c.oid"
    ):
        if re.search(r"\b(lower|upper)\(", definition):
            yield definition


def inexact_money(connection: Connection) -> Iterator[str]:
    """Money and credits are bigint, and nothing is a binary fraction (TEN-08, MON-01)."""
    for column, kind in _rows(
        connection,
        f"""
        select n.nspname || '.' || c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod)
        from {RELATIONS} join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'p', 'v') and n.nspname <> 'queue'
        """,
    ):
        if kind.removesuffix("[]") in ("real", "double precision", "money"):
            yield f"{column} is {kind}"
        if MONEY.search(column.split(".")[-1]) and kind.removesuffix("[]") != "bigint":
            yield f"{column} is {kind}, not bigint"


def loose_views(connection: Connection) -> Iterator[str]:
    """Published views belong to their module's owner; all others run as their reader; none is materialized (TEN-07)."""
    for view, kind, owner, options in _rows(
        connection,
        f"""
        select n.nspname || '.' || c.relname, c.relkind::text, pg_get_userbyid(c.relowner)::text, coalesce(c.reloptions, '{{}}')
        from {RELATIONS} where c.relkind in ('v', 'm')
        """,
    ):
        if kind == "m":
            yield f"{view} is materialized"
        if owner != f"o_{view.split('.')[0]}":
            yield f"{view} belongs to {owner}"
        if not PUBLISHED.search(view) and not {"security_invoker=true", "security_invoker=on"} & set(options):
            yield f"{view} is neither published nor a security_invoker view"


def loose_functions(connection: Connection) -> Iterator[str]:
    """Functions belong to their module, fix their search_path, and are nobody's by default (TEN-07). Extensions' own are plain code."""
    for function, schema, owner, is_definer, settings, is_public in _rows(
        connection,
        """
        select p.oid::regprocedure::text, n.nspname, pg_get_userbyid(p.proowner)::text, p.prosecdef, coalesce(p.proconfig, '{}'),
            exists (select 1 from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as x where x.grantee = 0)
        from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
            and not exists (select 1 from pg_depend as d where d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e')
        """,
    ):
        has_path = any(setting.startswith("search_path=") for setting in settings)
        if is_public:
            yield f"{function} may be called by PUBLIC"
        if not has_path and (is_definer or schema != "queue"):
            yield f"{function} sets no search_path"
        if owner != ("o_platform" if schema == "queue" else f"o_{schema}"):
            yield f"{function} belongs to {owner}"


def module_privileges(connection: Connection) -> Iterator[str]:
    """A module's role reads and writes its own rows, reads others' published views, and nothing else (DAT-03, R7)."""
    for (role,) in _rows(connection, "select rolname from pg_roles where rolname ~ '^m_' and rolname not in ('m_system', 'm_queue')"):
        own = role.removeprefix("m_")
        for relation, kind, readable_columns, privileges in privileges_of(connection, role):
            is_own = relation.split(".")[0] == own
            if kind == "v":
                allowed = frozenset({"SELECT"}) if is_own or PUBLISHED.search(relation) else frozenset()
            else:
                allowed = ROW_PRIVILEGES if is_own else MACHINERY.get(relation, frozenset())
            if privileges - allowed:
                yield f"{role} may {', '.join(sorted(privileges - allowed))} on {relation}"
            if "SELECT" not in allowed and readable_columns - (QUEUE_COLUMNS if relation == "queue.pgqueuer" else set()):
                yield f"{role} reads {', '.join(sorted(readable_columns))} of {relation}"


def public_privileges(connection: Connection) -> Iterator[str]:
    """Nothing of ours is anybody's."""
    for relation, privilege in _rows(
        connection,
        f"select n.nspname || '.' || c.relname, x.privilege_type from {RELATIONS}, aclexplode(c.relacl) as x where x.grantee = 0",
    ):
        yield f"PUBLIC may {privilege} on {relation}"


def privileges_of(connection: Connection, role: str) -> Iterator[tuple[str, str, set[str], set[str]]]:
    """For every relation a role may touch: its name, kind, readable columns, and the role's privileges on the whole of it."""
    for relation, kind, columns, privileges in _rows(
        connection,
        f"""
        select n.nspname || '.' || c.relname, c.relkind::text,
            array(select a.attname::text from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                  and has_column_privilege(%(role)s, c.oid, a.attnum, 'SELECT')),
            array(select p from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as p
                  where has_table_privilege(%(role)s, c.oid, p)
                      or (p in ('INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege(%(role)s, c.oid, p)))
        from {RELATIONS} where c.relkind in ('r', 'p', 'v', 'm', 'f')
        """,
        {"role": role},
    ):
        if columns or privileges:
            yield relation, kind, set(columns), set(privileges)


def _rows(connection: Connection, query: str, parameters: dict[str, object] | None = None) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode(), parameters).fetchall()
