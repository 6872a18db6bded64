"""What is metered, read from the module's table."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from nexusone.modules.billing.domain.usage import Meter

TABLE = Path(__file__).parent.parent / "meters.toml"


@lru_cache(maxsize=1)
def meters() -> Mapping[str, Meter]:
    """The meters by their code, in order."""
    raw = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {code: Meter(code, raw[code]["aggregation"], raw[code]["unit"]) for code in sorted(raw)}
