"""The doors of the media library: uploads, lists, links, names, deleting, renditions."""

import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from PIL import Image
from pydantic_settings import BaseSettings
from tests.customers import Customer, customer_at, no_lifespan
from tests.platform.media.bad_files import HTML, REFUSED, SVG, with_exif

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.modules.ai.settings import AssetSettings
from nexusone.web.simulation.files import film, picture, speech

NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "/": "Untitled",
    "...": "Untitled",
    "lamp\u202egnp.exe": "lampgnp.exe",
    "a" * 300 + ".png": "a" * 200,
}


async def uploaded(customer: Customer, content: bytes, name: str = "lamp.png", **form: str) -> dict[str, Any]:
    answer = await sent(customer, content, name, **form)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def sent(customer: Customer, content: bytes, name: str = "lamp.png", claimed: str = "image/png", **form: str) -> httpx2.Response:
    return await customer.client.post("/v1/assets", files={"file": (name, content, claimed)}, data=form)


def faults(answer: httpx2.Response) -> list[str]:
    return [fault["code"] for fault in answer.json()["errors"]]


async def fetched(customer: Customer, url: str) -> httpx2.Response:
    return await customer.client.get(urlsplit(url).path)


async def test_an_upload_is_what_its_bytes_say(customer: Customer) -> None:
    content = picture("a lamp", width=640, height=480, media_type="image/jpeg")
    asset = await uploaded(customer, content, "lamp.png", alt_text="A lamp")
    shown = {"kind": "image", "media_type": "image/jpeg", "width": 640, "height": 480, "name": "lamp.png", "alt_text": "A lamp"}
    shown |= {"origin": "uploaded", "is_ai_generated": False, "has_manifest": False, "version": 1, "generation_id": None}
    assert {name: asset[name] for name in shown} == shown
    answer = await fetched(customer, asset["content_url"])
    assert len(answer.content) == asset["size_bytes"]
    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size) == ("JPEG", (640, 480))
    with Image.open(io.BytesIO((await fetched(customer, asset["thumbnail_url"])).content)) as image:
        assert (image.format, image.size) == ("WEBP", (320, 240))


async def test_api_17_files_are_served_as_files_and_nothing_else(customer: Customer) -> None:
    asset = await uploaded(customer, picture("x", width=9, height=9))
    for url, name in ((asset["content_url"], "content.png"), (asset["thumbnail_url"], "thumbnail.webp")):
        answer = await fetched(customer, url)
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/octet-stream"


async def test_sounds_and_films_are_measured(customer: Customer) -> None:
    sound = await uploaded(customer, speech("five words take two seconds"), "voice.mp3")
    assert (sound["kind"], sound["media_type"], sound["thumbnail_url"], sound["width"]) == ("audio", "audio/mpeg", None, None)
    assert abs(sound["duration_ms"] - 2_000) < 120
    made = await uploaded(customer, film("x", seconds=1, width=64, height=48), "film.mp4")
    assert (made["kind"], made["media_type"], made["width"], made["height"]) == ("video", "video/mp4", 64, 48)
    with Image.open(io.BytesIO((await fetched(customer, made["thumbnail_url"])).content)) as image:
        assert (image.format, image.size) == ("WEBP", (64, 48))


@pytest.mark.parametrize("name", ["svg with a script", "html", "zip", "html that begins like a png", "truncated jpeg", "png bomb"])
async def test_api_17_a_file_that_means_no_good_is_refused_whatever_it_claims(customer: Customer, name: str) -> None:
    make, reason = REFUSED[name]
    answer = await sent(customer, make(), "lamp.png", "image/png")
    assert (answer.status_code, answer.json()["code"], faults(answer)) == (422, "ai.asset_refused", [reason])
    assert (await customer.client.get("/v1/assets")).json()["items"] == []


@pytest.mark.parametrize("name", NAMES)
async def test_api_17_a_files_name_is_never_a_path(customer: Customer, composition: Composition, name: str) -> None:
    asset = await uploaded(customer, picture("x", width=3, height=3), name)
    assert asset["name"] == NAMES[name]
    keys = {entry.key async for entry in composition.runtime.blobs.list_blobs(customer.workspace_id, "assets")}
    assert keys == {f"assets/{asset['id']}/content.png", f"assets/{asset['id']}/thumbnail.webp"}


async def test_api_17_where_a_picture_was_taken_stays_behind(customer: Customer) -> None:
    asset = await uploaded(customer, with_exif("JPEG") + HTML)
    content = (await fetched(customer, asset["content_url"])).content
    assert b"Exif" not in content
    assert b"<script>" not in content


async def test_a_file_beyond_the_bytes_of_its_kind_is_refused(composition: Composition) -> None:
    async with small_library(composition, asset_image_bytes_max=2_000) as customer:
        answer = await sent(customer, picture("x", width=5, height=5) + bytes(2_000))
        assert (answer.status_code, answer.json()["code"]) == (413, "ai.asset_too_large")
        assert "2000" in answer.json()["detail"]


async def test_api_17_a_workspace_has_room_for_so_much(composition: Composition) -> None:
    content = picture("x", width=50, height=50)
    async with small_library(composition, asset_storage_bytes_max=1_500) as customer:
        assert (await sent(customer, content)).status_code == 201
        full = await sent(customer, picture("noise and more of it", width=300, height=300))
        assert (full.status_code, full.json()["code"]) == (409, "ai.storage_full")
        (asset,) = (await customer.client.get("/v1/assets")).json()["items"]
        keys = [entry.key async for entry in composition.runtime.blobs.list_blobs(customer.workspace_id, "assets")]
        assert len(keys) == 2
        assert (await customer.client.delete(f"/v1/assets/{asset['id']}")).status_code == 204
        assert (await sent(customer, content)).status_code == 201


async def test_links_end(customer: Customer, composition: Composition) -> None:
    asset = await uploaded(customer, picture("x", width=9, height=9))
    later = composition.runtime.clock.now() + timedelta(hours=2)

    class Later:
        def now(self) -> Any:
            return later

    moved = replace(composition, runtime=replace(composition.runtime, clock=Later())).application(lifespan=no_lifespan)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=moved), base_url="http://test") as client:
        answer = await client.get(urlsplit(asset["content_url"]).path)
    assert answer.status_code == 403


async def test_a_list_is_newest_first_and_of_one_kind_where_that_is_wanted(customer: Customer) -> None:
    ids = [
        (await uploaded(customer, content))["id"]
        for content in (picture("x", width=4, height=4), speech("hi"), picture("y", width=4, height=4))
    ]
    page = (await customer.client.get("/v1/assets?limit=2")).json()
    rest = (await customer.client.get("/v1/assets", params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert [asset["id"] for asset in (*page["items"], *rest["items"])] == ids[::-1]
    assert [asset["id"] for asset in (await customer.client.get("/v1/assets?kind=audio")).json()["items"]] == [ids[1]]
    assert (await customer.client.get("/v1/assets?kind=text")).status_code == 422


async def test_a_name_changes_under_guard_and_an_alt_text_can_go(customer: Customer) -> None:
    asset = await uploaded(customer, picture("x", width=4, height=4), alt_text="A lamp")
    path = f"/v1/assets/{asset['id']}"
    changed = await customer.client.patch(path, json={"name": "Dusk"}, headers={"If-Match": '"1"'})
    assert (changed.json()["name"], changed.json()["alt_text"], changed.headers["etag"]) == ("Dusk", "A lamp", '"2"')
    assert (await customer.client.patch(path, json={"name": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await customer.client.patch(path, json={"alt_text": None})).json()["alt_text"] is None
    assert (await customer.client.get(path)).json()["name"] == "Dusk"


async def test_a_deleted_asset_is_gone_with_its_files(
    customer: Customer, composition: Composition, drain: Callable[[], Awaitable[None]]
) -> None:
    asset = await uploaded(customer, picture("x", width=4, height=4))
    path = f"/v1/assets/{asset['id']}"
    assert (await customer.client.delete(path)).status_code == 204
    await drain()
    assert [entry.key async for entry in composition.runtime.blobs.list_blobs(customer.workspace_id, "assets")] == []
    for answer in (await customer.client.get(path), await customer.client.delete(path), await fetched(customer, asset["content_url"])):
        assert answer.status_code == 404


async def test_an_upload_with_its_key_is_taken_once(customer: Customer) -> None:
    key, content = {"Idempotency-Key": str(new_id())}, picture("x", width=4, height=4)
    answers = [await customer.client.post("/v1/assets", files={"file": ("x.png", content, "image/png")}, headers=key) for _ in range(2)]
    # The boundary of a form is new each time, and its length is not.
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len((await customer.client.get("/v1/assets")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ({"make": "resize", "width": 100}, ("image/png", 100, 50)),
        ({"make": "resize", "width": 100, "height": 100, "fit": "cover", "media_type": "image/jpeg"}, ("image/jpeg", 100, 100)),
        ({"make": "resize", "media_type": "image/webp"}, ("image/webp", 400, 200)),
        ({"make": "thumbnail"}, ("image/webp", 320, 160)),
        ({"make": "thumbnail", "width": 32, "media_type": "image/png"}, ("image/png", 32, 16)),
    ],
)
async def test_pictures_are_made_of_a_picture(customer: Customer, wanted: dict[str, Any], shown: tuple[str, int, int]) -> None:
    source = await uploaded(customer, picture("x", width=400, height=200), alt_text="A lamp")
    answer = await customer.client.post(f"/v1/assets/{source['id']}/renditions", json=wanted)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["media_type"], made["width"], made["height"]) == shown
    assert (made["origin"], made["source_asset_id"], made["alt_text"], made["has_manifest"]) == ("derived", source["id"], "A lamp", False)
    with Image.open(io.BytesIO((await fetched(customer, made["content_url"])).content)) as image:
        assert image.size == shown[1:]


async def test_a_sound_is_drawn_and_told_in_numbers(customer: Customer) -> None:
    source = await uploaded(customer, speech("one two three"), "voice.mp3")
    path = f"/v1/assets/{source['id']}"
    drawn = (await customer.client.post(f"{path}/renditions", json={"make": "waveform", "width": 200, "height": 50})).json()
    assert (drawn["kind"], drawn["media_type"], drawn["width"], drawn["height"]) == ("image", "image/svg+xml", 200, 50)
    assert (await fetched(customer, drawn["content_url"])).content.startswith(b"<svg ")
    png = (await customer.client.post(f"{path}/renditions", json={"make": "waveform", "media_type": "image/png"})).json()
    assert (png["media_type"], png["width"], png["height"]) == ("image/png", 800, 160)
    told = (await customer.client.get(f"{path}/waveform?points=30")).json()
    assert len(told["peaks"]) == 30
    assert told["duration_ms"] == source["duration_ms"]
    again = await customer.client.post(f"/v1/assets/{drawn['id']}/renditions", json={"make": "resize", "width": 10})
    assert (again.status_code, again.json()["code"]) == (422, "ai.rendition_impossible")


async def test_a_film_has_a_poster(customer: Customer) -> None:
    source = await uploaded(customer, film("x", seconds=1, width=64, height=48), "film.mp4")
    made = (
        await customer.client.post(f"/v1/assets/{source['id']}/renditions", json={"make": "poster", "at_ms": 500, "name": "Start"})
    ).json()
    assert (made["kind"], made["media_type"], made["width"], made["name"]) == ("image", "image/webp", 64, "Start")


@pytest.mark.parametrize(
    "wanted",
    [{"make": "waveform"}, {"make": "poster"}, {"make": "resize", "media_type": "image/svg+xml"}],
)
async def test_what_cannot_be_made_of_a_picture_is_refused(customer: Customer, wanted: dict[str, Any]) -> None:
    source = await uploaded(customer, picture("x", width=4, height=4))
    answer = await customer.client.post(f"/v1/assets/{source['id']}/renditions", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, "ai.rendition_impossible")
    assert "{" not in answer.json()["detail"]


async def test_a_waveform_beyond_all_bounds_is_refused(customer: Customer) -> None:
    source = await uploaded(customer, speech("hi"), "voice.mp3")
    wanted = {"make": "waveform", "width": 16_000, "height": 16_000, "media_type": "image/png"}
    answer = await customer.client.post(f"/v1/assets/{source['id']}/renditions", json=wanted)
    assert (answer.status_code, faults(answer)) == (422, ["too_many_pixels"])


async def test_the_graph_shows_assets(customer: Customer) -> None:
    asset = await uploaded(customer, picture("x", width=4, height=4))
    fields = "name width is_ai_generated size_bytes content_url"
    query = f'{{ assets(kind: "image") {{ items {{ id }} }} asset(id: "{asset["id"]}") {{ {fields} }} }}'
    answer = (await customer.client.post("/graphql", json={"query": query})).json()["data"]
    assert answer["assets"]["items"] == [{"id": asset["id"]}]
    assert (answer["asset"]["name"], answer["asset"]["width"], answer["asset"]["is_ai_generated"]) == ("lamp.png", 4, False)
    assert (await fetched(customer, answer["asset"]["content_url"])).status_code == 200


async def test_whoever_may_only_read_uploads_nothing(customer: Customer) -> None:
    secret = await customer.api_key("assets:read")
    for headers, status in (({"Authorization": f"Bearer {secret}"}, 403),):
        files = {"file": ("x.svg", SVG, "image/svg+xml")}
        assert (await customer.client.post("/v1/assets", files=files, headers=headers)).status_code == status
        assert (await customer.client.get("/v1/assets", headers=headers)).status_code == 200


class small_library:  # noqa: N801 - read as a function
    """A company in a process with other bounds."""

    def __init__(self, composition: Composition, **bounds: int) -> None:
        settings: dict[type[BaseSettings], BaseSettings] = {**composition.runtime.settings}
        settings[AssetSettings] = AssetSettings.model_validate(bounds)
        used = replace(composition, runtime=replace(composition.runtime, settings=settings))
        self._customer = customer_at(used.application(lifespan=no_lifespan))

    async def __aenter__(self) -> Customer:
        return await self._customer.__aenter__()

    async def __aexit__(self, *fault: Any) -> None:
        await self._customer.__aexit__(*fault)
