"""The words of audience: contacts, imports, segments."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from nexusone.kernel.contract import Contract, Id, Instant, Name, NeverNull
from nexusone.modules.audience.domain.contact import AttributeValue
from nexusone.modules.audience.domain.segments import Definition

EmailStatus = Literal["subscribed", "unsubscribed", "bounced", "complained"]
ImportStatus = Literal["queued", "running", "succeeded", "failed"]

# What a field may hold is said by the rules of contacts, which answer with a code of their own; this only bounds it.
_Written = Annotated[str, StringConstraints(max_length=1000)]
_Attributes = dict[Annotated[str, StringConstraints(max_length=200)], AttributeValue]

_ADA: Final[JsonDict] = {
    "external_id": "crm-1815",
    "email": "ada@example.com",
    "phone": "+442071234567",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "locale": "en-GB",
    "timezone": "Europe/London",
    "country": "GB",
    "attributes": {"plan": "pro", "lifetime_value": 720},
}
_PRO: Final[JsonDict] = {
    "any": [{"attribute": "plan", "op": "eq", "value": "pro"}, {"attribute": "lifetime_value", "op": "gt", "value": 500}]
}


def _example(*examples: JsonDict) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


class ContactFields(Contract):
    """A contact as it is written: external_id, e-mail or phone at least; blank is absent, and so is null.

    `phone` is stored in E.164, a national number read as one of `country`; `email` in lower case.
    """

    model_config = _example(_ADA)

    external_id: _Written | None = None
    email: _Written | None = None
    phone: _Written | None = None
    first_name: _Written | None = None
    last_name: _Written | None = None
    locale: _Written | None = None
    timezone: _Written | None = None
    country: _Written | None = None
    attributes: _Attributes | None = None


class ContactChange(ContactFields):
    """What to change: a field left out stays, null removes it, attributes are merged one by one."""

    model_config = _example({"first_name": "Augusta", "phone": None, "attributes": {"plan": "free", "trial_ends": None}})


class Contact(Contract):
    """A person of the workspace's audience. `email_status` is that of the address."""

    model_config = _example(
        {
            "id": "01980d4e-6f2a-7c31-9d1e-3b2f6f0c9a11",
            **_ADA,
            "email_status": "subscribed",
            "version": 1,
            "created_at": "2026-01-31T09:30:00Z",
            "updated_at": "2026-01-31T09:30:00Z",
        }
    )

    id: Id
    external_id: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    locale: str | None
    timezone: str | None
    country: str | None
    attributes: dict[str, AttributeValue]
    email_status: EmailStatus
    version: int
    created_at: Instant
    updated_at: Instant


class ContactImport(Contract):
    """A file on its way in. created + updated + rejected = rows_total, at every moment.

    `progress` is the part of the file that is done, in percent. `errors_url` leads to the rejected rows, if any, once the
    import is over. `failure` says why a file could not be imported at all.
    """

    id: Id
    status: ImportStatus
    progress: int
    rows_total: int
    created: int
    updated: int
    rejected: int
    errors_url: str | None
    failure: "ImportFailure | None"
    created_at: Instant
    finished_at: Instant | None


class ImportFailure(Contract):
    """Why no row was read: a stable `code` and a sentence."""

    code: str
    detail: str


class NewSegment(Contract):
    """A segment to be: its name, and who is in it."""

    model_config = _example({"name": "Good customers", "definition": _PRO})

    name: Name
    definition: Definition


class SegmentChange(Contract):
    """What to change; a field left out stays."""

    model_config = _example({"name": "Best customers"})

    name: Annotated[Name | None, NeverNull()] = None
    definition: Annotated[Definition | None, NeverNull()] = None


class SegmentPreview(Contract):
    """A definition to try."""

    model_config = _example({"definition": _PRO})

    definition: Definition


class SegmentCount(Contract):
    """How many contacts a segment has now."""

    count: Annotated[int, Field(ge=0)]


class Segment(Contract):
    """A named part of the audience, computed anew at every use."""

    id: Id
    name: str
    definition: Definition
    version: int
    created_at: Instant
    updated_at: Instant
