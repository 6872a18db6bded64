"""A document's row as the contract that callers see."""

from typing import cast

from nexusone.kernel.money import credits_to_text
from nexusone.modules.ai.contracts.generations import GenerationError
from nexusone.modules.ai.contracts.knowledge import Document, DocumentKind, DocumentStatus
from nexusone.modules.ai.store.documents import DocumentRow

STATUSES: dict[str, DocumentStatus] = {"queued": "queued", "running": "indexing", "done": "ready", "failed": "failed"}


def document_of(row: DocumentRow) -> Document:
    """The contract of a row."""
    return Document(
        id=row.id,
        collection_id=row.collection_id,
        title=row.title,
        kind=cast("DocumentKind", row.kind),
        locale=row.locale,
        source_url=row.source_url,
        status=STATUSES[row.status],
        passages=row.passages,
        indexed=row.indexed,
        credits=credits_to_text(row.charged_micros),
        error=None if row.error_code is None else GenerationError(code=row.error_code, detail=row.error_detail or ""),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
