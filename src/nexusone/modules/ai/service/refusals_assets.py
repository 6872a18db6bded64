"""What ai refuses about assets."""

from nexusone.kernel.errors import Conflict, NotFound, PayloadTooLarge, Unprocessable


class AssetNotFound(NotFound):
    """There is no such asset in this workspace."""

    code = "ai.asset_not_found"


class AssetRefused(Unprocessable):
    """The file is not taken; `reason` is a stable word that says why."""

    code = "ai.asset_refused"


class AssetTooLarge(PayloadTooLarge):
    """The file has more than `limit` bytes."""

    code = "ai.asset_too_large"


class StorageFull(Conflict):
    """The workspace's assets would have more than `limit` bytes together."""

    code = "ai.storage_full"


class RenditionImpossible(Unprocessable):
    """That cannot be made of this asset."""

    code = "ai.rendition_impossible"
