"""A generation's row as the contract that callers see."""

import json
from hashlib import sha256

from nexusone.kernel.money import credits_to_text
from nexusone.modules.ai.contracts.generations import (
    Generation,
    GenerationAsset,
    GenerationError,
    GenerationSafety,
    GenerationUsage,
    Provenance,
    Source,
)
from nexusone.modules.ai.store.generations import GenerationRow


def generation_of(row: GenerationRow) -> Generation:
    """The contract of a row."""
    used = row.usage
    return Generation(
        id=row.id,
        origin=row.origin,
        kind=row.kind,  # type: ignore[arg-type]  # the table's check: none but those that are made
        status=row.status,
        prompt=row.prompt,
        locale=row.locale,
        model=row.model,
        asked_model=row.asked_model,
        output=row.output if row.output is None or row.output_schema is None else json.loads(row.output),
        assets=tuple(GenerationAsset(id=asset_id, href=f"/v1/assets/{asset_id}") for asset_id in row.asset_ids),
        progress=row.progress,
        finish_reason=row.finish_reason,
        error=None if row.error_code is None else GenerationError(code=row.error_code, detail=row.error_detail or ""),
        safety=None if row.safety is None else GenerationSafety.model_validate(row.safety, strict=False),
        sources=tuple(Source.model_validate(source, strict=False) for source in row.sources or ()),
        credits=credits_to_text(row.charged_micros),
        usage=GenerationUsage(
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            images=used.images,
            seconds=used.seconds,
            characters=used.characters,
            requests=used.requests,
        ),
        retry_of=row.retry_of,
        created_at=row.created_at,
        finished_at=row.finished_at,
        task=(row.request or {}).get("task"),
        disposition=row.disposition,  # type: ignore[arg-type]  # the table's check
        provenance=Provenance(
            generated=True,
            human_edited=row.is_human_edited,
            edited_by=row.edited_by,
            edited_at=row.edited_at,
            made_at=row.finished_at,
            model=row.model,
            model_version=row.model_version,
            provider=row.vendor,
            prompt_sha256=_prompt_hash(row),
        ),
    )


def _prompt_hash(row: GenerationRow) -> str:
    """Of all that was asked; of a request that was passed on, only the beginning is kept."""
    return (row.prompt_hash or sha256(row.prompt.encode()).digest()).hex()
