"""What audience refuses."""

from nexusone.kernel.errors import Conflict, Forbidden, NotFound


class ContactNotFound(NotFound):
    """There is no such contact in this workspace."""

    code = "audience.contact_not_found"


class SegmentNotFound(NotFound):
    """There is no such segment in this workspace."""

    code = "audience.segment_not_found"


class SegmentReadOnly(Forbidden):
    """The segment is shared with the caller to be seen, not to be changed."""

    code = "audience.segment_read_only"


class ImportNotFound(NotFound):
    """There is no such import in this workspace."""

    code = "audience.import_not_found"


class IdentifierTaken(Conflict):
    """Another contact of the workspace has the identifier named in `field`."""

    code = "audience.identifier_taken"


class ImportUnfinished(Conflict):
    """The import is still at work, so its rejected rows are not all known."""

    code = "audience.import_unfinished"
