"""Every refusal has a code of its own and a text beside the code that raises it, and no text is left over."""

import json
import re
import string
from collections import Counter
from pathlib import Path

import pytest
from tests.architecture.importing import product_subclasses
from tests.architecture.source import SOURCE

from nexusone.apps.catalog import locale_folders
from nexusone.kernel.errors import Refusal

REFUSALS = sorted(set(product_subclasses(Refusal)), key=lambda kind: (kind.code, kind.__name__))
CODE = re.compile(r"^[a-z_]+\.[a-z][a-z_]*$")


def test_every_folder_of_texts_is_read() -> None:
    assert {path.parent for path in SOURCE.rglob("locale/*.json")} <= set(locale_folders())


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_a_refusal_has_its_text_in_its_own_folder(kind: type[Refusal]) -> None:
    assert CODE.match(kind.code)
    assert kind.code in _texts(_folder_of(kind)), f"{kind.__module__}.{kind.__name__}"


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_a_refusal_has_a_sentence_of_contract_and_a_status(kind: type[Refusal]) -> None:
    assert kind.__doc__
    assert 400 <= kind.status < 600


def test_codes_are_unique() -> None:
    assert [code for code, count in Counter(kind.code for kind in REFUSALS).items() if count > 1] == []


def test_no_text_is_left_over() -> None:
    told = {code for folder in locale_folders() for code in _texts(folder)}
    assert told - {kind.code for kind in REFUSALS} == set()


def test_no_code_has_two_texts() -> None:
    told = Counter(code for folder in locale_folders() for code in _texts(folder))
    assert [code for code, count in told.items() if count > 1] == []


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("locale/*.json")), ids=lambda path: "-".join(path.parts[-3:]))
def test_texts_are_a_title_and_a_sentence(path: Path) -> None:
    for code, text in json.loads(path.read_text(encoding="utf-8")).items():
        assert set(text) == {"title", "detail"}, code
        assert text["title"] and not text["title"].endswith("."), code
        assert text["detail"].endswith("."), code
        assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(text["detail"])), code


def _texts(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / "en.json"
    loaded: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return loaded


def _folder_of(kind: type[Refusal]) -> Path:
    parts = kind.__module__.split(".")[1:]
    # The kernel is pure and reads no files; what it refuses is told by the web kit.
    home = {"modules": SOURCE / "modules" / parts[1], "kernel": SOURCE / "web"}.get(parts[0], SOURCE / parts[0])
    return home / "locale"
