"""Master keys: what they accept, what they derive, how they are kept in a file."""

import base64
import json
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.kernel.ids import new_id
from nexusone.platform.vault import MasterKeys, SealBroken, VaultLocked, read_key_file, write_key_file

K1, K2 = bytes(range(32)), bytes(range(32, 64))
BOTH = MasterKeys(primary_id="k2", keys={"k1": K1, "k2": K2})


def test_the_json_form_reads_back_as_the_same_keys() -> None:
    read = MasterKeys.from_json(BOTH.to_json())
    assert (read.primary_id, read.ids) == ("k2", ("k1", "k2"))
    assert read.derive("cursor", "x") == BOTH.derive("cursor", "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"primary": "k1"}',
        '{"primary": "k1", "keys": ["c2VjcmV0"]}',
        '{"primary": "k1", "keys": {"k1": 5}}',
        '{"primary": "k1", "keys": {"k1": "canary not base64!"}}',
        json.dumps({"primary": "k1", "keys": {"k1": base64.b64encode(b"canary").decode()}}),
        json.dumps({"primary": "k9", "keys": {"k1": base64.b64encode(K1).decode()}}),
        json.dumps({"primary": "k 1", "keys": {"k 1": base64.b64encode(K1).decode()}}),
    ],
)
def test_an_unreadable_setting_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="master key") as refused:
        MasterKeys.from_json(text)
    assert "canary" not in str(refused.value)
    assert refused.value.__context__ is None


def test_repr_and_pickle_do_not_give_keys_away() -> None:
    assert repr(BOTH) == "MasterKeys(primary_id='k2', ids=('k1', 'k2'))"
    assert K2.hex() not in repr(BOTH.signing_keys("cursor")) and "keys" not in repr(BOTH.signing_keys("cursor")).lower()[12:]
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(BOTH)


def test_the_primary_and_unknown_keys_cannot_be_retired_and_a_key_is_not_added_twice() -> None:
    for key_id in ("k2", "k3"):
        with pytest.raises(ValueError, match="primary or unknown"):
            BOTH.without(key_id)
    with pytest.raises(ValueError, match="exists"):
        BOTH.with_key("k1")
    with pytest.raises(ValueError, match="0 bytes"):
        BOTH.with_key("k3", b"")


def test_a_wrapped_key_is_bound_to_its_id_workspace_purpose_and_master_key() -> None:
    place = {"key_id": new_id(), "workspace_id": new_id()}
    wrapped = BOTH.wrap(b"s" * 32, purpose="workspace", **place)
    assert BOTH.unwrap(wrapped, kek_id="k2", purpose="workspace", **place) == b"s" * 32
    for changed in ({"key_id": new_id()}, {"workspace_id": new_id()}):
        with pytest.raises(SealBroken):
            BOTH.unwrap(wrapped, kek_id="k2", purpose="workspace", **(place | changed))
    for kek_id, purpose in (("k1", "workspace"), ("k2", "subject")):
        with pytest.raises(SealBroken):
            BOTH.unwrap(wrapped, kek_id=kek_id, purpose=purpose, **place)
    with pytest.raises(VaultLocked) as locked:
        BOTH.unwrap(wrapped, kek_id="k9", purpose="workspace", **place)
    assert locked.value.data == {"key_ids": ("k9",)}


@settings(deadline=None)
@given(
    purposes=st.lists(st.from_regex(r"[a-z][a-z0-9_.-]{0,9}", fullmatch=True), min_size=2, max_size=2, unique=True),
    context=st.text("ab|", max_size=9),
)
def test_derived_keys_differ_by_purpose_context_and_master_key(purposes: list[str], context: str) -> None:
    derived = [
        BOTH.derive(purposes[0], context),
        BOTH.derive(purposes[1], context),
        BOTH.derive(purposes[0], context + "a"),
        BOTH.derive(purposes[0], context, key_id="k1"),
    ]
    assert len({*derived, K1, K2}) == 6
    assert {len(key) for key in derived} == {32}


def test_a_signature_made_before_a_rotation_verifies_until_its_key_is_retired() -> None:
    token = BOTH.with_primary("k1").signing_keys("cursor").sign(b"page 2")
    assert BOTH.signing_keys("cursor").verify(token) == b"page 2"
    assert BOTH.signing_keys("cursor").primary_id == "k2"
    assert "k1" not in BOTH.without("k1").signing_keys("cursor").keys


def test_a_missing_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.json"
    made = read_key_file(path, may_create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key_file(path, may_create=True).ids == made.ids
    assert [entry.name for entry in path.parent.iterdir()] == ["master.json"]


def test_of_processes_that_make_the_key_file_at_once_all_read_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    with ThreadPoolExecutor(8) as threads:
        read = list(threads.map(lambda _: read_key_file(path, may_create=True).primary_id, range(16)))
    assert len(set(read)) == 1


def test_a_missing_key_file_that_may_not_be_made_locks_the_vault(tmp_path: Path) -> None:
    with pytest.raises(VaultLocked):
        read_key_file(tmp_path / "none.json", may_create=False)
    assert not (tmp_path / "none.json").exists()


def test_writing_replaces_the_file_and_keeps_it_private(tmp_path: Path) -> None:
    path = tmp_path / "master.json"
    read_key_file(path, may_create=True)
    write_key_file(path, BOTH)
    assert read_key_file(path, may_create=False).ids == ("k1", "k2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 1
