"""The words of voices that read aloud."""

from nexusone.kernel.contract import Contract


class Speaker(Contract):
    """A voice: `name` is what a generation says as its `voice`, `preview_url` a sample at the vendor's.

    `is_own_key`: it is one of the workspace's own account at the vendor.
    """

    name: str
    title: str
    provider: str
    languages: tuple[str, ...]
    preview_url: str | None
    is_own_key: bool
