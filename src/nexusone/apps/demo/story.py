"""The main job, step by step: import contacts, let AI write, send in every language, see who opened and what it cost."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nexusone.apps.demo.client import ApiClient, StoryFailed
from nexusone.apps.demo.contacts import BAD_ROWS, contacts_csv, is_chosen

CONTACTS = 1000
OPENERS, CLICKERS, LEAVERS = 120, 60, 10
LANGUAGES = {"en": "English", "de": "German", "es": "Spanish"}
DEFINITION = {
    "any": [
        {"attribute": "plan", "op": "eq", "value": "pro"},
        {"attribute": "lifetime_value", "op": "gt", "value": 500},
    ]
}
COPY_SCHEMA = {
    "type": "object",
    "properties": {
        name: {"type": "string", "minLength": 1, "maxLength": length}
        for name, length in (("subject", 120), ("preheader", 150), ("headline", 120), ("body", 1500), ("cta", 40))
    },
    "required": ["subject", "preheader", "headline", "body", "cta"],
    "additionalProperties": False,
}
CLICK_LINK = re.compile(r'href="(https?://[^"]+/t/c/[^"]+)"')
OPEN_PIXEL = re.compile(r'src="(https?://[^"]+/t/o/[^"]+)"')

Tell = Callable[[str], None]


@dataclass
class Outcome:
    """What the story found at its end; every number came back from the API."""

    imported: dict[str, Any] = field(default_factory=dict)
    preflight: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    credits: dict[str, Any] = field(default_factory=dict)
    mails: int = 0
    second_preflight: dict[str, Any] = field(default_factory=dict)


@dataclass
class MainJob:
    """One performance in a workspace of its own."""

    api: ApiClient
    tell: Tell
    contacts: int = CONTACTS
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    outcome: Outcome = field(default_factory=Outcome)
    template_id: str = ""
    segment_id: str = ""
    campaign_id: str = ""
    mails: list[dict[str, Any]] = field(default_factory=list)

    async def perform(self) -> Outcome:
        """All steps in order.

        Raises:
            StoryFailed: something is not as promised.
            ApiRefused: the API refused a step.
        """
        for step in (self.import_contacts, self.write_copy, self.choose, self.check_first, self.send, self.read_inbox):
            await step()
        for step in (self.react, self.read_report, self.check_again, self.settle_up):
            await step()
        return self.outcome

    async def import_contacts(self) -> None:
        """Uploads the CSV file and waits for the import."""
        self.tell(f"Importing {self.contacts:,} contacts in five languages and ten time zones")
        content = contacts_csv(count=self.contacts, domain=self.domain)
        started = await self.api.upload("/v1/contacts/imports", name="contacts.csv", content=content)
        path = f"/v1/contacts/imports/{started['id']}"
        done = await self.api.until(path, lambda found: found["status"] in ("succeeded", "failed"))
        self.outcome.imported = done
        _expect("contacts created", done["created"], self.contacts)
        _expect("rows rejected", done["rejected"], len(BAD_ROWS))

    async def write_copy(self) -> None:
        """Has a campaign mail written in three languages and makes it one template."""
        variants = {}
        for locale, language in LANGUAGES.items():
            self.tell(f"AI writes the campaign in {language}")
            written = await self.api.post(
                "/v1/generations",
                {
                    "kind": "text",
                    "locale": locale,
                    "output_schema": COPY_SCHEMA,
                    "prompt": f"Write a campaign e-mail in {language} for the spring sale of Northwind Coffee: 20 percent off all beans.",
                },
                key=f"copy-{locale}-{self.run}",
            )
            if written["status"] != "succeeded":
                written = await self.api.until(
                    f"/v1/generations/{written['id']}", lambda found: found["status"] not in ("queued", "running")
                )
            variants[locale] = _variant(written["output"])
        name = f"Spring sale {self.run}"
        body = {"name": name, "channel": "email", "default_locale": "en", "variants": variants}
        self.template_id = (await self.api.post("/v1/templates", body))["id"]

    async def choose(self) -> None:
        """Makes the segment: plan pro, or lifetime value over 500."""
        self.tell("Choosing customers on plan pro or with a lifetime value over 500")
        self.segment_id = (await self.api.post("/v1/segments", {"name": f"Best {self.run}", "definition": DEFINITION}))["id"]

    async def check_first(self) -> None:
        """Makes the campaign and asks what sending it would mean."""
        self.campaign_id = await self._campaign("Spring sale")
        self.outcome.preflight = await self.api.post(f"/v1/campaigns/{self.campaign_id}/preflight")
        _expect("recipients", self.outcome.preflight["recipients"], sum(is_chosen(number) for number in range(1, self.contacts + 1)))
        self.tell(f"Preflight: {self.outcome.preflight['recipients']} recipients")

    async def send(self) -> None:
        """Sends, twice with the same key: the second time nothing happens."""
        self.tell("Sending")
        key = f"send-{self.run}"
        await self.api.post(f"/v1/campaigns/{self.campaign_id}/send", key=key)
        await self.api.post(f"/v1/campaigns/{self.campaign_id}/send", key=key)
        path = f"/v1/campaigns/{self.campaign_id}"
        done = await self.api.until(path, lambda found: found["status"] in ("sent", "failed", "cancelled"))
        _expect("campaign status", done["status"], "sent")

    async def read_inbox(self) -> None:
        """Finds every mail in the inbox."""
        self.mails = [mail async for mail in self.api.list_all("/v1/sandbox/inbox") if self.domain in mail["to"]]
        self.outcome.mails = len(self.mails)
        _expect("mails in the inbox", len(self.mails), self.outcome.preflight["recipients"])
        self.tell(f"{len(self.mails)} mails are in the inbox, each in its reader's language")

    async def react(self) -> None:
        """Readers open, click, and some leave, each by the links in their own mail."""
        self.tell(f"{OPENERS} readers open, {CLICKERS} click, {LEAVERS} unsubscribe")
        for number, listed in enumerate(self.mails[:OPENERS]):
            mail = await self.api.get(f"/v1/sandbox/inbox/{listed['id']}")
            await self._visit(_found(OPEN_PIXEL, mail["html"]), 200)
            if number < CLICKERS:
                await self._visit(_found(CLICK_LINK, mail["html"]), 302)
            if number < LEAVERS:
                address = _header(mail, "List-Unsubscribe").strip("<>")
                status = await self.api.visit(address, method="POST", form={"List-Unsubscribe": "One-Click"})
                _expect("one-click unsubscribe", status, 200)

    async def read_report(self) -> None:
        """Reads the report until it shows what was done."""
        path = f"/v1/campaigns/{self.campaign_id}/report"
        done = {"opened": OPENERS, "clicked": CLICKERS, "unsubscribed": LEAVERS}
        report = await self.api.until(path, lambda found: all(found[name] >= count for name, count in done.items()), seconds=20)
        self.outcome.report = report
        for name, count in done.items():
            _expect(f"report {name}", report[name], count)
        _expect("report sent", report["sent"], self.outcome.mails)

    async def check_again(self) -> None:
        """The next campaign leaves out who unsubscribed."""
        second = await self._campaign("Second helping")
        self.outcome.second_preflight = await self.api.post(f"/v1/campaigns/{second}/preflight")
        _expect("recipients of the next campaign", self.outcome.second_preflight["recipients"], self.outcome.mails - LEAVERS)

    async def settle_up(self) -> None:
        """The ledger: what was granted is what is left plus what was spent."""
        entries = [entry async for entry in self.api.list_all("/v1/credits/entries")]
        self.outcome.credits = await self.api.get("/v1/credits")
        _expect("sum of all ledger lines", sum((Decimal(entry["amount"]) for entry in entries), Decimal(0)), Decimal(0))
        _expect("credits still held", Decimal(self.outcome.credits["held"]), Decimal(0))

    @property
    def domain(self) -> str:
        """The domain of this performance's addresses."""
        return f"{self.run}.example.com"

    async def _campaign(self, name: str) -> str:
        body = {
            "name": f"{name} {self.run}",
            "template_id": self.template_id,
            "segment_id": self.segment_id,
            "from_name": "Northwind Coffee",
            "from_email": "hello@northwind.example",
        }
        made: str = (await self.api.post("/v1/campaigns", body))["id"]
        return made

    async def _visit(self, url: str, wanted: int) -> None:
        _expect(f"status of {url}", await self.api.visit(url), wanted)


def _variant(copy: dict[str, str]) -> dict[str, str]:
    paragraphs = "".join(f"<mj-text>{part}</mj-text>" for part in copy["body"].split("\n\n"))
    mjml = (
        "<mjml><mj-body><mj-section><mj-column>"
        f'<mj-text font-size="24px">{copy["headline"]}</mj-text>'
        "<mj-text>{{ contact.first_name | default: '' }},</mj-text>"
        f'{paragraphs}<mj-button href="https://shop.example.com/spring?c={{{{ contact.external_id }}}}">{copy["cta"]}</mj-button>'
        "</mj-column></mj-section></mj-body></mjml>"
    )
    text = "{{ contact.first_name }},\n\n" + copy["body"] + "\n\nhttps://shop.example.com/spring\n"
    return {"subject": "{{ contact.first_name }}, " + copy["subject"], "preheader": copy["preheader"], "mjml": mjml, "text": text}


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise StoryFailed(f"{what}: {found!r} instead of {wanted!r}")


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise StoryFailed(f"no {pattern.pattern} in a mail")
    return found.group(1).replace("&amp;", "&")


def _header(mail: dict[str, Any], name: str) -> str:
    headers: dict[str, str] = mail["headers"]
    for known, value in headers.items():
        if known.lower() == name.lower():
            return value
    raise StoryFailed(f"a mail has no {name} header")
