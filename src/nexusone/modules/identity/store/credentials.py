"""The statements that admit a request: each looks a credential up and takes the caller's limit, in one round trip."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nexusone.modules.identity.store.mfa import DEMANDS_MFA
from nexusone.platform.limits import TAKE_BOTH, Limit, Taken, take_both_parameters
from nexusone.platform.runtime import Context
from nexusone.platform.sql import fragment, sql

# What the transaction asks again before it writes: see STANDING_HELD.
_STANDING_OF_MEMBER = fragment("concat_ws(':', m.role, r.id, r.version, w.suspended_at is not null or w.delete_at is not null)")
_STANDING_OF_KEY = fragment("concat_ws(':', 'key', k.rotated_at, w.suspended_at is not null or w.delete_at is not null)")

_TAKE = TAKE_BOTH.fill(condition=fragment("true"))
# Who guesses at a key's secret must not use up what its workspace has.
_TAKE_OF_KEY = TAKE_BOTH.fill(
    condition=fragment("""exists (
        select from identity.api_key as known_key
        where known_key.workspace_id = %(workspace_id)s and known_key.id = %(id)s
            and (known_key.secret_hash = %(digest)s or known_key.previous_hash = %(digest)s)
    )""")
)

ADMIT_SESSION = fragment("""
with {take}
select
    s.user_id as principal_id, m.role, m.custom_role_id, r.permissions,
    w.default_locale, w.timezone, u.locale, w.suspended_at is not null or w.delete_at is not null as is_suspended,
    least(s.expires_at, coalesce(s.revoked_at, s.expires_at)) as valid_until, {standing} as standing,
    taken.*, coalesce({demands_mfa}, false) as demands_mfa
from taken
join identity.session as s on s.workspace_id = %(workspace_id)s and s.id = %(id)s
join identity.member as m on m.workspace_id = s.workspace_id and m.user_id = s.user_id
left join identity.role as r on r.workspace_id = m.workspace_id and r.id = m.custom_role_id
join identity.workspace as w on w.workspace_id = s.workspace_id
join identity.user_account as u on u.id = s.user_id and u.session_generation = s.generation and u.disabled_at is null
left join identity.mfa_policy as p on p.workspace_id = s.workspace_id
""").fill(take=_TAKE, standing=_STANDING_OF_MEMBER, demands_mfa=DEMANDS_MFA)

ADMIT_VISIT = fragment("""
with {take}
select
    i.user_id as principal_id, m.role, m.custom_role_id, r.permissions,
    w.default_locale, w.timezone, w.default_locale as locale, w.suspended_at is not null or w.delete_at is not null as is_suspended,
    least(i.expires_at, i.ended_at) as valid_until, {standing} as standing,
    taken.*, i.operator_id, i.elevated_at is not null as is_elevated
from taken
join identity.impersonation as i on i.workspace_id = %(workspace_id)s and i.id = %(id)s
join identity.operator as o on o.id = i.operator_id and o.disabled_at is null
join identity.member as m on m.workspace_id = i.workspace_id and m.user_id = i.user_id
left join identity.role as r on r.workspace_id = m.workspace_id and r.id = m.custom_role_id
join identity.workspace as w on w.workspace_id = i.workspace_id
""").fill(take=_TAKE, standing=_STANDING_OF_MEMBER)

ADMIT_API_KEY = fragment("""
with {take}
select
    k.id as principal_id, k.permissions, k.secret_hash, k.mode, k.used_at,
    case when k.previous_until > %(now)s then k.previous_hash end as previous_hash,
    cardinality(k.allowed_networks) = 0 or coalesce(%(ip)s::inet <<= any(k.allowed_networks), false) as is_from_allowed_network,
    w.default_locale, w.timezone, w.default_locale as locale, w.suspended_at is not null or w.delete_at is not null as is_suspended,
    least(k.expires_at, k.revoked_at) as valid_until, {standing} as standing,
    taken.*
from taken
join identity.api_key as k on k.workspace_id = %(workspace_id)s and k.id = %(id)s
join identity.workspace as w on w.workspace_id = k.workspace_id
""").fill(take=_TAKE_OF_KEY, standing=_STANDING_OF_KEY)

STANDING_HELD = sql("""
select exists (
    select from identity.standing_v1
    where workspace_id = %(workspace_id)s and credential_id = %(credential_id)s and standing = %(standing)s
)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Admittance:
    """What every credential's row says, with the counters that were taken along; `valid_until` null: for ever."""

    principal_id: UUID
    permissions: list[str] | None
    default_locale: str
    timezone: str
    locale: str
    is_suspended: bool
    valid_until: datetime | None
    standing: str
    taken: int
    resets_in_seconds: int
    shared_taken: int | None
    shared_resets_in_seconds: int | None


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """What a call takes from: the caller's own limit, and its workspace's."""

    own: Limit
    shared: Limit

    def parameters(self) -> dict[str, object]:
        """The parameters of the taking."""
        return take_both_parameters(self.own, self.shared)

    def taken(self, row: Admittance) -> list[Taken]:
        """What was taken; nothing from the workspace where the caller's own is used up."""
        own = Taken(self.own.key, row.taken, row.resets_in_seconds)
        if row.shared_taken is None or row.shared_resets_in_seconds is None:
            return [own]
        return [own, Taken(self.shared.key, row.shared_taken, row.shared_resets_in_seconds)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedMember(Admittance):
    """A session's row; `permissions` are those of a role of the workspace's own, `demands_mfa` says what the workspace asks of it."""

    role: str
    custom_role_id: UUID | None
    demands_mfa: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedVisit(AdmittedMember):
    """The row of an operator's visit in a member's place."""

    operator_id: UUID
    is_elevated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedKey(Admittance):
    """A key's row; `previous_hash` only while the secret before the last rotation still works."""

    secret_hash: bytes
    previous_hash: bytes | None
    mode: str
    used_at: datetime | None
    is_from_allowed_network: bool


async def find_session(ctx: Context, *, session_id: UUID, limits: CallerLimits) -> AdmittedMember | None:
    """The session's row, and the limits taken."""
    parameters = {"workspace_id": ctx.workspace, "id": session_id, **limits.parameters()}
    rows = await ctx.fetch_in_one_trip("identity", AdmittedMember, ADMIT_SESSION, parameters)
    return rows[0] if rows else None


async def find_visit(ctx: Context, *, visit_id: UUID, limits: CallerLimits) -> AdmittedVisit | None:
    """The row of an operator's visit, and the limits taken."""
    parameters = {"workspace_id": ctx.workspace, "id": visit_id, **limits.parameters()}
    rows = await ctx.fetch_in_one_trip("identity", AdmittedVisit, ADMIT_VISIT, parameters)
    return rows[0] if rows else None


async def find_api_key(ctx: Context, *, key_id: UUID, digest: bytes, limits: CallerLimits) -> AdmittedKey | None:
    """The key's row, and the limits taken."""
    parameters = {"workspace_id": ctx.workspace, "id": key_id, "ip": ctx.ip, "now": ctx.now(), "digest": digest, **limits.parameters()}
    rows = await ctx.fetch_in_one_trip("identity", AdmittedKey, ADMIT_API_KEY, parameters)
    return rows[0] if rows else None
