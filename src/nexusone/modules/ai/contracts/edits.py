"""The words of edits and dispositions: what a person made of a text, and what became of it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, JsonValue, StringConstraints

from nexusone.kernel.contract import Contract, Instant, Text

CHARACTERS_MAX = 200_000

EditedText = Annotated[Text, StringConstraints(min_length=1, max_length=CHARACTERS_MAX)]
Disposition = Literal["used", "discarded"]


class NewEdit(Contract):
    """The whole text as it shall be; an object where the generation was asked for one, in the same shape.

    Whoever writes it takes editorial responsibility for it, also where nothing is changed.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"output": "Our new solar lamp is here. It lights up your balcony."}]})

    output: EditedText | dict[str, JsonValue]


class GenerationEdit(Contract):
    """One edit: the text after it, the difference to the one before (unified, cut where it is long), who answers for it, and when."""

    number: int
    output: str | dict[str, JsonValue]
    diff: str
    edited_by: str
    edited_at: Instant


class NewDisposition(Contract):
    """What became of what was made; the last word counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"disposition": "used"}]})

    disposition: Disposition
