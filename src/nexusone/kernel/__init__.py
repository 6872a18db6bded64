"""Words everyone shares: ids, time, money, locales, refusals, contracts. Pure, no I/O."""
