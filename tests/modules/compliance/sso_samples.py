"""Samples of single sign-on: a company with a simulated provider."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
from tests.customers import no_lifespan, visitor_at
from tests.modules.compliance.samples import Stage, sample
from tests.modules.identity.sso.companies import Company, company_at

from nexusone.apps.providers import build_ports
from nexusone.apps.sandbox.simulators import simulators
from nexusone.platform.addresses import sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.providers.oidc.manifest import MANIFEST


@asynccontextmanager
async def company(stage: Stage) -> AsyncIterator[Company]:
    """A company whose provider is not connected, in a process that can reach it."""
    with TemporaryDirectory() as folder:
        async with simulators([MANIFEST], data=Path(folder), host="127.0.0.1") as addresses:
            runtime = stage.composition.runtime
            http = OutgoingHttp(sandbox_reach(addresses.http))
            ports = {**runtime.ports, **build_ports((MANIFEST,), sandbox=addresses, credentials={}), OutgoingHttp: http}
            app = replace(stage.composition, runtime=replace(runtime, ports=ports)).application(lifespan=no_lifespan)
            async with company_at(app, f"{addresses.http}/oidc") as made:
                yield made
            await http.close()


@sample("sso.create_connection")
async def _(stage: Stage) -> httpx2.Response:
    async with company(stage) as made:
        wanted = {"name": "Ours", "issuer": made.provider.issuer, "client_id": "nexusone", "client_secret": "s", "domains": [made.domain]}
        return await made.owner.client.post("/v1/sso-connections", json=wanted)


@sample("sso.change_connection")
async def _(stage: Stage) -> httpx2.Response:
    async with company(stage) as made:
        await made.connect()
        return await made.change(name="Another")


@sample("sso.delete_connection")
async def _(stage: Stage) -> httpx2.Response:
    async with company(stage) as made:
        await made.connect()
        return await made.owner.client.delete(f"/v1/sso-connections/{made.connection_id}")


@sample("sso.prove_domains")
async def _(stage: Stage) -> httpx2.Response:
    async with company(stage) as made:
        await made.connect(is_proved=False)
        for domain in made.connection["domains"]:
            async with made.provider.http.put(domain["proof_url"], data=domain["proof"]) as answer:
                assert answer.status == 204
        return await made.owner.client.post(f"/v1/sso-connections/{made.connection_id}/prove-domains")


@sample("sso.finish")
async def _(stage: Stage) -> httpx2.Response:
    async with company(stage) as made, visitor_at(made.app) as visitor:
        await made.connect()
        way = await made.begin(visitor)
        await made.back(visitor, await made.provider.choose(way, "ada"), way.binding)
        return await visitor.post("/v1/auth/sso/finish", json={"binding": way.binding})
