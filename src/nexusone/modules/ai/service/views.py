"""A generation's row as the contract that callers see."""

import json

from nexusone.kernel.money import credits_to_text
from nexusone.modules.ai.contracts import Generation, GenerationError, Provenance, TokenUsage
from nexusone.modules.ai.store.generations import GenerationRow


def generation_of(row: GenerationRow) -> Generation:
    """The contract of a row."""
    return Generation(
        id=row.id,
        kind="text",
        status=row.status,
        prompt=row.prompt,
        locale=row.locale,
        model=row.model,
        asked_model=row.asked_model,
        output=row.output if row.output is None or row.output_schema is None else json.loads(row.output),
        finish_reason=row.finish_reason,
        error=None if row.error_code is None else GenerationError(code=row.error_code, detail=row.error_detail or ""),
        credits=credits_to_text(row.charged_micros),
        usage=TokenUsage(input_tokens=row.input_tokens, output_tokens=row.output_tokens),
        created_at=row.created_at,
        finished_at=row.finished_at,
        provenance=Provenance(generated=True, model=row.model),
    )
