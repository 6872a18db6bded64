"""A sealed field opens at its place, under its key, unchanged; and nowhere else."""

import base64
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.kernel.ids import new_id
from nexusone.platform.vault import DataKey, SealBroken
from nexusone.platform.vault.master_keys import hkdf

CANARY = b"canary-7c1e-secret"
SECRET = bytes(range(32))
KEY = DataKey(key_id=new_id(), workspace_id=new_id(), secret=SECRET)

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True)
ROWS = st.uuids() | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)


@dataclass(frozen=True)
class Place:
    table: str
    column: str
    row_id: UUID | str


PLACES = st.builds(Place, NAMES, NAMES, ROWS)


def seal(place: Place, plaintext: bytes, *, key: DataKey = KEY, random: Callable[[int], bytes] = lambda n: bytes(n)) -> bytes:
    return key.seal(plaintext, table=place.table, column=place.column, row_id=place.row_id, random=random)


def open_(place: Place, sealed: bytes, *, key: DataKey = KEY) -> bytes:
    return key.open(sealed, table=place.table, column=place.column, row_id=place.row_id)


HOME = Place("connections.credential", "secret", new_id())


@settings(deadline=None)
@given(place=PLACES, plaintext=st.binary(max_size=300))
def test_what_was_sealed_opens_at_its_place(place: Place, plaintext: bytes) -> None:
    assert open_(place, seal(place, plaintext)) == plaintext


@settings(deadline=None)
@given(here=PLACES, there=PLACES, plaintext=st.binary(max_size=50))
def test_a_ciphertext_moved_to_another_place_does_not_open(here: Place, there: Place, plaintext: bytes) -> None:
    if (here.table, here.column, str(here.row_id)) == (there.table, there.column, str(there.row_id)):
        return
    with pytest.raises(SealBroken):
        open_(there, seal(here, plaintext))


@pytest.mark.parametrize(
    "there",
    [
        replace(HOME, row_id=new_id()),
        replace(HOME, column="token"),
        replace(HOME, table="identity.user"),
        replace(HOME, table="connections", column="credential.secret"),
    ],
    ids=["row", "column", "table", "boundary"],
)
def test_swapping_row_column_or_table_breaks_the_seal(there: Place) -> None:
    with pytest.raises(SealBroken):
        open_(there, seal(HOME, CANARY))


def test_the_same_secret_in_another_workspace_does_not_open_it() -> None:
    foreign = DataKey(key_id=KEY.id, workspace_id=new_id(), secret=SECRET)
    with pytest.raises(SealBroken):
        open_(HOME, seal(HOME, CANARY), key=foreign)


def test_the_key_id_is_bound_even_when_the_header_is_rewritten() -> None:
    other = DataKey(key_id=new_id(), workspace_id=KEY.workspace_id, secret=SECRET)
    sealed = seal(HOME, CANARY)
    for forged in (sealed, sealed[:1] + other.id.bytes + sealed[17:]):
        with pytest.raises(SealBroken):
            open_(HOME, forged, key=other)


@settings(deadline=None)
@given(at=st.integers(0, 45 + len(CANARY) - 1), flip=st.integers(1, 255))
def test_any_changed_byte_breaks_the_seal(at: int, flip: int) -> None:
    sealed = bytearray(seal(HOME, CANARY))
    sealed[at] ^= flip
    with pytest.raises(SealBroken):
        open_(HOME, bytes(sealed))


@settings(deadline=None)
@given(length=st.integers(0, 45 + len(CANARY) - 1))
def test_any_truncation_breaks_the_seal(length: int) -> None:
    with pytest.raises(SealBroken):
        open_(HOME, seal(HOME, CANARY)[:length])


def test_the_format_is_version_key_id_nonce_and_aes_256_gcm_over_the_documented_place() -> None:
    nonce = bytes(range(100, 112))
    sealed = seal(HOME, CANARY, random=lambda n: nonce[:n])
    assert sealed[:29] == b"\x01" + KEY.id.bytes + nonce
    place = f"{KEY.workspace_id}|{HOME.table}|{HOME.column}|{HOME.row_id}|01{KEY.id.hex}".encode()
    assert AESGCM(hkdf(SECRET, "nexusone/seal/v1")).decrypt(nonce, sealed[29:], place) == CANARY


@pytest.mark.parametrize(
    ("key", "nonce", "plaintext", "aad", "sealed"),
    [
        ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
        ("00" * 32, "00" * 12, "00" * 16, "", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        (
            "feffe9928665731c6d6a8f9467308308" * 2,
            "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ],
    ids=["case 13", "case 14", "case 16"],
)
def test_the_cipher_answers_the_published_gcm_test_cases(key: str, nonce: str, plaintext: str, aad: str, sealed: str) -> None:
    cipher = AESGCM(bytes.fromhex(key))
    assert cipher.encrypt(bytes.fromhex(nonce), bytes.fromhex(plaintext), bytes.fromhex(aad)) == bytes.fromhex(sealed)


def test_sub_keys_are_hkdf_sha256_as_in_rfc_5869() -> None:
    # Test case 3 of the RFC has an empty salt and an empty label, as ours has an empty salt.
    assert hkdf(b"\x0b" * 22, "") == bytes.fromhex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")


@pytest.mark.parametrize("name", ["a|b", "", "A", "a b", "a\n"])
def test_names_that_are_no_identifiers_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="identifiers"):
        seal(replace(HOME, table=name), CANARY)
    with pytest.raises(ValueError, match="identifiers"):
        seal(replace(HOME, column=name), CANARY)


def test_nothing_shown_of_a_key_or_a_failure_tells_secret_or_plaintext() -> None:
    with pytest.raises(SealBroken) as failure:
        open_(replace(HOME, column="other"), seal(HOME, CANARY))
    shown = f"{KEY!r} {KEY} {failure.value!r} {failure.value.args} {failure.value.__cause__} {failure.value.__context__}"
    for hidden in (CANARY.decode(), SECRET.hex(), base64.b64encode(SECRET).decode(), str(SECRET)):
        assert hidden not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(KEY)


@settings(deadline=None)
@given(value=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_blind_index_finds_equals_in_its_workspace_and_nothing_across(value: str) -> None:
    other = DataKey(key_id=new_id(), workspace_id=new_id(), secret=bytes(32))
    index = KEY.blind_index(value, field="email")
    assert index == KEY.blind_index(value, field="email")
    assert len(index) == 32
    assert index != KEY.blind_index(value, field="phone")
    assert index != KEY.blind_index(value + "x", field="email")
    assert index != other.blind_index(value, field="email")
