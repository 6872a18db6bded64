"""Names and places of assets. Pure."""

import hashlib
import re
from uuid import UUID

NAME_LENGTH_MAX = 200
NAMELESS = "Untitled"
PLACE_MAX = 1_000
# What a contract's text must not hold, and what paths are made of.
UNFIT = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SEPARATOR = re.compile(r"[/\\]")


def asset_id_of(generation_id: UUID, place: int) -> UUID:
    """The id of a generation's file at that place: the same whenever it is asked, and sorted by the generation's time."""
    digest = hashlib.sha256(b"asset|" + generation_id.bytes + place.to_bytes(4, "big")).digest()
    raw = bytearray(generation_id.bytes[:6] + digest[:10])
    raw[6], raw[8] = 0x70 | raw[6] & 0x0F, 0x80 | raw[8] & 0x3F
    return UUID(bytes=bytes(raw))


def folder_of(asset_id: UUID) -> str:
    """Where the files of an asset are among the workspace's blobs; no part of it comes from outside."""
    return f"assets/{asset_id}"


def content_key(asset_id: UUID, suffix: str) -> str:
    """Where an asset's content is."""
    return f"{folder_of(asset_id)}/content.{suffix}"


def thumbnail_key(asset_id: UUID) -> str:
    """Where its small picture is."""
    return f"{folder_of(asset_id)}/thumbnail.webp"


def name_of(file_name: str | None) -> str:
    """What a file is called here: the last part of what it is called there, fit to be shown."""
    last = SEPARATOR.split(file_name or "")[-1]
    return UNFIT.sub("", last).strip().strip(".")[:NAME_LENGTH_MAX].strip() or NAMELESS
