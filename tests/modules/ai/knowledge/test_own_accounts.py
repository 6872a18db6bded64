"""Documents and questions that are compared with a workspace's own account at the vendor."""

from dataclasses import replace

import pytest
from tests.modules.ai.knowledge.library import CARD, Library, ScriptedEmbedder, open_library
from tests.modules.ai.scripted_kit import SCRIPTED, ScriptedKit

from nexusone.modules.ai.contracts.connections import AiConnectionWish
from nexusone.modules.ai.ports.judging import Embedder
from nexusone.modules.ai.ports.vendors import VendorKit
from nexusone.modules.ai.service import connections
from nexusone.modules.ai.service.indexing import index_document
from nexusone.modules.ai.service.knowledge_search import find_passages
from nexusone.modules.ai.service.own_keys import OwnClients
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.billing import api as billing
from nexusone.platform.runtime import Runtime

WISH = AiConnectionWish(credentials={"api_key": "sk-very-own-secret"})


async def library_with(runtime: Runtime, own: ScriptedEmbedder, settings: AiSettings) -> Library:
    vendor = replace(SCRIPTED, name=CARD.vendor, ports=frozenset({Embedder}))
    library = await open_library(runtime, settings=settings)
    kit = ScriptedKit({Embedder: own}, known=(vendor,))
    ports: dict[type[object], object] = {**library.runtime.ports, VendorKit: kit, OwnClients: OwnClients()}
    library.runtime = replace(library.runtime, ports=ports)
    await connections.put_connection(library.ctx, vendor=CARD.vendor, wanted=WISH)
    return library


@pytest.mark.parametrize("fee", [0, 10])
async def test_documents_and_questions_go_by_the_own_account_at_the_fee_alone(runtime: Runtime, fee: int) -> None:
    own = ScriptedEmbedder(tokens=1_000_000)
    library = await library_with(runtime, own, AiSettings(own_key_fee_percent=fee))
    before = (await billing.get_balance(library.ctx)).available_micros
    document = await library.add(await library.collection())
    row = await library.row(document)
    assert (row.is_own_key, row.margin_percent) == (True, fee)
    await index_document(library.ctx, indexing_id=row.id)
    assert await find_passages(library.ctx, text="thrust of the engine", collections=None, limit=1)
    assert len(own.calls) == 2
    assert library.embedder.calls == []
    after = await billing.get_balance(library.ctx)
    assert after.held_micros == 0
    assert (before - after.available_micros > 0) == (fee > 0)


async def test_tests_never_use_it(runtime: Runtime) -> None:
    own = ScriptedEmbedder()
    library = await library_with(runtime, own, AiSettings())
    document = await library.add(await library.collection())
    await index_document(library.ctx, indexing_id=(await library.row(document)).id)
    await find_passages(replace(library.ctx, is_test=True), text="thrust", collections=None, limit=1)
    assert (len(own.calls), len(library.embedder.calls)) == (1, 1)


async def test_an_account_that_is_gone_before_its_work_fails_it_and_nobody_else_pays(runtime: Runtime) -> None:
    own = ScriptedEmbedder()
    library = await library_with(runtime, own, AiSettings())
    document = await library.add(await library.collection())
    await connections.delete_connection(library.ctx, vendor=CARD.vendor)
    await index_document(library.ctx, indexing_id=(await library.row(document)).id)
    row = await library.row(document)
    assert (row.status, row.error_code, row.settlement) == ("failed", "ai.no_embedder", "done")
    assert own.calls == library.embedder.calls == []
