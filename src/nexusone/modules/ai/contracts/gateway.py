"""The words of the gateway's list of models, as the wire of others has them."""

from typing import Literal

from nexusone.kernel.contract import Contract


class WireModel(Contract):
    """A model that the gateway takes: `created` in seconds since 1970, `owned_by` the vendor behind it."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class WireModels(Contract):
    """All of them."""

    object: Literal["list"] = "list"
    data: tuple[WireModel, ...]
