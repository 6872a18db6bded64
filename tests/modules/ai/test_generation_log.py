"""AIA-04: whatever is made, the record says who asked, what with, what it cost, how it was judged, what came out and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.conftest import TestDatabase
from tests.modules.ai.scripted import Workshop, said
from tests.modules.ai.scripted_media import PAINTER, ScriptedPainter, finished, open_studio

from nexusone.modules.ai.contracts.edits import NewDisposition
from nexusone.modules.ai.contracts.generations import NewImage, NewText, NewVideo, NewVoice
from nexusone.modules.ai.contracts.tasks import NewTaskRun
from nexusone.modules.ai.ports.judging import Judgement, Moderator
from nexusone.modules.ai.ports.media import Finished, MadeFile, MediaFile, VideoModels, VoiceModels
from nexusone.modules.ai.ports.models import ModelCard, Price
from nexusone.modules.ai.service import edits, generations, making, tasks
from nexusone.platform.runtime import Runtime
from nexusone.web.simulation.files import film, speech

LOGGED = """
select g.workspace_id, g.requested_by, g.vendor, g.model, g.model_version, g.prompt_hash, g.prompt, g.charged_micros, g.safety,
    g.output_hash, g.output, g.disposition, g.disposed_by, g.status,
    (select array_agg(a.sha256) from ai.asset as a where a.workspace_id = g.workspace_id and a.id = any(g.asset_ids)) as files
from ai.generation as g where g.workspace_id = %s and g.id = %s
"""
SMS = '{"sms_text": "The lamp is here."}'
ALL = ("text", "task", "image", "voice", "video")


@dataclass
class Judge:
    """Objects to nothing."""

    def catalog(self) -> tuple[ModelCard, ...]:
        return ()

    async def judge(self, *, texts: Sequence[str], images: Sequence[MediaFile] = ()) -> tuple[Judgement, ...]:
        return tuple(Judgement(is_flagged=False, categories=(), scores={}) for _ in (*texts, *images))

    async def close(self) -> None:
        return


def maker(kind: Any, unit: Any, media_type: str, content: bytes) -> Any:
    """A vendor that makes one file of a kind at once."""
    card = replace(PAINTER, name=f"{kind}-1", kind=kind, prices=(Price(unit, 1_000),))
    made = Finished(reference="ref", files=(MadeFile(media_type, content=content),), quantities={unit: 3}, model_version=f"{kind}-1-0301")
    return ScriptedPainter(cards=(card,), begins=[made])


async def studio(runtime: Runtime) -> Workshop:
    """A workshop where everything can be made, and all of it is judged."""
    sound = speech("The lamp is here.", media_type="audio/wav")
    painter = ScriptedPainter(begins=[replace(finished(), model_version="painter-1-0301")])
    shop = await open_studio(runtime, painter)
    shop.model.script[:] = [said("The lamp is here.")]  # type: ignore[attr-defined]  # the scripted one
    ports: dict[type[object], object] = {
        **shop.runtime.ports,
        Moderator: Judge(),
        VoiceModels: VoiceModels({"scripted": maker("voice", "character", "audio/wav", sound)}),
        VideoModels: VideoModels(
            {"scripted": maker("video", "second", "video/mp4", film("The lamp is here.", seconds=1.0, width=64, height=64))}
        ),
    }
    return replace(shop, runtime=replace(shop.runtime, ports=ports))


async def made_by(shop: Workshop, way: str) -> UUID:
    """Makes something that way, to its end."""
    match way:
        case "text":
            return (await shop.generate(NewText(prompt="Announce the lamp.", locale="en"))).id
        case "task":
            shop.model.script[:] = [said(SMS)]  # type: ignore[attr-defined]
            run = await tasks.run_task(shop.ctx, name="sms", wanted=NewTaskRun(input={"brief": "The lamp."}, locales=["en"]))
            assert run.items[0].generation is not None
            return run.items[0].generation.id
        case "image":
            return await _file(shop, NewImage(prompt="A lamp.", width=64, height=64))
        case "voice":
            return await _file(shop, NewVoice(prompt="The lamp is here.", media_type="audio/wav"))
        case _:
            portrait = await made_by(shop, "image")
            (asset,) = (await generations.get_generation(shop.ctx, generation_id=portrait)).assets
            return await _file(shop, NewVideo(portrait_asset_id=asset.id, prompt="The lamp is here."))


async def _file(shop: Workshop, wanted: NewImage | NewVoice | NewVideo) -> UUID:
    queued = await generations.submit(shop.ctx, wanted=wanted)
    await making.make_queued(shop.ctx, generation_id=queued.id)
    return queued.id


@pytest.mark.parametrize("way", ALL)
async def test_aia_04_every_way_to_make_something_leaves_a_whole_record(runtime: Runtime, database: TestDatabase, way: str) -> None:
    shop = await studio(runtime)
    made = await made_by(shop, way)
    await edits.dispose(shop.ctx, generation_id=made, wanted=NewDisposition(disposition="used"))
    with psycopg.connect(database.admin_url, row_factory=dict_row) as admin:
        row = admin.execute(LOGGED, (shop.workspace_id, made)).fetchone()
    assert row is not None
    assert (row["status"], row["workspace_id"], row["requested_by"]) == ("succeeded", shop.workspace_id, f"user:{UUID(int=7)}")
    assert (row["vendor"], bool(row["model"]), row["model_version"].endswith("0301")) == ("scripted", True, True)
    assert row["prompt_hash"] == sha256(row["prompt"].encode()).digest()
    assert row["charged_micros"] > 0
    assert row["safety"] == {"policy": "flag", "is_flagged": False, "categories": []}
    hashes = [row["output_hash"]] if way in ("text", "task") else row["files"]
    assert hashes and all(len(found) == 32 for found in hashes)
    if way in ("text", "task"):
        assert row["output_hash"] == sha256(row["output"].encode()).digest()
    assert (row["disposition"], row["disposed_by"]) == ("used", f"user:{UUID(int=7)}")

    assert "ai.generation.succeeded.v1" in await shop.events()
