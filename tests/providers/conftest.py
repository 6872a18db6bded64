"""Says at the end of a run which vendors were held against a contract of theirs, and which have none."""

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter
from tests.providers.conformance.held import HELD
from tests.providers.conformance.openapi import SPECS

HERE = Path(__file__).parent
WORKERS_PART = "held_exchanges"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands what a worker held to the process that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[WORKERS_PART] = dict(HELD)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker held."""
    HELD.update(Counter(getattr(node, "workeroutput", {}).get(WORKERS_PART, {})))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """One line a vendor."""
    terminalreporter.section("contracts of vendors")
    for vendor in _vendors():
        terminalreporter.write_line(f"{vendor:<12} {', '.join(_checks(vendor))}")


def _vendors() -> list[str]:
    return sorted(folder.name for folder in HERE.iterdir() if any(folder.glob("test_*.py")))


def _checks(vendor: str) -> Iterator[str]:
    contracts = _contracts(vendor)
    if not contracts:
        yield "no machine-readable contract"
    for name in contracts:
        is_here = (SPECS / name).exists()
        yield f"{name}: {HELD[name]} exchanges held" if is_here else f"{name}: contract not here"


def _contracts(vendor: str) -> list[str]:
    if not (HERE / vendor / "contract.py").exists():
        return []
    module = import_module(f"tests.providers.{vendor}.contract")
    one = getattr(module, "CONTRACT", None)
    return [Path(name).name for name in (getattr(module, "CONTRACTS", ()) if one is None else (one,))]
