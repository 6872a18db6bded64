"""Mails that went out, and a browser that knows their addresses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import httpx2
import psycopg
import pytest
from starlette.types import ASGIApp
from tests.conftest import ContextMaker, TestDatabase

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.modules.marketing.domain.tokens import DeliveryIds, Purpose, sign
from nexusone.modules.marketing.service.tracking import Tracker, record_hits
from nexusone.modules.marketing.service.tracking_keys import signing_key
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.spool_flushing import flush
from nexusone.platform.sql import sql

COUNTS = sql("""
select open_count, click_count, first_opened_at, first_clicked_at, unsubscribed_at
from marketing.delivery
where workspace_id = %(workspace_id)s and message_id = %(message_id)s and contact_id = %(contact_id)s
""")
ENGAGEMENT = sql("select count(*) from marketing.engagement where workspace_id = %(workspace_id)s")


@dataclass(frozen=True, slots=True)
class Mailing:
    """A campaign that was sent to some contacts with some links."""

    ctx: Context
    campaign_id: UUID
    message_id: UUID
    contact_ids: tuple[UUID, ...]

    def token(self, purpose: Purpose, contact: int = 0, link: int = 0) -> str:
        """The token of one of its mails."""
        ids = DeliveryIds(self.ctx.workspace, self.message_id, self.contact_ids[contact])
        return sign(ids, purpose=purpose, key=signing_key(self.ctx.runtime.keys), link=link)

    async def counts(self, contact: int = 0) -> tuple[int, int, bool, bool, bool]:
        """Opens and clicks of a mail, and whether it was opened, clicked, left by."""
        row = {"workspace_id": self.ctx.workspace, "message_id": self.message_id, "contact_id": self.contact_ids[contact]}
        async with self.ctx.transaction("marketing") as tx:
            (found,) = await tx.fetch_tuples(COUNTS, row)
        return (found[0], found[1], *(moment is not None for moment in found[2:]))

    async def count_engagement(self) -> int:
        """How many hits the database knows of the workspace."""
        async with self.ctx.transaction("marketing") as tx:
            return await tx.fetch_value(int, ENGAGEMENT, {"workspace_id": self.ctx.workspace})

    def open_path(self, contact: int = 0) -> str:
        """Where the open pixel is."""
        return f"/t/o/{self.token(Purpose.OPEN, contact)}"

    def click_path(self, contact: int = 0, link: int = 0) -> str:
        """Where a link leads first."""
        return f"/t/c/{self.token(Purpose.CLICK, contact, link)}"

    def unsubscribe_path(self, contact: int = 0) -> str:
        """Where the List-Unsubscribe header leads."""
        return f"/u/{self.token(Purpose.UNSUBSCRIBE, contact)}"


MailingMaker = Callable[..., Mailing]
FlushHits = Callable[[], Awaitable[int]]


@pytest.fixture
def tracked_runtime(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """The process's runtime with a spool of its own, so that nobody else flushes its hits."""
    settings = runtime.setting(PlatformSettings).model_copy(update={"data": tmp_path_factory.mktemp("data")})
    return replace(runtime, ports={**runtime.ports, Tracker: Tracker(settings, runtime.keys)})


@pytest.fixture
def make_mailing(tracked_runtime: Runtime, make_context: ContextMaker, database: TestDatabase) -> MailingMaker:
    """Makes campaigns as if they had been sent."""

    def make(
        *,
        links: tuple[str, ...] = ("https://shop.example/sale",),
        contacts: int = 1,
        from_name: str = "Ada's Engines",
        locales: tuple[str, ...] = ("en",),
        workspace_id: UUID | None = None,
        states: tuple[str, ...] = ("sent",),
    ) -> Mailing:
        ctx = replace(make_context(workspace_id=workspace_id), runtime=tracked_runtime)
        made = Mailing(ctx, new_id(), new_id(), tuple(new_id() for _ in range(contacts)))
        with psycopg.connect(database.admin_url) as connection:
            _write(connection, made, links=links, from_name=from_name, locales=locales, states=states)
        return made

    return make


@pytest.fixture
def app(composition: Composition, tracked_runtime: Runtime) -> ASGIApp:
    """The API, without what runs beside it."""
    return replace(composition, runtime=tracked_runtime).application(lifespan=_no_lifespan)


@pytest.fixture
async def client(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody with a browser."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as made:
        yield made


@pytest.fixture
def flush_hits(tracked_runtime: Runtime) -> FlushHits:
    """Brings what is in the spool into the database; how many hits that were."""

    async def run() -> int:
        return await flush(tracked_runtime.port(Tracker).spool, partial(record_hits, tracked_runtime))

    return run


def _write(
    connection: psycopg.Connection[tuple[object, ...]],
    made: Mailing,
    *,
    links: tuple[str, ...],
    from_name: str,
    locales: tuple[str, ...],
    states: tuple[str, ...],
) -> None:
    workspace, template = made.ctx.workspace, new_id()
    connection.execute("insert into identity.workspace values (%s, 'Engines', 'en', 'UTC', now()) on conflict do nothing", (workspace,))
    connection.execute(
        "insert into marketing.template values (%s, %s, 'Sale', 'email', 'en', 1, now(), now(), null)", (workspace, template)
    )
    connection.execute(
        "insert into marketing.campaign (workspace_id, id, name, template_id, segment_id, from_name, from_email, status, message_id,"
        " credits_per_email_micros, created_at, updated_at)"
        " values (%s, %s, 'Spring', %s, %s, %s, 'a@b.example', 'sending', %s, 10000, now(), now())",
        (workspace, made.campaign_id, template, new_id(), from_name, made.message_id),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into marketing.link values (%s, %s, %s, 'en', %s)",
            [(workspace, made.message_id, position, url) for position, url in enumerate(links)],
        )
        cursor.executemany(
            "insert into audience.contact (workspace_id, id, external_id, email, first_name, created_at, updated_at)"
            " values (%s, %s, %s, %s, 'Ada', now(), now())",
            [(workspace, contact, f"crm-{contact}", f"{contact}@example.com") for contact in made.contact_ids],
        )
        cursor.executemany(
            "insert into marketing.delivery (workspace_id, message_id, contact_id, state, reason, locale, due_at)"
            " values (%s, %s, %s, %s, case when %s = 'skipped' then 'no_address' end, %s, now())",
            [
                (workspace, made.message_id, contact, states[n % len(states)], states[n % len(states)], locales[n % len(locales)])
                for n, contact in enumerate(made.contact_ids)
            ],
        )


@asynccontextmanager
async def _no_lifespan() -> AsyncIterator[None]:
    yield
