"""Predictions as the vendor tells of them, in the words of the port."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.ports.media import Begun, Failed, Finished, MadeFile, MediaState

LOOK_AGAIN_SECONDS = 2.0
DETAIL_CHARACTERS_MAX = 300
FILES_MAX = 100
MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
# What models say of themselves when they fail is a sentence, not a code: read from their public source and documentation.
REFUSED = re.compile(r"nsfw|sensitive|flagged|safety|content polic|moderat", re.IGNORECASE)
PASSING = re.compile(r"interrupted|try again|unavailable|timed? ?out|out of memory|overloaded|queue is full", re.IGNORECASE)
PROGRESS = re.compile(r"(\d{1,3})%\|")


def state_of(prediction: Any) -> MediaState:
    """What became of it. Raises: UnknownOutcome where what the vendor told cannot be read."""
    if not isinstance(prediction, dict) or not isinstance(prediction.get("id"), str) or not prediction["id"]:
        raise UnknownOutcome(detail="the answer is no prediction")
    reference: str = prediction["id"]
    match prediction.get("status"):
        case "starting" | "processing":
            return Begun(reference, LOOK_AGAIN_SECONDS, progress=_progress(prediction))
        case "succeeded":
            return _finished(reference, prediction)
        case "failed":
            return _failed(reference, prediction)
        case "canceled" | "aborted" as status:
            return Failed(reference, "vendor.canceled", f"the prediction was {status}", is_canceled=True)
        case _:
            raise UnknownOutcome(detail="the prediction's status is not known")


def _finished(reference: str, prediction: Mapping[str, Any]) -> MediaState:
    output = prediction.get("output")
    urls = [output] if isinstance(output, str) else output
    if prediction.get("data_removed") is True and not urls:
        # It was made and is charged; how many there were is only told by a metric that not every model has.
        return Failed(reference, "vendor.result_gone", "the vendor has deleted the files", quantities={"image": _image_count(prediction)})
    if not isinstance(urls, list) or not 0 < len(urls) <= FILES_MAX or not all(isinstance(url, str) for url in urls):
        raise UnknownOutcome(detail="the prediction succeeded with an output that cannot be read")
    version = prediction.get("version")
    return Finished(
        reference,
        tuple(MadeFile(media_type=media_type_of(url), url=url) for url in urls),
        quantities={"image": len(urls)},
        model_version=version if isinstance(version, str) and version != "hidden" else None,
    )


def media_type_of(url: str) -> str:
    """The type by the file's name; what it really is, its bytes say."""
    return MEDIA_TYPES.get(PurePosixPath(urlsplit(url).path).suffix.lower(), "application/octet-stream")


def _failed(reference: str, prediction: Mapping[str, Any]) -> Failed:
    error = prediction.get("error")
    words = (error if isinstance(error, str) and error else "the prediction failed without saying why")[:DETAIL_CHARACTERS_MAX]
    if REFUSED.search(words):
        return Failed(reference, "vendor.refused_content", words)
    return Failed(reference, "vendor.failed", words, is_retryable=PASSING.search(words) is not None)


def _progress(prediction: Mapping[str, Any]) -> int | None:
    logs = prediction.get("logs")
    found = PROGRESS.findall(logs[-2_000:]) if isinstance(logs, str) else []
    return min(int(found[-1]), 100) if found else None


def _image_count(prediction: Mapping[str, Any]) -> int:
    metrics = prediction.get("metrics")
    count = metrics.get("image_count") if isinstance(metrics, dict) else None
    return count if isinstance(count, int) and 0 < count <= FILES_MAX else 1
