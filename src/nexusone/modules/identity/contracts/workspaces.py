"""The words of workspaces and agencies."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name, Shown, Text, printable
from nexusone.kernel.locale import TAG_PATTERN

LocaleText = Annotated[str, StringConstraints(min_length=2, max_length=35), AfterValidator(printable), Shown(TAG_PATTERN)]
ZoneText = Annotated[Text, StringConstraints(min_length=1, max_length=64)]
WorkspaceState = Literal["active", "suspended", "to_be_deleted"]


class WorkspaceDetails(Contract):
    """A workspace with its settings. `to_be_deleted`: on `delete_at`, unless that is called off before."""

    id: Id
    name: str
    default_locale: str
    timezone: str
    state: WorkspaceState
    agency_id: Id | None
    suspended_at: Instant | None
    delete_at: Instant | None
    version: int
    created_at: Instant


class WorkspaceChange(Contract):
    """What is to be different: a BCP 47 language, an IANA time zone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Analytical Engines", "timezone": "Europe/London"}]})

    name: Name | None = None
    default_locale: LocaleText | None = None
    timezone: ZoneText | None = None


class Membership(Contract):
    """A workspace of the caller's, with their role in it."""

    workspace_id: Id
    name: str
    role: str
    role_name: str
    state: WorkspaceState
    is_current: bool


class Memberships(Contract):
    """All workspaces of the caller, the oldest membership first; at most 1000."""

    items: list[Membership]


class Switch(Contract):
    """The workspace to go on in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"workspace_id": "0198c0de-0000-7000-8000-000000000000"}]})

    workspace_id: Id


class DeletionWish(Contract):
    """The name of the workspace, spelled as it is, so that nobody deletes the wrong one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Analytical Engines"}]})

    name: Name


class NewAgencyWorkspace(Contract):
    """A further workspace of an agency."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Client & Co", "default_locale": "de", "timezone": "Europe/Berlin"}]}
    )

    name: Name
    default_locale: LocaleText = "en"
    timezone: ZoneText = "UTC"


class AgencyWorkspace(Contract):
    """One workspace of an agency, in numbers."""

    workspace_id: Id
    name: str
    state: WorkspaceState
    members: int
    open_invitations: int
    api_keys: int
    created_at: Instant


class AgencyOverview(Contract):
    """The agency's workspaces together; `members` counts a person once."""

    items: list[AgencyWorkspace]
    workspaces: int
    members: int


class ExportFile(Contract):
    """One table as NDJSON; whoever has the link can fetch it until `expires_at`."""

    table: str
    size_bytes: int
    url: str


class WorkspaceExport(Contract):
    """Everything the workspace has, as of `exported_at`, without secrets."""

    exported_at: Instant
    expires_at: Instant
    files: list[ExportFile]
