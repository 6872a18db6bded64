"""What generations make becomes assets: once, marked, and with its marks in all that is made of it (AIA-02, AIA-03)."""

import io
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import c2pa  # type: ignore[import-untyped]
import pytest
from tests.platform.media.bad_files import HTML

from nexusone.kernel.ids import new_id
from nexusone.modules.ai.contracts.assets import NewRendition
from nexusone.modules.ai.domain.assets import asset_id_of, name_of
from nexusone.modules.ai.service.assets import AssetRow, Origin, add, prepare, read_asset
from nexusone.modules.ai.service.library import get_asset, make_rendition, upload
from nexusone.modules.ai.service.refusals_assets import AssetNotFound, AssetRefused
from nexusone.platform.runtime import Context
from nexusone.web.simulation.files import film, picture, speech

FILES: dict[Any, Callable[[], bytes]] = {
    "image": lambda: picture("a lamp", width=600, height=400),
    "audio": lambda: speech("meet the lamp"),
    "video": lambda: film("a lamp", seconds=1, width=64, height=64),
}


def origin(**changed: Any) -> Origin:
    fields = {"generation_id": new_id(), "place": 0, "model": "brush-3", "vendor": "atelier", "prompt_hash": sha256(b"a lamp").digest()}
    return Origin(**{**fields, **changed})


async def kept(ctx: Context, content: bytes, kind: Any, made_by: Origin) -> AssetRow:
    prepared = await prepare(ctx, content=content, kind=kind, name="Lamp", origin=made_by)
    async with ctx.transaction("ai") as tx:
        return await add(tx, prepared=prepared, workspace_id=ctx.workspace, created_by=ctx.principal.label, now=ctx.now())


def manifest_of(content: bytes, media_type: str) -> dict[str, Any]:
    with c2pa.Reader(media_type, io.BytesIO(content)) as reader:
        found: dict[str, Any] = json.loads(reader.json())
        return found


async def blob(ctx: Context, key: str) -> bytes:
    return b"".join([chunk async for chunk in (await ctx.runtime.blobs.get(ctx.workspace, key)).chunks])


@pytest.mark.parametrize("kind", FILES)
async def test_aia_02_what_a_model_made_is_marked_in_the_file_and_on_record(ctx: Context, kind: Any) -> None:
    row = await kept(ctx, FILES[kind](), kind, origin())
    assert (row.origin, row.is_ai_generated, row.has_manifest, row.kind) == ("generated", True, True, kind)
    found, content = await read_asset(ctx, asset_id=row.id)
    assert (found, sha256(content).digest(), len(content)) == (row, row.sha256, row.size_bytes)
    told = manifest_of(content, row.media_type)
    assert told["validation_state"] == "Valid"
    assert json.dumps(told).count("c2pa.created") == 1
    assert "brush-3" in json.dumps(told)
    if row.thumbnail_key is not None:
        small = manifest_of(await blob(ctx, row.thumbnail_key), "image/webp")
        assert small["validation_state"] == "Valid"
        assert "trainedAlgorithmicMedia" in json.dumps(small)


async def test_a_repeated_job_makes_the_same_asset(ctx: Context) -> None:
    made_by = origin()
    first = await prepare(ctx, content=FILES["image"](), kind="image", name="Lamp", origin=made_by)
    second = await prepare(ctx, content=FILES["image"](), kind="image", name="Lamp", origin=made_by)
    assert (first.id, first.blob_key, first.thumbnail_key) == (second.id, second.blob_key, second.thumbnail_key)
    assert len([entry async for entry in ctx.runtime.blobs.list_blobs(ctx.workspace, "assets")]) == 2
    rows = []
    for prepared in (second, second):
        async with ctx.transaction("ai") as tx:
            rows.append(await add(tx, prepared=prepared, workspace_id=ctx.workspace, created_by="system", now=ctx.now()))
    assert rows[0] == rows[1]
    again = await prepare(ctx, content=FILES["image"](), kind="image", name="Lamp", origin=made_by)
    assert again == rows[0]
    assert sha256((await read_asset(ctx, asset_id=first.id))[1]).digest() == rows[0].sha256
    other = await prepare(
        ctx, content=FILES["image"](), kind="image", name="Lamp", origin=origin(generation_id=made_by.generation_id, place=1)
    )
    assert other.id != first.id


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (HTML, "image", "unknown_type"),
        (picture("x", width=4, height=4), "video", "other_kind"),
        (b"\xff\xd8\xff" + HTML, "image", "broken"),
    ],
)
async def test_api_21_what_a_model_sent_is_no_more_believed_than_any_file(ctx: Context, content: bytes, kind: Any, reason: str) -> None:
    with pytest.raises(AssetRefused) as refused:
        await prepare(ctx, content=content, kind=kind, name="Lamp", origin=origin())
    assert refused.value.data["reason"] == reason
    assert [entry async for entry in ctx.runtime.blobs.list_blobs(ctx.workspace, "assets")] == []


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("image", NewRendition(make="resize", width=100, media_type="image/jpeg")),
        ("image", NewRendition(make="thumbnail")),
        ("video", NewRendition(make="poster")),
        ("audio", NewRendition(make="waveform", media_type="image/png")),
    ],
)
async def test_aia_02_what_is_made_of_it_is_marked_too(ctx: Context, kind: Any, wanted: NewRendition) -> None:
    row = await kept(ctx, FILES[kind](), kind, origin())
    made = await make_rendition(ctx, asset_id=row.id, wanted=wanted)
    assert (made.is_ai_generated, made.has_manifest, made.source_asset_id) == (True, True, row.id)
    _, content = await read_asset(ctx, asset_id=made.id)
    told = manifest_of(content, made.media_type)
    assert told["validation_state"] == "Valid"
    (ingredient,) = told["manifests"][told["active_manifest"]]["ingredients"]
    assert ingredient["relationship"] == "parentOf"
    assert "trainedAlgorithmicMedia" in json.dumps(told)


async def test_aia_03_a_drawing_without_a_manifest_carries_the_flag(ctx: Context) -> None:
    row = await kept(ctx, FILES["audio"](), "audio", origin())
    made = await make_rendition(ctx, asset_id=row.id, wanted=NewRendition(make="waveform"))
    assert (made.is_ai_generated, made.has_manifest) == (True, False)


async def test_aia_02_an_upload_that_tells_of_a_model_goes_on_telling(ctx: Context) -> None:
    row = await kept(ctx, FILES["image"](), "image", origin())
    _, content = await read_asset(ctx, asset_id=row.id)

    async def chunks() -> Any:
        yield content

    again = await upload(ctx, file=chunks(), file_name="found.png", name=None, alt_text=None)
    assert (again.origin, again.is_ai_generated, again.has_manifest) == ("uploaded", True, True)
    told = manifest_of((await read_asset(ctx, asset_id=again.id))[1], again.media_type)
    assert told["validation_state"] == "Valid"
    assert "brush-3" in json.dumps(told)


async def test_nobody_reads_another_companys_asset(ctx: Context, make_context: Callable[[], Context]) -> None:
    row = await kept(ctx, FILES["image"](), "image", origin())
    for ask in (get_asset, read_asset):
        with pytest.raises(AssetNotFound):
            await ask(make_context(), asset_id=row.id)


def test_ids_of_made_files_sort_by_their_generation() -> None:
    generations = sorted(new_id() for _ in range(3))
    ids = [asset_id_of(generation, place) for generation in generations for place in (0, 1, 2)]
    assert len(set(ids)) == 9
    assert {(found.version, found.variant) for found in ids} == {(7, new_id().variant)}
    assert ids == [asset_id_of(generation, place) for generation in generations for place in (0, 1, 2)]
    assert [found.bytes[:6] for found in ids[::3]] == [generation.bytes[:6] for generation in generations]


def test_a_name_is_the_last_part_of_a_files_own() -> None:
    assert [name_of(name) for name in ("a/b/c.png", None, "", "\x00\n", " x ")] == ["c.png", "Untitled", "Untitled", "Untitled", "x"]
