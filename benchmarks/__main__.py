"""`python -m benchmarks [NAME …]`: runs the named benchmarks, or all; one JSON line a figure, then a table."""

import importlib
import pkgutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

import benchmarks
from benchmarks.figures import Figure

Benchmark = Callable[[], Awaitable[list[Figure]]]


def main(names: list[str]) -> int:
    """Returns 2 where a name is no benchmark's."""
    known = _discover()
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.stderr.write(f"no benchmark {', '.join(unknown)}; there are {', '.join(sorted(known))}\n")
        return 2
    figures: list[Figure] = []
    for name in names or sorted(known):
        for figure in uvloop.run(_run(known[name])):
            figure.show()
            figures.append(figure)
    _show_table(figures)
    return 0


async def _run(benchmark: Benchmark) -> list[Figure]:
    return await benchmark()


def _discover() -> dict[str, Benchmark]:
    known: dict[str, Benchmark] = {}
    for entry in pkgutil.iter_modules([str(Path(benchmarks.__file__ or "").parent)]):
        if entry.name.startswith(("perf_", "aud_", "authn_", "ten_")):
            module = importlib.import_module(f"benchmarks.{entry.name}")
            known[module.NAME] = module.run
    return known


def _show_table(figures: list[Figure]) -> None:
    table = Table("figure", "ours", "baseline", "ratio", "unit")
    for figure in figures:
        table.add_row(figure.name, f"{figure.ours:,.1f}", _number(figure.baseline), _number(figure.ratio, 3), figure.unit)
    Console().print(table)


def _number(value: float | None, places: int = 1) -> str:
    return "" if value is None else f"{value:,.{places}f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
