"""What audience refuses."""

from nexusone.kernel.errors import Conflict, NotFound


class ContactNotFound(NotFound):
    """There is no such contact in this workspace."""

    code = "audience.contact_not_found"


class SegmentNotFound(NotFound):
    """There is no such segment in this workspace."""

    code = "audience.segment_not_found"


class ImportNotFound(NotFound):
    """There is no such import in this workspace."""

    code = "audience.import_not_found"


class IdentifierTaken(Conflict):
    """Another contact of the workspace has the identifier named in `field`."""

    code = "audience.identifier_taken"


class ImportUnfinished(Conflict):
    """The import is still at work, so its rejected rows are not all known."""

    code = "audience.import_unfinished"
