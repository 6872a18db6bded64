"""AIA-02: what a model made says so in the file, signed; what is made of it says of what."""

import io
import json
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import c2pa  # type: ignore[import-untyped]
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from nexusone.platform.provenance import (
    GENERATION_LABEL,
    MADE_ALONE,
    MODEL_MADE,
    MadeByModel,
    ManifestSigner,
    Parent,
    ProvenanceBroken,
    read_mark,
)
from nexusone.platform.provenance_certificate import FILE, CredentialUnusable, ensure_credential
from nexusone.web.simulation.files import film, picture, speech

AT = datetime(2026, 8, 3, 12, 30, tzinfo=UTC)
MADE = MadeByModel(model="brush-3", vendor="atelier", prompt_hash=sha256(b"a lamp").digest(), made_at=AT)


def file_of(media_type: str) -> bytes:
    if media_type.startswith("image/"):
        return picture("x", width=64, height=64, media_type=media_type)
    return speech("hello there", media_type=media_type) if media_type.startswith("audio/") else film("x", seconds=1, width=64, height=64)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> ManifestSigner:
    return ManifestSigner(folder=tmp_path_factory.mktemp("provenance"))


def read(content: bytes, media_type: str, *, trusting: bytes | None = None) -> dict[str, Any]:
    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
    if trusting is not None:
        settings["trust"] = {"user_anchors": trusting.decode()}
    with c2pa.Context.from_dict(settings) as context, c2pa.Reader(media_type, io.BytesIO(content), context=context) as reader:
        found: dict[str, Any] = json.loads(reader.json())
        return found


def faults(found: dict[str, Any]) -> set[str]:
    return {fault["code"] for fault in found["validation_results"]["activeManifest"]["failure"]}


@pytest.mark.parametrize("media_type", MADE_ALONE)
def test_aia_02_a_made_file_says_so(signer: ManifestSigner, media_type: str) -> None:
    found = read(signer.mark_made(file_of(media_type), media_type, made=MADE), media_type)
    assert found["validation_state"] == "Valid"
    assert faults(found) == {"signingCredential.untrusted"}
    manifest = found["manifests"][found["active_manifest"]]
    (generator,) = manifest["claim_generator_info"]
    assert (generator["name"], generator["version"]) == ("NexusOne", version("nexusone"))
    told = {one["label"]: one["data"] for one in manifest["assertions"]}
    (action,) = told["c2pa.actions.v2"]["actions"]
    assert (action["action"], action["digitalSourceType"], action["when"]) == ("c2pa.created", MODEL_MADE, "2026-08-03T12:30:00Z")
    assert told[GENERATION_LABEL] == {
        "model": "brush-3",
        "vendor": "atelier",
        "prompt_sha256": sha256(b"a lamp").hexdigest(),
        "made_at": "2026-08-03T12:30:00Z",
    }
    assert manifest["signature_info"]["alg"] == "Es256"


@pytest.mark.parametrize("media_type", MADE_ALONE)
def test_aia_02_a_changed_byte_is_seen(signer: ManifestSigner, media_type: str) -> None:
    original = file_of(media_type)
    marked = bytearray(signer.mark_made(original, media_type, made=MADE))
    # The middle of the last long piece of the original that is still there in one.
    piece = original[len(original) // 2 : len(original) // 2 + 24]
    marked[bytes(marked).index(piece) + 3] ^= 1
    found = read(bytes(marked), media_type)
    assert found["validation_state"] == "Invalid"
    assert faults(found) & {"assertion.dataHash.mismatch", "assertion.bmffHash.mismatch"}


@pytest.mark.parametrize(("source", "target"), [("image/png", "image/webp"), ("image/jpeg", "image/png"), ("video/mp4", "image/jpeg")])
def test_aia_02_what_is_made_of_a_made_file_names_it(signer: ManifestSigner, source: str, target: str) -> None:
    parent = Parent(signer.mark_made(file_of(source), source, made=MADE), source, "original")
    marked = signer.mark_derived(file_of(target), target, parent=parent, actions=("c2pa.resized",), now=AT)
    found = read(marked, target)
    assert found["validation_state"] == "Valid"
    manifest = found["manifests"][found["active_manifest"]]
    (ingredient,) = manifest["ingredients"]
    assert (ingredient["relationship"], ingredient["title"]) == ("parentOf", "original")
    (told,) = (one["data"]["actions"] for one in manifest["assertions"] if one["label"] == "c2pa.actions.v2")
    assert [action["action"] for action in told] == ["c2pa.opened", "c2pa.resized"]
    mark = read_mark(marked, target)
    assert mark is not None
    assert (mark.is_made_by_model, mark.validation_state) == (True, "Valid")


def test_a_file_without_manifest_has_no_mark(signer: ManifestSigner) -> None:
    assert read_mark(file_of("image/png"), "image/png") is None
    assert read_mark(b"\x89PNG\r\n\x1a\n nonsense", "image/png") is None


def test_what_was_made_of_no_models_file_is_not_a_models(signer: ManifestSigner) -> None:
    parent = Parent(file_of("image/png"), "image/png", "photo")
    mark = read_mark(signer.mark_derived(file_of("image/webp"), "image/webp", parent=parent, actions=(), now=AT), "image/webp")
    assert mark is not None
    assert not mark.is_made_by_model


def test_the_development_certificate_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = ensure_credential(tmp_path / "new", chain_file=None, key_file=None)
    second = ensure_credential(tmp_path / "new", chain_file=None, key_file=None)
    assert (first, first.algorithm) == (second, "es256")
    assert (tmp_path / "new" / FILE).stat().st_mode & 0o077 == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == [FILE]
    assert first.key.decode() not in repr(first)


def test_a_chain_and_key_from_files_are_used_and_trusted_where_their_root_is(tmp_path: Path) -> None:
    made = ensure_credential(tmp_path, chain_file=None, key_file=None)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(made.chain)
    key.write_bytes(made.key)
    signer = ManifestSigner(folder=tmp_path / "unused", chain_file=chain, key_file=key)
    marked = signer.mark_made(file_of("image/png"), "image/png", made=MADE)
    root = x509.load_pem_x509_certificates(made.chain)[1].public_bytes(Encoding.PEM)
    assert read(marked, "image/png", trusting=root)["validation_state"] == "Trusted"
    assert not (tmp_path / "unused").exists()


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    made = ensure_credential(tmp_path, chain_file=None, key_file=None)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(made.chain)
    stranger = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(CredentialUnusable, match="not that of the first certificate"):
        ensure_credential(tmp_path, chain_file=chain, key_file=key)
    with pytest.raises(CredentialUnusable, match="together"):
        ensure_credential(tmp_path, chain_file=chain, key_file=None)
    with pytest.raises(CredentialUnusable):
        ensure_credential(tmp_path, chain_file=tmp_path / "none.pem", key_file=key)


def test_what_the_library_cannot_mark_is_a_fault_with_a_name(signer: ManifestSigner) -> None:
    with pytest.raises(ProvenanceBroken):
        signer.mark_made(b"no picture at all", "image/png", made=MADE)
