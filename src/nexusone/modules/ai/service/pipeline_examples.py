"""The pipelines that come with the product, as files beside the module."""

from functools import lru_cache
from pathlib import Path

from nexusone.modules.ai.contracts.pipelines import PipelineExample

FOLDER = Path(__file__).parent.parent / "pipelines"


@lru_cache(maxsize=1)
def examples() -> tuple[PipelineExample, ...]:
    """All of them, by name."""
    return tuple(PipelineExample.model_validate_json(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json")))
