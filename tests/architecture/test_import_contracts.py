"""Every import contract is kept, ignores nothing, and catches the violation it is there for."""

import configparser
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / ".importlinter"
SECTION = "importlinter:contract:"
MODULES = "src/nexusone/modules"


@dataclass(frozen=True, slots=True)
class Plant:
    """A violation: what `path` imports, and the contract that must break."""

    contract: str
    path: str
    statement: str


PLANTS = (
    Plant("strata", "src/nexusone/kernel/planted.py", "from nexusone.web import door"),
    Plant("strata", "src/nexusone/platform/planted.py", "from nexusone.web import door"),
    Plant("strata", "src/nexusone/modules/identity/service/planted.py", "from nexusone.providers.openai import manifest"),
    Plant("strata", "src/nexusone/providers/smtp/planted.py", "from nexusone.apps import catalog"),
    Plant("module-order", f"{MODULES}/identity/service/planted.py", "from nexusone.modules.billing import api"),
    Plant("module-order", f"{MODULES}/audience/service/planted.py", "from nexusone.modules.marketing import events"),
    Plant("module-order", f"{MODULES}/stranger/__init__.py", "import uuid"),
    Plant("inside-a-module", f"{MODULES}/identity/store/planted.py", "from nexusone.modules.identity.service import accounts"),
    Plant("inside-a-module", f"{MODULES}/identity/domain/planted.py", "from nexusone.modules.identity.store import accounts"),
    Plant("inside-a-module", f"{MODULES}/identity/service/planted.py", "from nexusone.modules.identity import routes"),
    Plant("inside-a-module", f"{MODULES}/identity/dtos.py", "import uuid"),
    Plant("doors-hold-no-sql", f"{MODULES}/identity/routes.py", "from nexusone.modules.identity.store import accounts"),
    Plant("doors-hold-no-sql", f"{MODULES}/identity/jobs.py", "from nexusone.modules.identity.store import accounts"),
    Plant("doors-hold-no-sql", f"{MODULES}/identity/subscribers.py", "from nexusone.platform.sql import sql"),
    Plant("pure-domain", f"{MODULES}/identity/domain/planted.py", "import asyncio"),
    Plant("pure-domain", f"{MODULES}/identity/domain/planted.py", "from nexusone.platform import settings"),
    Plant("pure-domain", "src/nexusone/kernel/planted.py", "import random"),
    Plant("private-modules", f"{MODULES}/marketing/service/planted.py", "from nexusone.modules.identity.service import accounts"),
    Plant("private-modules", f"{MODULES}/marketing/store/planted.py", "from nexusone.modules.audience.store import segments"),
    Plant("private-modules", f"{MODULES}/marketing/domain/planted.py", "from nexusone.modules.audience.domain import contact"),
    Plant("providers-know-ports", "src/nexusone/providers/openai/planted.py", "from nexusone.modules.identity import api"),
    Plant("apps-know-cards", "src/nexusone/apps/planted.py", "from nexusone.modules.identity.store import accounts"),
    Plant("vendors-in-providers", f"{MODULES}/identity/service/planted.py", "import openai"),
    Plant("vendors-in-providers", "src/nexusone/platform/planted.py", "import smtplib"),
    Plant("providers-apart", "src/nexusone/providers/openai/planted.py", "from nexusone.providers.smtp import manifest"),
    Plant("web-framework-at-doors", f"{MODULES}/identity/service/planted.py", "import fastapi"),
    Plant("web-framework-at-doors", "src/nexusone/platform/planted.py", "import starlette"),
    Plant("web-framework-at-doors", "src/nexusone/providers/openai/planted.py", "import starlette"),
    Plant("rules-know-no-web", f"{MODULES}/identity/service/planted.py", "from nexusone.web import problems"),
    Plant("driver-in-stores", f"{MODULES}/identity/service/planted.py", "import psycopg"),
    Plant("one-file-knows-the-queue", "src/nexusone/platform/planted.py", "import pgqueuer"),
    Plant("no-cycles", "src/nexusone/kernel/ids.py", "from nexusone.kernel import page"),
)


@pytest.fixture(scope="module")
def copied_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "src" / "nexusone", folder / "src" / "nexusone", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CONFIGURATION, folder)
    # The cycle needs its way back; the violation itself is planted like all others.
    page = folder / "src/nexusone/kernel/page.py"
    page.write_text(page.read_text(encoding="utf-8") + "\nfrom nexusone.kernel import ids as _ids\n", encoding="utf-8")
    return folder


def test_all_contracts_are_kept() -> None:
    said = _lint(ROOT)
    assert "0 broken" in said, said


def test_no_contract_has_exceptions() -> None:
    configuration = _configuration()
    for section in configuration.sections():
        assert not configuration.has_option(section, "ignore_imports"), section
        assert not configuration.has_option(section, "exhaustive_ignores"), section


def test_every_contract_says_its_reason() -> None:
    lines = CONFIGURATION.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.startswith(f"[{SECTION}"):
            assert lines[number - 1].startswith("# Reason: "), line


def test_every_contract_has_a_planted_violation() -> None:
    assert {plant.contract for plant in PLANTS} == set(_names())


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.contract}: {plant.path.removeprefix('src/nexusone/')}")
def test_a_planted_violation_breaks_its_contract(copied_tree: Path, plant: Plant) -> None:
    path = copied_tree / plant.path
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{before or ''}\n{plant.statement}\n", encoding="utf-8")
    try:
        said = _lint(copied_tree)
    finally:
        if before is None:
            path.unlink()
            if path.name == "__init__.py":
                path.parent.rmdir()
        else:
            path.write_text(before, encoding="utf-8")
    assert _names()[plant.contract] in _broken(said), said


def _lint(folder: Path) -> str:
    # Folded lines would tear the names of contracts, hence the wide terminal.
    ran = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo", "--config", str(folder / ".importlinter")],
        cwd=folder / "src",
        env={"COLUMNS": "400", "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return ran.stdout


def _broken(said: str) -> set[str]:
    return {found.group(1).strip() for found in re.finditer(r"^(.+?)\s*BROKEN\s*$", said, re.MULTILINE)}


def _configuration() -> configparser.ConfigParser:
    configuration = configparser.ConfigParser()
    configuration.read(CONFIGURATION, encoding="utf-8")
    return configuration


def _names() -> dict[str, str]:
    configuration = _configuration()
    return {name.removeprefix(SECTION): configuration[name]["name"] for name in configuration.sections() if name.startswith(SECTION)}
