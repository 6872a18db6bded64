"""The words of secrets: values for the headers of pipelines' calls that nobody reads again."""

from typing import Annotated

from pydantic import ConfigDict, StringConstraints

from nexusone.kernel.contract import Contract, Instant

SecretValue = Annotated[str, StringConstraints(min_length=1, max_length=4_000, pattern=r"^[!-~]([ -~]*[!-~])?$")]
"""What a header can hold: visible ASCII, with spaces inside alone."""


class PipelineSecretWish(Contract):
    """The value; it is sealed and never shown again. Steps name it in their headers as `{{ secrets.<name> }}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"value": "the server's token"}]}, hide_input_in_errors=True)

    value: SecretValue


class PipelineSecret(Contract):
    """That there is a secret of this name, who put it there and when a step last sent it (to the minute); never its value."""

    name: str
    version: int
    created_by: str
    created_at: Instant
    updated_by: str
    updated_at: Instant
    last_used_at: Instant | None
