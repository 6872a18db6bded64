"""The headers of a pipeline's call: what of them is told, and the secrets that are put in at the last moment."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from nexusone.modules.ai.contracts.pipeline_steps import HttpStep
from nexusone.modules.ai.domain.pipeline_secrets import RESERVED_HEADERS, ROOT, uses_of
from nexusone.modules.ai.domain.pipeline_values import resolved_text


class Opened(Protocol):
    """A value that is not shown by accident."""

    def get_secret_value(self) -> str: ...


@dataclass(frozen=True, slots=True)
class StepHeaders:
    """The headers of one call. `told` says `{{ secrets.name }}` where a secret stands; only `sent` puts the values in.

    While templates are rendered, a mark with a random `nonce` stands for each secret. Nothing that a run is given and no model's
    answer can hold one, so no text but the definition's names a secret, and no filter ever sees a value.
    """

    names: tuple[str, ...]
    nonce: str
    marked: Mapping[str, str]

    @property
    def told(self) -> dict[str, str]:
        """What may be recorded and shown."""
        return self._replaced(lambda name: "{{ " + f"{ROOT}.{name}" + " }}")

    def sent(self, opened: Mapping[str, Opened]) -> dict[str, str]:
        """What goes to the server and nowhere else. Raises: KeyError."""
        return self._replaced(lambda name: opened[name].get_secret_value())

    def _replaced(self, by: Callable[[str], str]) -> dict[str, str]:
        mark = re.compile(_mark(self.nonce, "([a-z][a-z0-9_]*)"))
        return {header: mark.sub(lambda found: by(found[1]), text) for header, text in self.marked.items()}


def step_headers(step: HttpStep, values: Mapping[str, object], *, nonce: str) -> StepHeaders:
    """The headers over these values. Raises: RenderFault; ValueError for what is not a step's to set."""
    names = tuple(sorted({use.name for use in uses_of(step)}))
    seen = {**values, ROOT: {name: _mark(nonce, name) for name in names}}
    marked = {header: resolved_text(template, seen) for header, template in step.headers.items()}
    for header, text in marked.items():
        if header.lower() in RESERVED_HEADERS or not header.replace("-", "").isalnum() or not header.isascii():
            raise ValueError(f"the header {header} is not a step's to set")
        if not text.isprintable():
            raise ValueError(f"the header {header} has characters that headers do not have")
    return StepHeaders(names, nonce, marked)


def _mark(nonce: str, name: str) -> str:
    return f"<{nonce}-{name}>"
