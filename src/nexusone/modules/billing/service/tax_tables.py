"""The facts of taxes, read from the module's table."""

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from nexusone.modules.billing.domain.taxes import Rate, Territory

TABLE = Path(__file__).parent.parent / "taxes.toml"


@lru_cache(maxsize=1)
def territories() -> Mapping[str, Territory]:
    """The countries whose taxes are known, by their code."""
    raw = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        country: Territory(
            country=country,
            is_union=entry["is_union"],
            rates=tuple(sorted((Rate(rate["since"], rate["bps"]) for rate in entry["rates"]), key=lambda rate: rate.since)),
            vat_id=re.compile(entry["vat_id"]),
        )
        for country, entry in raw.items()
    }
