"""The sets of phrases, one TOML file per language."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).with_name("languages")


@lru_cache(maxsize=32)
def phrases_of(language: str) -> Mapping[str, tuple[str, ...]]:
    """The phrases of a language by kind; a kind has at least one."""
    read = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return {kind: (said,) if isinstance(said, str) else tuple(said) for kind, said in read.items()}
