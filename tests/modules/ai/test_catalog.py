"""The catalog as the deployment has it, voices, and what a generation may cost and take."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
import structlog
from tests.modules.ai.scripted import ASKED, CARD, SETTINGS, ScriptedModel, Workshop, open_workshop, scripted
from tests.modules.ai.scripted_media import ASKED as PICTURE
from tests.modules.ai.scripted_media import PAINTER, ScriptedPainter, begun, failed, open_studio

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.kernel.page import PageRequest
from nexusone.modules.ai.contracts.generations import NewVoice
from nexusone.modules.ai.ports.media import Voice, VoiceModel, VoiceModels
from nexusone.modules.ai.ports.models import ModelCard, Price
from nexusone.modules.ai.service import generations, making, model_watch, models, speakers
from nexusone.modules.ai.service.model_overrides import ModelOverrides, check_overrides, read_overrides
from nexusone.modules.ai.service.refusals import ModelCannot, ModelNotFound, ModelUnknown, OverBudget
from nexusone.platform.runtime import Runtime
from nexusone.platform.settings import SettingsFileInvalid

SECOND = replace(CARD, name="writer-2", is_default=False)
SPEAKER = ModelCard("speaker-1", "singing", "voice", (Price("character", 100, 1_000),), voices=("anna",), is_default=True)


def overridden(shop: Workshop, path: Path, text: str) -> Workshop:
    """The same where the deployment has a file."""
    path.write_text(text, encoding="utf-8")
    ports = {**shop.runtime.ports, ModelOverrides: read_overrides(path)}
    return replace(shop, runtime=replace(shop.runtime, ports=ports))


@pytest.fixture
async def shop(runtime: Runtime) -> Workshop:
    """A workshop with two models that write."""
    return await open_workshop(runtime, replace(scripted(), cards=(CARD, SECOND)))


async def test_a_deployment_changes_prices_hides_models_and_names_the_default(shop: Workshop, tmp_path: Path) -> None:
    text = """
    [scripted.writer-1]
    prices = [{unit = "input_token", micros = 5, per = 1}, {unit = "output_token", micros = 10, per = 1}]
    retires_on = 2026-12-01
    [scripted.writer-2]
    is_default = true
    """
    changed = overridden(shop, tmp_path / "models.toml", text)
    first, second = await models.list_models(changed.ctx)
    assert (first.prices[0].credits, first.retires_on, first.is_default, second.is_default) == ("0.0006", "2026-12-01", False, True)
    assert (await changed.generate()).model == "writer-2"
    hidden = overridden(shop, tmp_path / "hidden.toml", "[scripted.writer-2]\nhidden = true")
    assert [model.name for model in await models.list_models(hidden.ctx)] == ["writer-1"]


async def test_a_model_whose_price_was_removed_is_refused(shop: Workshop, tmp_path: Path) -> None:
    changed = overridden(shop, tmp_path / "models.toml", "[scripted.writer-2]\nprices = []")
    with pytest.raises(ModelUnknown):
        await changed.generate(ASKED.model_copy(update={"model": "writer-2"}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[scripted.writer-1]\nprice = 1", "scripted.writer-1.price"),
        ("[scripted.writer-1]\nprices = [{unit = 'token', micros = 1}]", "prices.0.unit"),
        ("[scripted.writer-1]\nprices = [{unit = 'image', micros = 0}]", "greater than 0"),
        ("[scripted", "is no TOML"),
    ],
)
def test_a_file_that_is_wrong_stops_the_start_and_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsFileInvalid, match=said):
        read_overrides(path)


@pytest.mark.parametrize("text", ["[nobody.writer-1]\nhidden = true", "[scripted.writer-9]\nhidden = true"])
def test_words_on_models_that_are_not_there_stop_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsFileInvalid, match=r"there is no vendor|has no model"):
        check_overrides(read_overrides(path), [CARD, SECOND], vendors=["scripted"])


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsFileInvalid, match="cannot be read"):
        read_overrides(tmp_path / "none.toml")


async def test_models_in_use_that_retire_soon_are_told(shop: Workshop) -> None:
    soon = replace(SECOND, retires_on=str((shop.ctx.now() + timedelta(days=20)).date()))
    unused = replace(soon, name="writer-3")
    assert isinstance(shop.model, ScriptedModel)
    shop.model.cards = (CARD, soon, unused)
    await shop.generate(ASKED.model_copy(update={"model": "writer-2"}))
    with structlog.testing.capture_logs() as lines:
        await model_watch.watch_models(replace(shop.runtime.system()))
    assert [line["model"] for line in lines if line["event"] == "models.retiring"] == ["writer-2"]


async def test_one_model_is_shown_by_its_name_and_models_by_kind(shop: Workshop) -> None:
    assert (await models.show_model(shop.ctx, name="writer-2")).name == "writer-2"
    assert len(await models.list_models(shop.ctx, kind="text")) == 2
    assert await models.list_models(shop.ctx, kind="image") == []
    with pytest.raises(ModelNotFound):
        await models.show_model(shop.ctx, name="writer-9")


async def test_more_than_the_budget_is_not_held(shop: Workshop) -> None:
    with pytest.raises(OverBudget):
        await shop.generate(ASKED.model_copy(update={"budget": "0.000001"}))
    assert await shop.all() == ()
    assert (await shop.generate(ASKED.model_copy(update={"budget": "1000"}))).status == "succeeded"


@dataclass
class Singer(ScriptedPainter):
    """Has voices, and counts how often it is asked for them."""

    cards: tuple[ModelCard, ...] = (SPEAKER,)
    lists: list[tuple[Voice, ...] | Exception] = field(default_factory=lambda: [(Voice("bert", "Bert"), Voice("carl", "Carl"))])
    asked: int = 0

    async def voices(self) -> tuple[Voice, ...]:
        self.asked += 1
        step = self.lists[0]
        if isinstance(step, Exception):
            raise step
        return step


async def stage_with(runtime: Runtime, singer: Singer) -> Workshop:
    """A studio where one vendor reads aloud."""
    studio = await open_studio(runtime)
    ports = {
        **studio.runtime.ports,
        VoiceModels: VoiceModels({"singing": cast(VoiceModel, singer)}),
        speakers.VoiceLists: speakers.VoiceLists(),
    }
    return replace(studio, runtime=replace(studio.runtime, ports=ports))


async def test_voices_are_listed_page_by_page_and_remembered_for_a_while(runtime: Runtime) -> None:
    singer = Singer()
    studio = await stage_with(runtime, singer)
    first = await speakers.list_speakers(studio.ctx, request=PageRequest(limit=1))
    second = await speakers.list_speakers(studio.ctx, request=PageRequest(limit=1, after=first.next_after))
    assert [one.name for one in (*first.items, *second.items)] == ["bert", "carl"]
    assert (second.next_after, singer.asked) == (None, 1)
    studio.clock.move(timedelta(seconds=SETTINGS.voices_kept_seconds + 1))
    await speakers.list_speakers(studio.ctx, request=PageRequest(limit=1))
    assert singer.asked == 2


async def test_a_vendor_that_does_not_answer_has_the_voices_of_its_tables(runtime: Runtime) -> None:
    down = DefiniteFailure(code="vendor.unavailable", detail="down", is_retryable=True)
    studio = await stage_with(runtime, Singer(lists=[down]))
    assert [one.name for one in (await speakers.list_speakers(studio.ctx, request=PageRequest(limit=9))).items] == ["anna"]
    assert (await speakers.list_speakers((await open_studio(runtime)).ctx, request=PageRequest(limit=9))).items == ()


async def test_a_voice_that_nobody_knows_the_price_of_is_refused(runtime: Runtime) -> None:
    studio = await stage_with(runtime, Singer())
    for voice in ("anna", "bert"):
        assert (await generations.submit(studio.ctx, wanted=NewVoice(prompt="Hello.", voice=voice))).status == "queued"
    with pytest.raises(ModelCannot) as refused:
        await generations.submit(studio.ctx, wanted=NewVoice(prompt="Hello.", voice="dear"))
    assert [error.pointer for error in refused.value.errors] == ["/voice"]


async def test_what_takes_too_long_is_stopped_and_another_vendor_asked(runtime: Runtime) -> None:
    slow = ScriptedPainter(begins=[begun()], looks=[begun(), failed(is_canceled=True)])
    quick = ScriptedPainter(cards=(replace(PAINTER, name="painter-2", vendor="zweite", is_default=False),))
    studio = await open_studio(runtime, slow, quick)
    wanted = PICTURE.model_copy(update={"max_seconds": 60, "fallbacks": ("painter-2",)})
    queued = await generations.submit(studio.ctx, wanted=wanted)
    await making.make_queued(studio.ctx, generation_id=queued.id)
    await making.look(studio.ctx, generation_id=queued.id)
    assert slow.canceled == []
    studio.clock.move(timedelta(seconds=61))
    await making.look(studio.ctx, generation_id=queued.id)
    made = await studio.get(queued)
    assert (made.status, made.model, slow.canceled, len(quick.requests)) == ("succeeded", "painter-2", ["ref"], 1)


async def test_what_takes_too_long_fails_where_nobody_else_is_named(runtime: Runtime) -> None:
    slow = ScriptedPainter(begins=[begun()], looks=[failed(is_canceled=True)])
    studio = await open_studio(runtime, slow)
    queued = await generations.submit(studio.ctx, wanted=PICTURE.model_copy(update={"max_seconds": 60}))
    await making.make_queued(studio.ctx, generation_id=queued.id)
    studio.clock.move(timedelta(seconds=61))
    await making.look(studio.ctx, generation_id=queued.id)
    made = await studio.get(queued)
    assert made.error is not None
    assert (made.status, made.error.code, made.credits) == ("failed", "ai.too_slow", "0")
