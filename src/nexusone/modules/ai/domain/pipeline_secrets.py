"""Secrets that steps name: where they may stand, and what must be one."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nexusone.kernel.liquid.faults import TemplateRejected
from nexusone.kernel.liquid.program import Program
from nexusone.modules.ai.contracts.pipeline_steps import HttpStep, PipelineDefinition

ROOT = "secrets"
_OUTPUT = r"\{\{-?[ \t]*secrets\.([a-z][a-z0-9_]{0,62})[ \t]*-?\}\}"
OUTPUT = re.compile(_OUTPUT)
# A scheme or the name of a parameter may stand beside the secret, and other secrets: `Bearer x`, `Token token="x"`, `a=x; b=y`.
_PART = rf"(?:[A-Za-z_-]{{1,40}}=)?\"?{_OUTPUT}\"?"
CREDENTIAL = re.compile(rf"(?:[A-Za-z-]{{1,20}} )?{_PART}(?:[:;,] ?{_PART})*")
CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "apikey", "token"})
CREDENTIAL_ENDINGS = ("-token", "-secret", "-key")
# What a call is made of is not the pipeline's to say.
RESERVED_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "idempotency-key", "upgrade", "te"})


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A header that names a secret; `pointer` leads from the definition's step to it."""

    pointer: str
    name: str


def uses_of(step: HttpStep) -> Iterator[SecretUse]:
    """Every secret that the headers name."""
    for header, template in step.headers.items():
        paths = Program(template, is_html=False).paths()
        for name in sorted(path[1] for path in paths if path[0] == ROOT and len(path) > 1):
            yield SecretUse(f"/headers/{header}", name)


def secret_names(definition: PipelineDefinition) -> tuple[str, ...]:
    """All secrets that the steps name, in order."""
    return tuple(sorted({use.name for step in definition.steps if isinstance(step, HttpStep) for use in uses_of(step)}))


def secret_faults(source: str, paths: Iterable[tuple[str, ...]], *, is_header: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with how a template uses secrets: code and detail."""
    if not any(path[0] == ROOT for path in paths):
        return
    if not is_header:
        yield "pipeline.secret_misplaced", "secrets stand in the headers of http steps alone, as {{ secrets.name }}"
    elif _is_altered(source):
        yield "pipeline.secret_altered", "a secret stands as {{ secrets.name }}, without filters and outside of tags"


def header_faults(headers: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Credentials that are not secrets: pointer, code and detail."""
    for header, template in headers.items():
        if is_credential(header) and CREDENTIAL.fullmatch(template.strip()) is None:
            detail = f"what {header} carries is a secret: {{{{ secrets.name }}}}, after a scheme such as Bearer at most"
            yield f"/headers/{header}", "pipeline.credential_open", detail


def is_credential(header: str) -> bool:
    """Whether a header of this name plainly carries a credential."""
    name = header.lower()
    return name not in RESERVED_HEADERS and (name in CREDENTIAL_HEADERS or name.endswith(CREDENTIAL_ENDINGS))


def _is_altered(source: str) -> bool:
    try:
        left = Program(OUTPUT.sub("x", source), is_html=False).paths()
    except TemplateRejected:
        return True
    return any(path[0] == ROOT for path in left)
