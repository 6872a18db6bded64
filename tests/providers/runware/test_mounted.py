"""As it runs in the sandbox: mounted beside other vendors, spoken to by what the manifest builds."""

from uuid import uuid4

from starlette.applications import Starlette
from starlette.routing import Mount
from tests.providers.conformance.media_model import content, ended, judge
from tests.providers.openai.serving import served
from tests.providers.runware.studio import picturing

from nexusone.modules.ai.ports.media import Finished
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.runware.images import build_images
from nexusone.providers.runware.manifest import MANIFEST
from nexusone.providers.runware.simulator import build_app


async def test_pictures_are_made_and_fetched_where_the_simulator_is_mounted() -> None:
    async with served(Starlette(routes=[Mount("/runware", build_app())])) as address:
        setup = ProviderSetup(address=f"{address}/runware", credentials=MANIFEST.sandbox_credentials, is_sandbox=True)
        model = build_images(setup)
        request = picturing()
        state = await ended(model, await model.begin(request, correlation=str(uuid4()), webhook=None))
        assert isinstance(state, Finished)
        judge(request, state.files[0], await content(model, state.files[0]))
        await model.close()
