"""Sets papers into PDF files: off the event loop, two at once, with the fonts that come with the product and no others."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import typst

from nexusone.kernel.locale import is_right_to_left

TEMPLATE = Path(__file__).parent.parent / "papers" / "paper.typ"
FONT_PACKAGES = ("justmytype_intl_rtl", "noto_cjk_sans_otc")
AT_ONCE_MAX = 2
# Han signs look different from country to country.
HAN_FONTS: Mapping[str, str] = {"ja": "Noto Sans CJK JP", "ko": "Noto Sans CJK KR"}

_setters = ThreadPoolExecutor(max_workers=AT_ONCE_MAX, thread_name_prefix="typesetting")


async def typeset(paper: Mapping[str, object], *, locale: str) -> bytes:
    """The PDF of a paper whose texts are ready; see `papers/paper.typ` for what it needs."""
    language = locale.split("-")[0]
    told = {**paper, "lang": language, "is_right_to_left": is_right_to_left(locale), "fonts": fonts_for(language)}
    return await asyncio.get_running_loop().run_in_executor(_setters, _compiled, json.dumps(told, ensure_ascii=False))


def fonts_for(language: str) -> Sequence[str]:
    """The families for a language in the order in which a sign is looked for."""
    known = {family.lower() for family in _fonts().families()}
    wanted = ("Libertinus Serif", "Noto Sans Arabic", "Noto Sans Hebrew", HAN_FONTS.get(language, "Noto Sans CJK SC"))
    return [family for family in wanted if family.lower() in known]


def _compiled(paper: str) -> bytes:
    made = typst.Compiler(_template(), font_paths=_fonts(), ignore_system_fonts=True).compile(format="pdf", sys_inputs={"paper": paper})
    if not isinstance(made, bytes):
        raise TypeError("one document is one file")
    return made


@lru_cache(maxsize=1)
def _template() -> bytes:
    return TEMPLATE.read_bytes()


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    specs = (find_spec(package) for package in FONT_PACKAGES)
    folders = [Path(spec.origin).parent for spec in specs if spec is not None and spec.origin is not None]
    return typst.Fonts(include_system_fonts=False, font_paths=folders)
