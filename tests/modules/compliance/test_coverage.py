"""AUD-01 over the whole API: every operation that changes something leaves an entry that names its request."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from uuid import uuid4

import psycopg
import pytest
from pydantic_settings import BaseSettings
from tests.conftest import TestDatabase
from tests.customers import customer_at, no_lifespan
from tests.modules.ai.knowledge.library import ScriptedEmbedder
from tests.modules.ai.scripted import scripted
from tests.modules.ai.scripted_kit import ScriptedKit
from tests.modules.ai.scripted_media import ScriptedPainter
from tests.modules.ai.scripted_passage import ScriptedPassage
from tests.modules.compliance import (
    ai_assets_samples,
    ai_connections_samples,
    ai_gateway_samples,
    ai_generations_samples,
    ai_knowledge_samples,
    ai_pipelines_samples,
    ai_words_samples,
    billing_credits_samples,
    billing_invoices_samples,
    billing_payments_samples,
    billing_plans_samples,
    billing_subscriptions_samples,
    identity_samples,
    sso_samples,
)
from tests.modules.compliance.samples import BEGINNING, READING, SAMPLES, Outbox, Stage
from tests.modules.identity.mfa.people import ORIGIN

from nexusone.apps.catalog import MODULES, locale_folders
from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock
from nexusone.modules.ai.ports.judging import Embedder
from nexusone.modules.ai.ports.media import ImageModels
from nexusone.modules.ai.ports.passage import WirePassage
from nexusone.modules.ai.ports.text import TextModels
from nexusone.modules.ai.ports.vendors import VendorKit
from nexusone.modules.identity.ports import SystemMailer
from nexusone.platform.live import LiveEvents
from nexusone.platform.settings import PlatformSettings
from nexusone.web.application import ApplicationParts, build_routes
from nexusone.web.openapi import document
from nexusone.web.problems import Messages

# They register what they have.
SUBJECTS = (
    ai_assets_samples,
    ai_pipelines_samples,
    ai_connections_samples,
    ai_gateway_samples,
    ai_generations_samples,
    ai_knowledge_samples,
    ai_words_samples,
    billing_credits_samples,
    billing_invoices_samples,
    billing_payments_samples,
    billing_plans_samples,
    billing_subscriptions_samples,
    identity_samples,
    sso_samples,
)
CHANGING = ("post", "put", "patch", "delete")


@lru_cache(maxsize=1)
def changing_operations() -> dict[str, str]:
    """The permission of every operation of the OpenAPI document whose method may change something, by its id."""
    parts = ApplicationParts(
        doors=[door for module in MODULES for door in module.doors],
        graphql_queries=[query for module in MODULES for query in module.graphql_queries],
        messages=Messages(locale_folders()),
        live=LiveEvents(""),
        observe=lambda *_: None,
        render_metrics=lambda: (b"", ""),
        lifespan=no_lifespan,
    )
    paths = document(build_routes(parts, allows_docs=True))["paths"]
    return {
        operation["operationId"]: operation["x-permission"]
        for methods in paths.values()
        for method, operation in methods.items()
        if method in CHANGING
    }


@pytest.fixture
async def stage(composition: Composition, database: TestDatabase) -> AsyncIterator[Stage]:
    """A company in a process with a model and a mailer of the test's."""
    outbox, runtime = Outbox(), composition.runtime
    ports: dict[type[object], object] = dict(runtime.ports)
    ports |= {
        SystemMailer: outbox,
        TextModels: TextModels({"scripted": scripted()}),
        VendorKit: ScriptedKit(),
        WirePassage: ScriptedPassage(),
        Embedder: ScriptedEmbedder(),
        ImageModels: ImageModels({"scripted": ScriptedPainter()}),
    }
    settings: dict[type[BaseSettings], BaseSettings] = dict(runtime.settings)
    settings[PlatformSettings] = runtime.setting(PlatformSettings).model_copy(update={"public_url": ORIGIN})
    moved = MovedClock(datetime.now(UTC))
    used = replace(composition, runtime=replace(runtime, ports=ports, settings=settings, clock=moved))
    app = used.application(lifespan=no_lifespan)
    async with customer_at(app) as customer:
        yield Stage(customer, used, app, outbox, database.admin_url)


@pytest.mark.parametrize("operation", sorted(changing_operations()))
async def test_aud_01_every_changing_operation_leaves_an_entry(operation: str, stage: Stage, database: TestDatabase) -> None:
    if operation in READING or operation in BEGINNING:
        return
    assert operation in SAMPLES, f"{operation} needs a sample in tests/modules/compliance/samples.py"
    answer = await SAMPLES[operation](stage)
    assert answer.is_success, answer.text
    with psycopg.connect(database.admin_url) as admin:
        found = admin.execute(
            "select action from platform.audit_entry where request_id = %s and result = 'done'", (answer.headers["x-request-id"],)
        ).fetchall()
    assert found, f"{operation} changed something and nobody recorded it"


def test_aud_01_what_counts_as_reading_can_only_read() -> None:
    permissions = changing_operations()
    loose = [name for name in READING if name != "graphql.graphql" and not permissions[name].endswith(":read")]
    assert loose == []


def test_aud_01_what_begins_has_an_end_that_is_recorded() -> None:
    assert set(BEGINNING) <= set(changing_operations())
    assert set(BEGINNING.values()) <= set(SAMPLES)


def test_aud_01_samples_are_of_operations_that_exist() -> None:
    assert set(SAMPLES) - set(changing_operations()) == set()


async def test_aud_01_a_fault_after_the_change_leaves_neither_change_nor_entry(stage: Stage, database: TestDatabase) -> None:
    mark = uuid4().hex
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "create function pg_temp_fault() returns trigger language plpgsql as $$ begin raise exception 'fault'; end $$".replace(
                "pg_temp_fault", f"public.fault_{mark}"
            ).encode()
        )
        admin.execute(
            f"create trigger fault_{mark} before insert on platform.audit_entry for each row "
            f"when (new.workspace_id = '{stage.customer.workspace_id}') execute function public.fault_{mark}()".encode()
        )
        try:
            answer = await stage.client.post("/v1/contacts", json={"email": "ada@example.com"})
        finally:
            admin.execute(f"drop function public.fault_{mark} cascade".encode())
    assert answer.status_code == 500
    listed = await stage.client.get("/v1/contacts")
    assert listed.json()["items"] == []
