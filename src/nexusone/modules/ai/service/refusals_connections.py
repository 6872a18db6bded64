"""What ai refuses about connections to vendors."""

from nexusone.kernel.errors import NotFound, Unprocessable


class VendorUnknown(NotFound):
    """There is no vendor of that name that makes anything."""

    code = "ai.vendor_unknown"


class ConnectionNotFound(NotFound):
    """The workspace has no account of its own at that vendor."""

    code = "ai.connection_not_found"


class ConnectionInvalid(Unprocessable):
    """Fields that the vendor does not ask for, or does; or an address that may not be spoken to. The errors say which."""

    code = "ai.connection_invalid"
