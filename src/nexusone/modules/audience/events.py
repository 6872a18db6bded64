"""What audience announces. Single changes to contacts are told one by one; an import tells once, when it is over."""

from typing import ClassVar, Literal

from nexusone.kernel.contract import Id
from nexusone.platform.events import Event


class ContactCreated(Event):
    """A contact was added by itself."""

    name: ClassVar[str] = "audience.contact.created.v1"

    contact_id: Id


class ContactUpdated(Event):
    """A contact was changed by itself; `changed` names fields and, as `attributes.<key>`, attributes."""

    name: ClassVar[str] = "audience.contact.updated.v1"

    contact_id: Id
    changed: tuple[str, ...]


class ContactDeleted(Event):
    """A contact is gone."""

    name: ClassVar[str] = "audience.contact.deleted.v1"

    contact_id: Id


class ContactUnsubscribed(Event):
    """A contact wants nothing more on a channel; `source` says where it said so."""

    name: ClassVar[str] = "audience.contact.unsubscribed.v1"

    contact_id: Id
    channel: Literal["email"]
    source: str


class ImportFinished(Event):
    """A file of contacts is done with: `succeeded` with every row counted, or `failed` as a whole."""

    name: ClassVar[str] = "audience.import.finished.v1"

    import_id: Id
    status: Literal["succeeded", "failed"]
    created: int
    updated: int
    rejected: int


class SegmentCreated(Event):
    """A segment was defined."""

    name: ClassVar[str] = "audience.segment.created.v1"

    segment_id: Id


class SegmentUpdated(Event):
    """A segment was renamed or defined anew."""

    name: ClassVar[str] = "audience.segment.updated.v1"

    segment_id: Id


class SegmentDeleted(Event):
    """A segment is gone."""

    name: ClassVar[str] = "audience.segment.deleted.v1"

    segment_id: Id
