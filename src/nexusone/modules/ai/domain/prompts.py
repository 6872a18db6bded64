"""Prompt templates: whether one can be used, which language is taken, and what it says with values in it."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from nexusone.kernel.contract import printable
from nexusone.kernel.liquid.faults import RenderFault, TemplateFault, TemplateRejected
from nexusone.kernel.liquid.program import Program
from nexusone.kernel.locale import fallback_chain
from nexusone.modules.ai.contracts.prompts import PromptVariable, VariableKind

RENDERED_CHARACTERS_MAX: Final = 20_000
ITEMS_MAX: Final = 100
NUMBER_MAX: Final = 10**15
PROGRAMS_MAX: Final = 256


class ValuesRejected(ValueError):
    """Values that the variables do not take; `faults` say why, at least one."""

    def __init__(self, faults: tuple[TemplateFault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.detail for fault in faults))


def prompt_faults(*, default_locale: str, texts: Mapping[str, str], variables: Mapping[str, PromptVariable]) -> tuple[TemplateFault, ...]:
    """Everything wrong with a template; nothing, where it can be rendered in all its languages."""
    faults: list[TemplateFault] = []
    if default_locale not in texts:
        detail = f"There is no text in the default language {default_locale}"
        faults.append(TemplateFault("/default_locale", "prompt.default_missing", detail))
    for name, variable in variables.items():
        if variable.default is not None and (reason := _misfit(variable, variable.default)):
            faults.append(TemplateFault(f"/variables/{name}/default", "prompt.default_invalid", reason))
    for locale, text in texts.items():
        faults += _text_faults(locale, text, variables)
    return tuple(faults)


def chosen_locale(texts: Mapping[str, str], *, wanted: str | None, default_locale: str) -> str:
    """The nearest language there is along the fallback chain, the default at its end."""
    chain = fallback_chain(wanted or default_locale, default_locale)
    return next(locale for locale in chain if locale in texts)


def bound_values(variables: Mapping[str, PromptVariable], values: Mapping[str, object]) -> dict[str, object]:
    """A value for every variable: the given one, the default, or nothing. Raises ValuesRejected."""
    faults = tuple(_value_faults(variables, values))
    if faults:
        raise ValuesRejected(faults)
    return {name: variable.default if values.get(name) is None else values[name] for name, variable in variables.items()}


def rendered(text: str, values: Mapping[str, object]) -> str:
    """The text with the values in it. Raises RenderFault where it goes beyond a limit or says nothing."""
    said = _program(text).render(values).strip()
    if not said:
        raise RenderFault(code="prompt.empty", detail="with these values the text says nothing")
    if len(said) > RENDERED_CHARACTERS_MAX:
        detail = f"with these values the text has more than {RENDERED_CHARACTERS_MAX:,} characters"
        raise RenderFault(code="prompt.too_long", detail=detail)
    return said


@lru_cache(maxsize=PROGRAMS_MAX)
def _program(text: str) -> Program:
    return Program(text, is_html=False)


def _text_faults(locale: str, text: str, variables: Mapping[str, PromptVariable]) -> Iterator[TemplateFault]:
    try:
        names = Program(text, is_html=False).variables()
    except TemplateRejected as rejection:
        yield from rejection.at(f"/texts/{locale}").faults
        return
    for name in sorted(names - variables.keys()):
        yield TemplateFault(f"/texts/{locale}", "prompt.variable_undeclared", f"The text uses {name}, which is no variable of the template")


def _value_faults(variables: Mapping[str, PromptVariable], values: Mapping[str, object]) -> Iterator[TemplateFault]:
    for name in values.keys() - variables.keys():
        yield TemplateFault(f"/values/{name}", "prompt.value_unknown", "The template has no such variable")
    for name, variable in variables.items():
        value = values.get(name)
        if value is None:
            if variable.is_required and variable.default is None:
                yield TemplateFault(f"/values/{name}", "prompt.value_missing", "The template needs this value")
        elif reason := _misfit(variable, value):
            yield TemplateFault(f"/values/{name}", "prompt.value_invalid", reason)


def _misfit(variable: PromptVariable, value: object) -> str | None:
    return FITS[variable.kind](variable, value)


def _text(variable: PromptVariable, value: object) -> str | None:
    if not isinstance(value, str):
        return "This is a text"
    if len(value) > variable.length_max:
        return f"This has at most {variable.length_max:,} characters"
    try:
        printable(value)
    except ValueError:
        return "This has characters that cannot be shown"
    return None


def _list(variable: PromptVariable, value: object) -> str | None:
    if not isinstance(value, list) or len(value) > ITEMS_MAX:
        return f"This is a list of at most {ITEMS_MAX} texts"
    return next((reason for item in value if (reason := _text(variable, item))), None)


def _integer(_: PromptVariable, value: object) -> str | None:
    is_fit = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= NUMBER_MAX
    return None if is_fit else "This is a whole number"


def _number(_: PromptVariable, value: object) -> str | None:
    is_fit = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) <= NUMBER_MAX
    return None if is_fit else "This is a number"


def _boolean(_: PromptVariable, value: object) -> str | None:
    return None if isinstance(value, bool) else "This is true or false"


def _date(_: PromptVariable, value: object) -> str | None:
    try:
        return None if isinstance(value, str) and len(value) == 10 and date.fromisoformat(value) else "This is a date such as 2026-03-01"
    except ValueError:
        return "This is a date such as 2026-03-01"


FITS: Mapping[VariableKind, Callable[[PromptVariable, object], str | None]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "list": _list,
}
