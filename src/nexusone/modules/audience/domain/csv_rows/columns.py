"""What the columns of a CSV file mean: a field of a contact, an attribute, or nothing."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nexusone.modules.audience.domain.contact import ATTRIBUTE_KEY, ATTRIBUTES_MAX, IDENTIFIERS, TEXT_FIELDS

_ATTRIBUTE = "attributes."
# Latin letters that no decomposition brings to ASCII.
_LATIN = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


class FileFault(NamedTuple):
    """Why a file cannot be imported at all, as a stable code and a sentence."""

    code: str
    detail: str


class UnreadableFile(Exception):
    """The file as a whole cannot be imported: its encoding or its header line is at fault."""

    def __init__(self, *faults: FileFault) -> None:
        super().__init__("; ".join(fault.detail for fault in faults))
        self.faults = faults


class Columns(NamedTuple):
    """The header as written, and at which position which field and which attribute stand."""

    header: tuple[str, ...]
    fields: tuple[tuple[int, str], ...]
    attributes: tuple[tuple[int, str], ...]


def read_columns(header: Sequence[str], *, mapping: Mapping[str, str | None]) -> Columns:
    """What each column of `header` is imported as.

    `mapping` names, for a column as written, a field, `attributes.<key>`, or None to leave it out. Columns it does not
    name go by their header: "First Name" is first_name, "Lifetime Value" the attribute lifetime_value.

    Raises:
        UnreadableFile: empty, repeated or unusable names; names of the mapping that are no column; no identifier.
    """
    names = [name.strip() for name in header]
    faults = _faults_of_names(names, mapping=mapping)
    fields: dict[str, int] = {}
    attributes: dict[str, int] = {}
    for position, name in enumerate(names):
        target = mapping[name] if name in mapping else _target(name)
        if not name or target is None:
            continue
        place, key = (attributes, target.removeprefix(_ATTRIBUTE)) if target.startswith(_ATTRIBUTE) else (fields, target)
        if place is fields and key not in TEXT_FIELDS:
            faults.append(FileFault("mapping_unknown_field", f"{target[:100]!r} is not a field of a contact"))
        elif place is attributes and not ATTRIBUTE_KEY.fullmatch(key):
            faults.append(FileFault("column_unusable", f"column {position + 1} ({name[:100]!r}) makes no attribute name; map it"))
        elif key in place and len(set(names)) == len(names):
            faults.append(FileFault("column_repeated", f"two columns are imported as {target}"))
        else:
            place[key] = position
    if len(attributes) > ATTRIBUTES_MAX:
        faults.append(FileFault("too_many_attributes", f"at most {ATTRIBUTES_MAX} attributes, not {len(attributes)}"))
    if not faults and not fields.keys() & set(IDENTIFIERS):
        faults.append(FileFault("identifier_column_missing", "no column is external_id, email or phone"))
    if faults:
        raise UnreadableFile(*faults)
    return Columns(tuple(header), _positions(fields), _positions(attributes))


def _faults_of_names(names: list[str], *, mapping: Mapping[str, str | None]) -> list[FileFault]:
    faults = [FileFault("column_unnamed", f"column {at} has no name") for at, name in enumerate(names, start=1) if not name]
    for name in dict.fromkeys(names):
        if name and names.count(name) > 1:
            faults.append(FileFault("column_repeated", f"the column {name[:100]!r} is there twice"))
    for name in mapping:
        if name not in names:
            faults.append(FileFault("mapping_unknown_column", f"the mapping names {name[:100]!r}, which is no column"))
    return faults


def _target(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.lower()).translate(_LATIN)
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    key = re.sub(r"[^a-z0-9]+", "_", plain.removeprefix(_ATTRIBUTE)).strip("_")
    # What is left of letters outside the Latin alphabet would name the column wrongly.
    if any(letter.isalpha() and not letter.isascii() for letter in plain):
        key = ""
    return key if key in TEXT_FIELDS and not plain.startswith(_ATTRIBUTE) else f"{_ATTRIBUTE}{key}"


def _positions(places: Mapping[str, int]) -> tuple[tuple[int, str], ...]:
    return tuple((position, name) for name, position in places.items())
