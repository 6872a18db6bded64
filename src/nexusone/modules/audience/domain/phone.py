"""Telephone numbers in E.164."""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, ValidationResult

_WRITTEN = re.compile(r"\+?[\d ()./-]{2,40}")
_INTERNATIONAL = re.compile(r"\+[1-9][0-9]{6,14}")


def normalise_phone(text: str, *, country: str | None) -> str | None:
    """E.164, or None if `text` is no possible number; a national number is read as one of `country` (alpha-2)."""
    if _INTERNATIONAL.fullmatch(text) and _is_plainly_valid(text):
        return text
    written = unicodedata.normalize("NFKC", text).strip()
    if not _WRITTEN.fullmatch(written):
        return None
    try:
        number = phonenumbers.parse(written, country)
    except NumberParseException:
        return None
    # A number that can be dialled only within its town has no international form.
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _is_plainly_valid(text: str) -> bool:
    # A full parse takes 13 µs, which is most of what an import may spend on a row.
    for end in (2, 3, 4):
        plan = _numbering_plan(text[1:end])
        if plan is not None:
            return (
                len(text) - end in plan.lengths
                and plan.numbers.fullmatch(text, end) is not None
                and (plan.strippable is None or not plan.strippable.match(text, end))
            )
    return False


class _NumberingPlan(NamedTuple):
    lengths: frozenset[int]
    numbers: re.Pattern[str]
    strippable: re.Pattern[str] | None


@cache
def _numbering_plan(calling_code: str) -> _NumberingPlan | None:
    code = int(calling_code)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    known = [metadata for region in regions if (metadata := PhoneMetadata.metadata_for_region_or_calling_code(code, region))]
    if not known:
        return None
    # Lengths and prefixes are those of the code's main region, which comes first; what looks like a prefix is left to the parser.
    prefix = known[0].national_prefix_for_parsing
    numbers = "|".join(f"(?:{metadata.general_desc.national_number_pattern})" for metadata in known if metadata.general_desc)
    lengths = known[0].general_desc.possible_length if known[0].general_desc else ()
    return _NumberingPlan(frozenset(lengths), re.compile(numbers), re.compile(prefix) if prefix else None)
