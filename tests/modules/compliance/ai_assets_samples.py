"""Samples of the media library."""

import httpx2
from tests.modules.compliance.samples import Stage, sample

from nexusone.web.simulation.files import picture


async def asset(stage: Stage) -> httpx2.Response:
    """A picture that was just uploaded."""
    files = {"file": ("lamp.png", picture("a lamp", width=16, height=16), "image/png")}
    return await stage.client.post("/v1/assets", files=files)


async def path_of_one(stage: Stage) -> str:
    """The address of such a picture."""
    return f"/v1/assets/{(await asset(stage)).json()['id']}"


@sample("assets.upload_asset")
async def _(stage: Stage) -> httpx2.Response:
    return await asset(stage)


@sample("assets.change_asset")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(await path_of_one(stage), json={"alt_text": "A lamp at dusk"})


@sample("assets.make_rendition")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post(f"{await path_of_one(stage)}/renditions", json={"make": "thumbnail"})


@sample("assets.delete_asset")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(await path_of_one(stage))
