"""The product's first promise: import contacts, let AI write, send in every language, see who opened and what it cost."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.stories.deployments import in_one_process, split

from nexusone.apps.demo.client import ApiClient, ApiRefused, api_client
from nexusone.apps.demo.contacts import PEOPLE, is_chosen
from nexusone.apps.demo.story import CONTACTS, LEAVERS, MainJob, Outcome

Deployment = Callable[[Path], AbstractAsyncContextManager[str]]

GERMAN = {"der", "die", "und", "für", "mit", "ist", "den"}
SPANISH = {"el", "la", "y", "para", "con", "los"}
ENGLISH = {"the", "and", "for", "your"}
WORDS = {"de": GERMAN, "es": SPANISH, "en": ENGLISH}


async def owner_of(client: ApiClient, workspace: str) -> ApiClient:
    """A new company's owner, signed in."""
    account = {"email": f"{secrets.token_hex(6)}@example.com", "password": "a passphrase nobody guesses"}
    signed = await client.post("/v1/auth/sign-up", {**account, "name": "Nora North", "workspace_name": workspace})
    return client.signed_in(signed["access_token"])


@pytest.fixture(scope="module", params=[in_one_process, split], ids=["one process", "split"])
async def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator["Told"]:
    """The story, told once for each deployment; the tests look at what came of it."""
    deployment: Deployment = request.param
    async with deployment(tmp_path_factory.mktemp("story")) as address, api_client(address) as client:
        job = MainJob(api=await owner_of(client, "Northwind Coffee"), tell=lambda _: None)
        outcome = await job.perform()
        yield Told(client=client, job=job, outcome=outcome, stranger=await owner_of(client, "Somebody else"))


class Told:
    """One told story, and a stranger's company in the same deployment."""

    def __init__(self, *, client: ApiClient, job: MainJob, outcome: Outcome, stranger: ApiClient) -> None:
        self.client, self.job, self.outcome, self.stranger = client, job, outcome, stranger

    async def mail_to(self, number: int) -> dict[str, Any]:
        """The parsed mail to contact `number`."""
        listed = await self.job.api.get("/v1/sandbox/inbox", to=f"customer{number:04d}@{self.job.domain}")
        assert len(listed["items"]) == 1
        return await self.job.api.get(f"/v1/sandbox/inbox/{listed['items'][0]['id']}")


pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("stories")]


async def test_every_row_of_the_file_is_accounted_for(told: Told) -> None:
    imported = told.outcome.imported
    assert imported["rows_total"] == CONTACTS + 3
    assert imported["created"] + imported["updated"] + imported["rejected"] == imported["rows_total"]


async def test_preflight_inbox_and_report_tell_the_same_number(told: Told) -> None:
    wanted = sum(is_chosen(number) for number in range(1, CONTACTS + 1))
    assert told.outcome.preflight["recipients"] == told.outcome.mails == told.outcome.report["recipients"] == wanted


async def test_each_reader_gets_the_language_of_the_fallback_chain(told: Told) -> None:
    chosen = [number for number in range(1, CONTACTS + 1) if is_chosen(number)]
    for place, (locale, *_) in enumerate(PEOPLE):
        number = next(number for number in chosen if number % len(PEOPLE) == place)
        mail = await told.mail_to(number)
        expected = locale.split("-")[0] if locale.split("-")[0] in WORDS else "en"
        words = mail["text"].lower().replace(",", " ").replace(".", " ").split()
        counts = {language: sum(word in known for word in words) for language, known in WORDS.items()}
        assert max(counts, key=lambda language: counts[language]) == expected, (locale, counts)
        assert f'lang="{expected}' in mail["html"]


async def test_mails_are_personal_and_carry_what_the_law_wants(told: Told) -> None:
    number = next(number for number in range(1, CONTACTS + 1) if is_chosen(number))
    mail = await told.mail_to(number)
    headers = {name.lower(): value for name, value in mail["headers"].items()}
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert headers["list-unsubscribe"].startswith("<http")
    assert "/t/c/" in mail["html"]
    assert "/t/o/" in mail["html"]
    assert "{{" not in mail["html"] + mail["text"] + headers["subject"]
    contact = await anext(told.job.api.list_all("/v1/contacts", external_id=f"demo-{number:04d}"))
    assert contact["first_name"] in headers["subject"]


async def test_who_unsubscribed_is_left_out_next_time(told: Told) -> None:
    assert told.outcome.second_preflight["excluded"] == {**told.outcome.preflight["excluded"], "unsubscribed": LEAVERS}


async def test_the_ledger_shows_what_it_cost_and_sums_to_zero(told: Told) -> None:
    entries = [entry async for entry in told.job.api.list_all("/v1/credits/entries")]
    assert sum(Decimal(entry["amount"]) for entry in entries) == 0
    balance = await told.job.api.get("/v1/credits")
    generated = [Decimal(item["credits"]) async for item in told.job.api.list_all("/v1/generations")]
    charged = Decimal(told.outcome.report["credits"]["charged"])
    assert charged == Decimal(told.outcome.preflight["credits_needed"])
    assert Decimal(balance["spent"]) == sum(generated) + charged


async def test_sending_again_with_the_same_key_sends_nothing(told: Told) -> None:
    again = await told.job.api.post(f"/v1/campaigns/{told.job.campaign_id}/send", key=f"send-{told.job.run}")
    assert again["id"] == told.job.campaign_id
    await asyncio.sleep(1)
    mails = [mail async for mail in told.job.api.list_all("/v1/sandbox/inbox") if told.job.domain in mail["to"]]
    assert len(mails) == told.outcome.mails


async def test_sending_again_with_another_key_is_refused(told: Told) -> None:
    with pytest.raises(ApiRefused) as refused:
        await told.job.api.post(f"/v1/campaigns/{told.job.campaign_id}/send", key="another")
    assert refused.value.status == 409


async def test_a_second_company_sees_none_of_it(told: Told) -> None:
    contact = await anext(told.job.api.list_all("/v1/contacts"))
    paths = (
        f"/v1/contacts/{contact['id']}",
        f"/v1/segments/{told.job.segment_id}",
        f"/v1/templates/{told.job.template_id}",
        f"/v1/campaigns/{told.job.campaign_id}",
        f"/v1/campaigns/{told.job.campaign_id}/report",
    )
    for path in paths:
        with pytest.raises(ApiRefused) as refused:
            await told.stranger.get(path)
        assert refused.value.status == 404, path
    for path in ("/v1/contacts", "/v1/segments", "/v1/templates", "/v1/campaigns", "/v1/generations"):
        assert (await told.stranger.get(path))["items"] == []
