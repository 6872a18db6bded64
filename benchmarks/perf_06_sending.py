"""PERF-06: a campaign through the sending engine, personalised and accounted for, against aiosmtplib with one fixed message."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import aiosmtplib
import psycopg

from benchmarks.figures import Figure, compare
from nexusone.apps.compose import Composition
from nexusone.apps.process import ensure_schema, ground, standing
from nexusone.kernel.ids import new_id
from nexusone.modules.billing.service import grants
from nexusone.modules.marketing.contracts import NewCampaign, NewTemplate, TemplateVariant
from nexusone.modules.marketing.ports import EmailTransport
from nexusone.modules.marketing.service import campaigns, launching, templates
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings
from nexusone.providers.smtp.address import parse_address
from nexusone.providers.smtp.transport import SmtpTransport

NAME = "PERF-06"
MAILS = int(os.environ.get("BENCH_MAILS", "10000"))
CONNECTIONS = 8

MJML = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Dear {{ contact.first_name | default: "friend" }} {{ contact.last_name }}, {% if contact.attributes.plan == "pro" %}thank
you for being a pro{% else %}look at what pros get{% endif %}. Until Sunday everything in the shop is a fifth off.</mj-text>
<mj-button href="https://shop.example/sale?c={{ contact.external_id }}">To the sale</mj-button>
<mj-text>Not in the mood? <a href="https://shop.example/later">Later, then</a>.</mj-text>
</mj-column></mj-section></mj-body></mjml>"""

FILL = """
insert into audience.contact
    (workspace_id, id, external_id, email, first_name, last_name, locale, timezone, country, attributes, created_at, updated_at)
select %(workspace_id)s, uuidv7(), 'c-' || n, 'c' || n || '@example.com', 'Ada', 'Lovelace ' || n, 'en-GB', 'Europe/London', 'GB',
    jsonb_build_object('plan', case n %% 3 when 0 then 'pro' else 'free' end, 'lifetime_value', n %% 1000), now(), now()
from generate_series(1, %(count)s) as n
"""
MAKE_WORKSPACE = """
insert into identity.workspace (workspace_id, name, default_locale, timezone, created_at) values (%s, 'Engines', 'en', 'UTC', now())
"""
MAKE_SEGMENT = """
insert into audience.segment (workspace_id, id, name, definition, created_at, updated_at)
values (%s, %s, 'All', '{"attribute": "email", "op": "exists", "value": true}', now(), now())
"""
CONTENT_OF_ONE = b"From: Shop <news@engines.example>\r\nTo: c1@example.com\r\nSubject: Sale\r\n\r\n" + b"0123456789abcde\r\n" * 700


async def run() -> list[Figure]:
    """Mails per second of one process, hand-over and accounting together."""
    data = Path(tempfile.mkdtemp(prefix="nexusone-perf06-"))
    settings = PlatformSettings(data=data, database_connections=16)
    try:
        with ground(settings, log=(data / "log").open("w")) as base:
            ensure_schema(base.database, may_migrate=True)
            admin_url = base.database.admin_url or base.database.url
            async with _sink() as port, standing(base, None) as composition:
                transport = SmtpTransport(parse_address(f"smtp://127.0.0.1:{port}"), connections_max=CONNECTIONS)
                ports: dict[type[object], object] = {**composition.runtime.ports, EmailTransport: transport}
                equipped = replace(composition, runtime=replace(composition.runtime, ports=ports))
                ctx, segment_id = await _company(equipped, admin_url)
                figure = await compare(
                    NAME,
                    ours=lambda: _campaign(ctx, equipped, segment_id),
                    baseline=lambda: _aiosmtplib(port),
                    unit="mails/s",
                    rounds=3,
                    mails=MAILS,
                    connections=CONNECTIONS,
                )
                await transport.close()
                return [figure]
    finally:
        shutil.rmtree(data, ignore_errors=True)


@asynccontextmanager
async def _sink() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.smtp_sink", stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


async def _company(composition: Composition, admin_url: str) -> tuple[Context, UUID]:
    workspace_id, segment_id = new_id(), new_id()
    ctx = composition.runtime.system(workspace_id)
    with psycopg.connect(admin_url) as connection:
        connection.execute(MAKE_WORKSPACE, (workspace_id,))
        connection.execute(MAKE_SEGMENT, (workspace_id, segment_id))
        connection.execute(FILL, {"workspace_id": workspace_id, "count": MAILS})
    await grants.grant_alone(ctx, key="bench", amount_micros=10**12, source="sign_up")
    return ctx, segment_id


async def _campaign(ctx: Context, composition: Composition, segment_id: UUID) -> float:
    variants = {"en": TemplateVariant(subject="{{ contact.first_name }}, a fifth off", preheader="Until Sunday", mjml=MJML)}
    template = await templates.create_template(ctx, wanted=NewTemplate(name="Sale", default_locale="en", variants=variants))
    wanted = NewCampaign(
        name="Sale", template_id=template.id, segment_id=segment_id, from_name="Engines", from_email="news@engines.example"
    )
    campaign = await campaigns.create_campaign(ctx, wanted=wanted)
    began = ctx.now()
    await launching.send(ctx, campaign_id=campaign.id)
    await composition.worker(only=["marketing"]).drain()
    done = await campaigns.get_campaign(ctx, campaign_id=campaign.id)
    if (done.status, done.progress.sent) != ("sent", MAILS):
        raise RuntimeError(f"the campaign ended as {done.status} with {done.progress}")
    return MAILS / ((done.finished_at or ctx.now()) - began).total_seconds()


async def _aiosmtplib(port: int) -> float:
    async def connection() -> int:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False)
        await client.connect()
        for _ in range(MAILS // CONNECTIONS):
            await client.sendmail("news@engines.example", ["c1@example.com"], CONTENT_OF_ONE)
        await client.quit()
        return MAILS // CONNECTIONS

    began = time.perf_counter()
    sent = sum(await asyncio.gather(*(connection() for _ in range(CONNECTIONS))))
    return sent / (time.perf_counter() - began)
