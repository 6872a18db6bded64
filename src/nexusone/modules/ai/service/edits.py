"""What people make of texts that models wrote, who answers for them, and what becomes of what was made."""

import asyncio
import json
from uuid import UUID

from pydantic import JsonValue

from nexusone.kernel.errors import FieldError
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.edits import CHARACTERS_MAX, GenerationEdit, NewDisposition, NewEdit
from nexusone.modules.ai.contracts.generations import Generation
from nexusone.modules.ai.domain.answers import shaped_answer
from nexusone.modules.ai.domain.edits import difference, readable
from nexusone.modules.ai.events import GenerationEdited
from nexusone.modules.ai.service.refusals import GenerationNotFound
from nexusone.modules.ai.service.refusals_tasks import EditNeedsPerson, EditNotMatching, NotDisposable, NotEditable
from nexusone.modules.ai.service.views import generation_of
from nexusone.modules.ai.store import edits, generations
from nexusone.modules.ai.store.edits import EditRow
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

EDITS_MAX = 1_000


async def edit_generation(ctx: Context, *, generation_id: UUID, wanted: NewEdit) -> GenerationEdit:
    """Keeps a text as a person wrote it, who then answers for it; the model's own stays what it was.

    Raises:
        EditNeedsPerson: a machine asks.
        GenerationNotFound, NotEditable: there is no such text, or others edit it at the same time.
        EditNotMatching: it has another shape than the generation's output.
    """
    if ctx.principal.kind != "user":
        raise EditNeedsPerson
    row, before = await _present(ctx, generation_id)
    stored = await asyncio.to_thread(_stored, row, wanted.output)
    former = _output(row, before.output if before else row.output or "")
    diff = await asyncio.to_thread(difference, readable(former), readable(wanted.output))
    edit = EditRow(number=row.edits + 1, output=stored, diff=diff, edited_by=ctx.principal.label, edited_at=ctx.now())
    made = _edit(row, edit)
    async with ctx.transaction("ai") as tx:
        locked = await _locked(ctx, tx, generation_id)
        # What was compared is what was read above.
        if locked.edits != row.edits:
            raise NotEditable(status="being edited by somebody else")
        await edits.insert(tx, edit, workspace_id=ctx.workspace, generation_id=generation_id)
        await record(
            tx,
            action="ai.generation.edited",
            object_kind="generation",
            object_id=str(generation_id),
            after={"number": edit.number, "is_changed": diff != ""},
        )
        await publish(tx, GenerationEdited(generation_id=generation_id, number=edit.number, is_changed=diff != ""))
        await conclude(tx, made)
    return made


async def list_edits(ctx: Context, *, generation_id: UUID, request: PageRequest) -> PageOf[GenerationEdit]:
    """Edits, newest first. Raises: GenerationNotFound."""
    after = int(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
        if row is None:
            raise GenerationNotFound
        rows = await edits.list_page(tx, workspace_id=ctx.workspace, generation_id=generation_id, after=after, limit=request.limit + 1)
    items = tuple(_edit(row, found) for found in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].number),) if len(rows) > request.limit else None)


async def dispose(ctx: Context, *, generation_id: UUID, wanted: NewDisposition) -> Generation:
    """Notes what became of what was made.

    Raises:
        GenerationNotFound: there is none.
        NotDisposable: nothing was made.
    """
    async with ctx.transaction("ai") as tx:
        row = await _locked(ctx, tx, generation_id)
        if row.status != "succeeded":
            raise NotDisposable(status=row.status)
        await edits.dispose(
            tx,
            workspace_id=ctx.workspace,
            generation_id=generation_id,
            disposition=wanted.disposition,
            disposed_by=ctx.principal.label,
            now=ctx.now(),
        )
        await record(
            tx,
            action="ai.generation.disposed",
            object_kind="generation",
            object_id=str(generation_id),
            before={"disposition": row.disposition},
            after={"disposition": wanted.disposition},
        )
        made = generation_of(await _locked(ctx, tx, generation_id))
        await conclude(tx, made)
    return made


async def _present(ctx: Context, generation_id: UUID) -> tuple[GenerationRow, EditRow | None]:
    async with ctx.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=ctx.workspace, generation_id=generation_id)
        if row is None:
            raise GenerationNotFound
        if row.kind != "text" or row.status != "succeeded" or row.output is None or row.origin != "api" or row.edits >= EDITS_MAX:
            raise NotEditable(status=row.status)
        return row, await edits.find_latest(tx, workspace_id=ctx.workspace, generation_id=generation_id)


async def _locked(ctx: Context, tx: Transaction, generation_id: UUID) -> GenerationRow:
    row = await generations.find_locked(tx, workspace_id=ctx.workspace, generation_id=generation_id)
    if row is None:
        raise GenerationNotFound
    return row


def _stored(row: GenerationRow, output: str | dict[str, JsonValue]) -> str:
    if row.output_schema is None:
        if not isinstance(output, str) or not output.strip():
            raise _not_matching(("the output is a text",))
        return output
    if not isinstance(output, dict):
        raise _not_matching(("the output is an object",))
    text = json.dumps(output, ensure_ascii=False)
    if len(text) > CHARACTERS_MAX:
        raise _not_matching((f"the output has at most {CHARACTERS_MAX} characters",))
    answer = shaped_answer(text, schema=row.output_schema)
    if answer.json_text is None:
        raise _not_matching(answer.faults)
    return answer.json_text


def _not_matching(faults: tuple[str, ...]) -> EditNotMatching:
    errors = tuple(FieldError(pointer="/output", code="not_matching", detail=fault) for fault in faults)
    return EditNotMatching(errors=errors, count=len(errors))


def _output(row: GenerationRow, stored: str) -> str | dict[str, JsonValue]:
    found: str | dict[str, JsonValue] = stored if row.output_schema is None else json.loads(stored)
    return found


def _edit(row: GenerationRow, edit: EditRow) -> GenerationEdit:
    return GenerationEdit(
        number=edit.number, output=_output(row, edit.output), diff=edit.diff, edited_by=edit.edited_by, edited_at=edit.edited_at
    )
