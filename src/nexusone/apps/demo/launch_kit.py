"""The product launch kit, told through the public API: a brief becomes copy in five languages, pictures, a voice and a film."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

from nexusone.apps.demo.client import ApiClient, StoryFailed

LOCALES = ("en", "de", "fr", "es", "it")
BRIEF = (
    "A solar lamp for balconies and camping. It charges by day and gives twelve hours of warm light; it weighs 200 grams, "
    "folds flat and survives rain. For people in cities who sit outside in the evening. New: it dims by itself at dusk."
)
PRODUCT = "Lumen One"
ENDED = ("succeeded", "failed", "canceled")


@dataclass(slots=True)
class LaunchOutcome:
    """What the kit left behind: the run, the files of the media library, the ledger."""

    run: Mapping[str, Any] = field(default_factory=dict)
    assets: list[Mapping[str, Any]] = field(default_factory=list)
    generations: list[Mapping[str, Any]] = field(default_factory=list)
    credits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def providers(self) -> list[str]:
        """Whose models made something."""
        return sorted({made["provenance"]["provider"] for made in self.generations if made["status"] == "succeeded"})


@dataclass(slots=True)
class LaunchKit:
    """Tells the story step by step; `tell` is given a sentence before each."""

    api: ApiClient
    tell: Callable[[str], None]
    run_key: str = field(default_factory=lambda: uuid4().hex)

    async def perform(self) -> LaunchOutcome:
        """The whole story.

        Raises:
            StoryFailed, ApiRefused: it did not come out as promised.
        """
        models = (await self.api.get("/v1/models"))["items"]
        portrait = await self._picture(models, "runware", "A friendly presenter, portrait, looking into the camera.")
        await self._picture(models, "replicate", f"{PRODUCT}, a folding solar lamp, on white.")
        pipeline = await self._pipeline()
        self.tell("What it can cost at the most is known before it begins")
        inputs = {"product": PRODUCT, "brief": BRIEF, "locales": list(LOCALES), "presenter": portrait}
        estimate = await self.api.post(f"/v1/pipelines/{pipeline}/estimate", {"inputs": inputs})
        run = await self._run(pipeline, inputs)
        if Decimal(run["credits"]) > Decimal(estimate["credits_max"]):
            raise StoryFailed(f"the run cost {run['credits']} credits, and {estimate['credits_max']} were the most")
        return await self._outcome(run)

    async def _picture(self, models: list[Mapping[str, Any]], provider: str, prompt: str) -> str:
        """A picture by a vendor's own default; its asset's id."""
        named = next((one for one in models if one["kind"] == "image" and one["provider"] == provider and one["is_default"]), None)
        if named is None:
            raise StoryFailed(f"no model of {provider} draws")
        self.tell(f"{named['title']} draws: {prompt}")
        wanted = {"kind": "image", "prompt": prompt, "model": named["name"], "width": 512, "height": 512}
        sizes = [tuple(int(edge) for edge in size.split("x")) for size in named["sizes"]]
        if sizes and (512, 512) not in sizes:
            width, height = next((size for size in sizes if size[0] == size[1]), sizes[0])
            wanted |= {"width": width, "height": height}
        asked = await self.api.post("/v1/generations", wanted, key=f"{provider}-{self.run_key}")
        made = await self.api.until(f"/v1/generations/{asked['id']}", lambda found: found["status"] in ENDED)
        if made["status"] != "succeeded":
            raise StoryFailed(f"the picture of {provider} ended as {made['status']}: {made['error']}")
        return str(made["assets"][0]["id"])

    async def _pipeline(self) -> str:
        made = await self.api.post("/v1/pipelines", {"example": "product-launch-kit"})
        await self.api.post(f"/v1/pipelines/{made['id']}/publish", {})
        return str(made["id"])

    async def _run(self, pipeline: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Runs it; a person without an account approves by the link."""
        self.tell("The kit is made: copy in five languages, a picture, a voice-over, a film")
        started = await self.api.post(f"/v1/pipelines/{pipeline}/runs", {"inputs": dict(inputs)}, key=f"kit-{self.run_key}")
        path = f"/v1/pipeline-runs/{started['id']}"
        waiting = await self.api.until(path, lambda found: found["status"] in ENDED or _waits_for_somebody(found), seconds=180.0)
        if waiting["status"] in ENDED:
            raise StoryFailed(f"the run ended as {waiting['status']} before anybody approved: {waiting['error']}")
        self.tell("Somebody without an account approves it by a link")
        review = (await self.api.get(f"{path}/reviews"))["items"][0]
        decision = {"decision": "approve", "name": "Rita Reviewer", "content_sha256": review["content_sha256"]}
        token = review["link"].rsplit("/", 1)[-1]
        await self.api.signed_in("").post(f"/v1/reviews/{token}/decision", decision)
        run = await self.api.until(path, lambda found: found["status"] in ENDED, seconds=180.0)
        if run["status"] != "succeeded":
            raise StoryFailed(f"the run ended as {run['status']}: {run['error']}")
        return run

    async def _outcome(self, run: Mapping[str, Any]) -> LaunchOutcome:
        outcome = LaunchOutcome(run=run)
        outcome.assets = [item async for item in self.api.list_all("/v1/assets")]
        outcome.generations = [item async for item in self.api.list_all("/v1/generations")]
        outcome.credits = await self.api.get("/v1/credits")
        spent = sum(Decimal(made["credits"]) for made in outcome.generations)
        if spent != Decimal(outcome.credits["spent"]) or Decimal(outcome.credits["held"]) != 0:
            raise StoryFailed(f"{outcome.credits['spent']} credits were spent, and the generations say {spent}")
        kinds = {asset["kind"] for asset in outcome.assets}
        if kinds != {"image", "audio", "video"}:
            raise StoryFailed(f"the media library has only {', '.join(sorted(kinds))}")
        return outcome


def _waits_for_somebody(run: Mapping[str, Any]) -> bool:
    return any(step["state"] == "awaiting_approval" for step in run["steps"])
