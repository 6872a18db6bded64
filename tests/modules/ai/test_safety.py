"""What a moderator objects to is marked or kept back, before anything is paid for where that is possible."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from tests.modules.ai.scripted import SETTINGS, Workshop, cost_micros, open_workshop, said, scripted
from tests.modules.ai.scripted_media import ASKED, PICTURE_MICROS, ScriptedPainter, open_studio

from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.modules.ai.ports.judging import Judgement, Moderator
from nexusone.modules.ai.ports.media import MediaFile
from nexusone.modules.ai.ports.models import ModelCard
from nexusone.modules.ai.service import generations, making
from nexusone.platform.runtime import Runtime

REFUSING = SETTINGS.model_copy(update={"moderation": "refuse"})


@dataclass
class ScriptedModerator:
    """Objects to texts that have the word, and to pictures where it is told to."""

    word: str = "weapon"
    objects_to_pictures: bool = False
    is_silent: bool = False
    judged: list[str] = field(default_factory=list)

    def catalog(self) -> tuple[ModelCard, ...]:
        return ()

    async def judge(self, *, texts: Sequence[str], images: Sequence[MediaFile] = ()) -> tuple[Judgement, ...]:
        if self.is_silent:
            raise UnknownOutcome(detail="no answer")
        self.judged += texts
        found = [self.word in text for text in texts] + [self.objects_to_pictures for _ in images]
        return tuple(Judgement(flagged, ("violence",) if flagged else (), {"violence": 900 if flagged else 1}) for flagged in found)

    async def close(self) -> None:
        return


def judged_by(shop: Workshop, moderator: ScriptedModerator) -> Workshop:
    ports: dict[type[object], object] = {**shop.runtime.ports, Moderator: moderator}
    return replace(shop, runtime=replace(shop.runtime, ports=ports))


async def test_a_prompt_that_is_refused_is_never_asked_and_costs_nothing(runtime: Runtime) -> None:
    model = scripted()
    shop = judged_by(await open_workshop(runtime, model, settings=REFUSING), ScriptedModerator(word="lamp"))
    made = await shop.generate()
    assert made.error is not None
    assert made.safety is not None
    assert (made.status, made.error.code, made.safety.categories) == ("failed", "ai.refused_by_moderation", ("violence",))
    assert model.requests == []
    await shop.assert_books(spent_micros=0)


async def test_a_text_that_is_refused_is_kept_back_and_its_tokens_are_paid(runtime: Runtime) -> None:
    shop = judged_by(await open_workshop(runtime, scripted(said("a weapon")), settings=REFUSING), ScriptedModerator())
    made = await shop.generate()
    assert (made.status, made.output) == ("failed", None)
    await shop.assert_books(spent_micros=cost_micros(1))


async def test_what_is_only_flagged_is_given_and_says_so(runtime: Runtime) -> None:
    moderator = ScriptedModerator()
    shop = judged_by(await open_workshop(runtime, scripted(said("a weapon"))), moderator)
    made = await shop.generate()
    assert made.safety is not None
    assert (made.status, made.output, made.safety.is_flagged) == ("succeeded", "a weapon", True)
    assert await shop.get(made) == made
    assert len(moderator.judged) == 2


@pytest.mark.parametrize(("settings", "status"), [(SETTINGS, "succeeded"), (REFUSING, "failed")])
async def test_a_moderator_that_does_not_answer_keeps_back_only_where_the_policy_refuses(
    runtime: Runtime, settings: object, status: str
) -> None:
    shop = await open_workshop(runtime, scripted(), settings=settings)  # type: ignore[arg-type]
    made = await judged_by(shop, ScriptedModerator(is_silent=True)).generate()
    assert made.status == status


async def test_a_picture_that_is_refused_is_kept_back_and_was_paid_for(runtime: Runtime) -> None:
    shop = await open_studio(runtime, ScriptedPainter(), settings=REFUSING)
    shop = judged_by(shop, ScriptedModerator(objects_to_pictures=True))
    queued = await generations.submit(shop.ctx, wanted=ASKED)
    await making.make_queued(shop.ctx, generation_id=queued.id)
    made = await shop.get(queued)
    assert (made.status, made.assets) == ("failed", ())
    await shop.assert_books(spent_micros=PICTURE_MICROS)
