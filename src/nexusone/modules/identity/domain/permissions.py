"""The matrix: every permission there is, and which of them each built-in role gives.

Enforcement, `docs/permissions.md` and the generated tests all read it here, so that none of them can say something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

EVERYTHING = "*"

RoleName = Literal["owner", "admin", "marketer", "merchant", "analyst", "developer", "billing", "viewer"]
ROLE_NAMES: tuple[RoleName, ...] = get_args(RoleName)


@dataclass(frozen=True, slots=True)
class Role:
    """A built-in role: what it is for, and the permissions it gives."""

    meaning: str
    permissions: frozenset[str]


PERMISSIONS: Mapping[str, str] = {
    "agency:read": "See the workspaces of an agency together, with their members and counts",
    "agency:write": "Make further workspaces that belong to the agency",
    "api_keys:read": "See the keys for machines",
    "api_keys:write": "Make, rotate and end keys for machines",
    "assets:read": "See and fetch pictures, sounds and films",
    "assets:write": "Upload, change and delete pictures, sounds and films, and make others of them",
    "audit:export": "Export the audit trail",
    "audit:read": "Read the audit trail",
    "brand_voices:read": "See brand voices",
    "brand_voices:write": "Make, change and delete brand voices",
    "campaigns:manage": "See, change and share every campaign, restricted ones too",
    "campaigns:read": "See campaigns and their reports",
    "campaigns:send": "Send, pause, resume and cancel campaigns",
    "campaigns:write": "Draft, change and delete campaigns",
    "connections:read": "See which accounts of its own the workspace has at AI vendors",
    "connections:write": "Connect the workspace's own accounts at AI vendors, and forget them",
    "contacts:read": "See contacts and imports",
    "contacts:write": "Make, change, import and delete contacts",
    "credits:read": "See credits, grants and what they were spent on",
    "credits:write": "Set caps, alerts and automatic top-up of credits",
    "events:read": "Follow what happens in the workspace as it happens",
    "generations:read": "See generations, models and prices",
    "generations:write": "Have the AI write, which costs credits",
    "invoices:read": "See invoices and who is billed",
    "invoices:write": "Say who is billed",
    "knowledge:read": "See what the AI may know of the company, and search it, which costs credits",
    "knowledge:write": "Add, replace and delete what the AI may know, which costs credits",
    "members:read": "See members and invitations",
    "members:write": "Invite members, change their roles, remove them",
    "mfa:read": "See which second factors the workspace demands",
    "mfa:write": "Demand second factors of members",
    "payments:read": "See payments, refunds and saved ways to pay",
    "payments:write": "Buy credits, give money back, change ways to pay",
    "pipeline_secrets:write": "Put in, replace and delete the secrets that pipelines send to servers",
    "pipelines:read": "See pipelines and their runs",
    "pipelines:run": "Run pipelines, which costs credits, and decide what they ask",
    "pipelines:write": "Make, change, publish and delete pipelines",
    "plans:read": "See the plan, what it gives and what of it was used",
    "prompts:read": "See and try prompt templates",
    "prompts:write": "Make, change and delete prompt templates",
    "roles:read": "See roles and what they allow",
    "roles:write": "Make, change and delete roles of the workspace's own",
    "segments:manage": "See, change and share every segment, restricted ones too",
    "segments:read": "See segments and count who is in them",
    "segments:write": "Make, change and delete segments",
    "sso:read": "See how the workspace signs in through its own identity provider",
    "sso:write": "Connect an identity provider and demand its use",
    "subscriptions:read": "See the subscription and what happened to it",
    "subscriptions:write": "Subscribe, change, pause and cancel",
    "templates:read": "See templates",
    "templates:write": "Make, change and delete templates",
    "usage:read": "See what meters stand at",
    "usage:write": "Report usage",
    "workspace:delete": "Delete the workspace, or call its deletion off",
    "workspace:export": "Export everything the workspace has",
    "workspace:read": "See the workspace and its settings",
    "workspace:suspend": "Suspend the workspace and resume it",
    "workspace:transfer": "Hand the workspace to another owner",
    "workspace:write": "Rename the workspace, set its language and time zone",
}

# What decides over people, keys and the workspace itself needs a person who can be asked for a password again (AUTHN-17, AUTHN-18).
PERSONAL_PERMISSIONS: frozenset[str] = frozenset(
    {
        "agency:write",
        "api_keys:write",
        "audit:export",
        "connections:write",
        "members:write",
        "mfa:write",
        "pipeline_secrets:write",
        "roles:write",
        "sso:write",
        "workspace:delete",
        "workspace:export",
        "workspace:suspend",
        "workspace:transfer",
    }
)

_OWNERS_ALONE = frozenset({"agency:write", "workspace:delete", "workspace:export", "workspace:suspend", "workspace:transfer"})
_EVERYONE = frozenset({"workspace:read", "members:read", "roles:read"})
_CAMPAIGN_READING = frozenset(
    {"campaigns:read", "segments:read", "templates:read", "contacts:read", "generations:read", "credits:read", "plans:read"}
    | {"prompts:read", "brand_voices:read", "assets:read", "knowledge:read", "pipelines:read"}
)

ROLES: Mapping[RoleName, Role] = {
    "owner": Role("Everything, and the last word on the workspace itself", frozenset({EVERYTHING})),
    "admin": Role("Everything but deleting, suspending, exporting and handing over the workspace", frozenset(PERMISSIONS) - _OWNERS_ALONE),
    "marketer": Role(
        "Audience, templates and campaigns, from the first draft to sending",
        _EVERYONE
        | _CAMPAIGN_READING
        | {"contacts:write", "segments:write", "templates:write", "campaigns:write", "campaigns:send", "generations:write", "events:read"}
        | {"prompts:write", "brand_voices:write", "assets:write", "knowledge:write"}
        | {"pipelines:write", "pipelines:run"},
    ),
    "merchant": Role(
        "The shop: reads the audience and campaigns, writes texts with the AI",
        _EVERYONE | _CAMPAIGN_READING | {"generations:write", "events:read"},
    ),
    "analyst": Role("Reads all business data, changes only segments", _EVERYONE | _CAMPAIGN_READING | {"segments:write", "events:read"}),
    "developer": Role(
        "Integrations: keys for machines, contacts, templates, the stream of events",
        _EVERYONE
        | _CAMPAIGN_READING
        | {
            "api_keys:read",
            "api_keys:write",
            "connections:read",
            "connections:write",
            "contacts:write",
            "segments:write",
            "templates:write",
            "events:read",
            "pipeline_secrets:write",
            "usage:read",
            "usage:write",
        },
    ),
    "billing": Role(
        "Credits, the subscription, invoices and nothing of the business behind them",
        _EVERYONE
        | {"credits:read", "credits:write", "plans:read", "invoices:read", "invoices:write", "usage:read"}
        | {"payments:read", "payments:write", "subscriptions:read", "subscriptions:write"},
    ),
    "viewer": Role("Reads campaigns and what they are made of", _EVERYONE | _CAMPAIGN_READING),
}


def permissions_of(role: str) -> frozenset[str]:
    """The permissions of a built-in role. Raises: KeyError."""
    return ROLES[role].permissions  # type: ignore[index]


def within(wanted: frozenset[str], held: frozenset[str]) -> bool:
    """Whether somebody holding `held` may hand out `wanted`."""
    return EVERYTHING in held or wanted <= held


def allows(held: frozenset[str], permission: str) -> bool:
    """Whether `held` includes a permission."""
    return EVERYTHING in held or permission in held


def expanded(held: frozenset[str]) -> frozenset[str]:
    """The same, each permission by its name."""
    return frozenset(PERMISSIONS) if EVERYTHING in held else held


def of_machines(held: frozenset[str]) -> frozenset[str]:
    """What a key that was given `held` may do: never what needs a person."""
    return expanded(held) - PERSONAL_PERMISSIONS


def reading_part(held: frozenset[str]) -> frozenset[str]:
    """The part of `held` that only reads."""
    return frozenset(permission for permission in expanded(held) if permission.endswith(":read"))


def unknown_permissions(wanted: frozenset[str]) -> tuple[str, ...]:
    """Those that are not in the matrix, in order."""
    return tuple(sorted(wanted - {EVERYTHING} - frozenset(PERMISSIONS)))
