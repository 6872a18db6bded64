"""What every kind of request is held to: known parameters of the right types, and a model of the right kind."""

from collections.abc import Collection, Mapping, Sequence

from nexusone.providers.openai.simulation import refusals


def check_parameters(body: Mapping[str, object], *, known: Collection[str], texts: Collection[str] = ("model", "user")) -> None:
    """Raises VendorError for a parameter that does not exist, and for one of `texts` that is no text."""
    for name in body:
        if name not in known:
            raise refusals.unknown_parameter(name)
    for name in texts:
        if body.get(name) is not None and not isinstance(body[name], str):
            raise refusals.wrong_type(name, wanted="a string", got=body[name])


def model_named(body: Mapping[str, object], models: Collection[str], *, default: str | None = None) -> str:
    """The model asked for. Raises VendorError where there is none of that name and kind."""
    name = body.get("model") or default
    if name is None:
        raise refusals.missing("model")
    if name not in models:
        raise refusals.unknown_model(str(name))
    return str(name)


def choice(body: Mapping[str, object], param: str, choices: Sequence[str]) -> str:
    """One of the choices; the first where nothing is asked for. Raises VendorError."""
    value = body.get(param)
    if value is None:
        return choices[0]
    if not isinstance(value, str) or value not in choices:
        supported = ", ".join(f"'{one}'" for one in choices)
        raise refusals.VendorError(f"Invalid value: '{value}'. Supported values are: {supported}.", param=param, code="invalid_value")
    return value


def whole_number(body: Mapping[str, object], param: str, *, least: int, most: int, default: int) -> int:
    """A number within its bounds. Raises VendorError."""
    value = body.get(param)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise refusals.wrong_type(param, wanted="an integer", got=value)
    if not least <= value <= most:
        edge, bound, code = ("below minimum", f">= {least}", "below_min") if value < least else ("above maximum", f"<= {most}", "above_max")
        words = f"Invalid '{param}': integer {edge} value. Expected a value {bound}, but got {value} instead."
        raise refusals.VendorError(words, param=param, code=f"integer_{code}_value")
    return value
