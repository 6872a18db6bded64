"""Where files come from: C2PA manifests, signed and embedded, without any network (AIA-02).

A file of a model says so by `c2pa.created` with the source type of trained models; what is made of such a file says of which.
"""

import io
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import c2pa  # type: ignore[import-untyped]

from nexusone.platform.provenance_certificate import Credential, ensure_credential

MODEL_MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
# Other systems write these into files that are wholly or partly a model's.
MODEL_SOURCES = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic")
GENERATOR = "NexusOne"
GENERATION_LABEL = "nexusone.generation"
MADE_ALONE = ("image/png", "image/jpeg", "image/webp", "audio/mpeg", "audio/wav", "video/mp4")
MARKABLE = frozenset({*MADE_ALONE, "image/gif"})
# No authority is asked for the time, no certificate for its revocation, no server for a manifest; thumbnails would double a file.
OFFLINE = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}

Action = Literal["c2pa.resized", "c2pa.transcoded", "c2pa.converted", "c2pa.cropped"]


class ProvenanceBroken(Exception):
    """The library would not write a manifest: the certificate is none for this, or the file is beyond it."""


@dataclass(frozen=True, slots=True)
class MadeByModel:
    """What a file's manifest says of its making; `prompt_hash` is SHA-256."""

    model: str
    vendor: str
    prompt_hash: bytes
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Parent:
    """The file that another was made of, with its manifest in it."""

    content: bytes
    media_type: str
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What a file's manifest says: whether a model made it or what it was made of, and how the library judges it."""

    is_made_by_model: bool
    validation_state: str


@dataclass
class ManifestSigner:
    """Writes manifests, signed with a chain and key (PEM) from files, or else with a development certificate of `folder`'s own.

    One a process; the calls compute, so they belong into a thread.
    """

    folder: Path
    chain_file: Path | None = None
    key_file: Path | None = None
    _credential: Credential | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mark_made(self, content: bytes, media_type: str, *, made: MadeByModel) -> bytes:
        """The file with a manifest of its making by a model. Raises: ProvenanceBroken."""
        created: dict[str, object] = {
            "action": "c2pa.created",
            "when": _instant(made.made_at),
            "digitalSourceType": MODEL_MADE,
            "softwareAgent": _generator(),
        }
        generation: dict[str, object] = {
            "model": made.model,
            "vendor": made.vendor,
            "prompt_sha256": made.prompt_hash.hex(),
            "made_at": _instant(made.made_at),
        }
        return self._signed(content, media_type, actions=(created,), further=({"label": GENERATION_LABEL, "data": generation},))

    def mark_derived(self, content: bytes, media_type: str, *, parent: Parent, actions: Sequence[Action], now: datetime) -> bytes:
        """The file with a manifest that names what it was made of, whose own manifest goes along. Raises: ProvenanceBroken."""
        done: tuple[dict[str, object], ...] = tuple(
            {"action": action, "when": _instant(now), "softwareAgent": _generator()} for action in actions
        )
        return self._signed(content, media_type, actions=done, parent=parent)

    def _signed(
        self,
        content: bytes,
        media_type: str,
        *,
        actions: tuple[dict[str, object], ...],
        further: tuple[dict[str, object], ...] = (),
        parent: Parent | None = None,
    ) -> bytes:
        manifest = {
            "claim_generator_info": [_generator()],
            "format": media_type,
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}, *further],
        }
        signed, credential = io.BytesIO(), self._known_credential()
        info = c2pa.C2paSignerInfo(credential.algorithm.encode(), credential.chain, credential.key, None)
        try:
            with (
                c2pa.Context.from_dict(OFFLINE) as context,
                c2pa.Signer.from_info(info) as signer,
                c2pa.Builder(manifest, context) as builder,
            ):
                if parent is not None:
                    builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
                    ingredient = {"title": parent.title, "relationship": "parentOf"}
                    builder.add_ingredient(ingredient, parent.media_type, io.BytesIO(parent.content))
                builder.sign(signer, media_type, io.BytesIO(content), signed)
        except c2pa.C2paError as fault:
            raise ProvenanceBroken(str(fault)) from fault
        return signed.getvalue()

    def _known_credential(self) -> Credential:
        with self._lock:
            if self._credential is None:
                self._credential = ensure_credential(self.folder, chain_file=self.chain_file, key_file=self.key_file)
            return self._credential


def read_mark(content: bytes, media_type: str) -> Mark | None:
    """What the file's manifest says, believed or not; None where it has none that can be read."""
    try:
        with c2pa.Context.from_dict(OFFLINE) as context:
            reader = c2pa.Reader.try_create(media_type, io.BytesIO(content), context=context)
            if reader is None:
                return None
            with reader:
                manifests, state = json.loads(reader.json())["manifests"], reader.get_validation_state()
    except c2pa.C2paError:
        return None
    return Mark(is_made_by_model=_names_a_model(manifests), validation_state=state or "Invalid")


def _names_a_model(value: object) -> bool:
    if isinstance(value, dict):
        source = value.get("digitalSourceType")
        is_named = isinstance(source, str) and source.rsplit("/", 1)[-1] in MODEL_SOURCES
        return is_named or any(_names_a_model(part) for part in value.values())
    return isinstance(value, list) and any(_names_a_model(part) for part in value)


def _generator() -> dict[str, str]:
    return {"name": GENERATOR, "version": version("nexusone")}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
