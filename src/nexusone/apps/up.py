"""`nexusone up`: everything in one process, a demo workspace, and a story for those who want to see it work."""

import json
import secrets
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nexusone.apps.demo.client import ApiRefused, StoryFailed, api_client
from nexusone.apps.demo.launch_kit import LaunchKit, LaunchOutcome
from nexusone.apps.demo.story import MainJob, Outcome
from nexusone.apps.process import NotReady, data_log, ensure_schema, everything, ground, signalled
from nexusone.apps.providers import SandboxAddresses
from nexusone.platform.settings import PlatformSettings

STORIES = ("demo", "launch-kit")
DEMO_FILE = "demo.json"


async def up_until_signalled(settings: PlatformSettings, *, console: Console, story: str | None, is_once: bool) -> None:
    """Runs everything until a signal, or with `is_once` until the story has been told.

    Raises:
        NotReady: something is missing, or the story did not come out as promised.
    """
    if story is not None and story not in STORIES:
        raise NotReady(f"there is no story {story!r}; there are {', '.join(STORIES)}")
    began = time.perf_counter()
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with data_log(settings).open("a", encoding="utf-8") as log, ground(settings, log=log) as base:
        ensure_schema(base.database, may_migrate=True)
        async with everything(base) as (address, sandbox):
            key = await demo_key(address, settings.data)
            console.print(f"[green]Ready[/green] after {time.perf_counter() - began:.1f} s")
            if story is not None:
                await _tell_story(address, console, story)
            console.print(_addresses(address, sandbox, key, settings), soft_wrap=True, highlight=False)
            if not is_once:
                console.print("Ctrl-C stops it.")
                await signalled()


async def demo_key(address: str, data: Path) -> str:
    """An API key of the demo workspace, which is made at the first start on a data folder."""
    path = data / DEMO_FILE
    if path.exists():
        known: str = json.loads(path.read_text())["api_key"]
        return known
    account = {"email": f"demo-{secrets.token_hex(4)}@nexusone.example", "password": secrets.token_urlsafe(18)}
    async with api_client(address) as client:
        signed = await client.post("/v1/auth/sign-up", {**account, "name": "Demo", "workspace_name": "Demo workspace"})
        issued = await client.signed_in(signed["access_token"]).post("/v1/api-keys", {"name": "demo"})
    path.touch(mode=0o600)
    path.write_text(json.dumps({**account, "api_key": issued["secret"]}, indent=1))
    return str(issued["secret"])


async def _tell_story(address: str, console: Console, story: str) -> None:
    with console.status("Signing up") as status:
        async with api_client(address) as client:
            account = {"email": f"owner-{secrets.token_hex(4)}@nexusone.example", "password": secrets.token_urlsafe(18)}
            signed = await client.post("/v1/auth/sign-up", {**account, "name": "Nora North", "workspace_name": "Northwind Coffee"})

            def tell(text: str) -> None:
                console.print(f"  [cyan]·[/cyan] {escape(text)}")
                status.update(escape(text))

            api = client.signed_in(signed["access_token"])
            try:
                if story == "launch-kit":
                    table = _launch_report(await LaunchKit(api=api, tell=tell).perform())
                else:
                    table = _report(await MainJob(api=api, tell=tell).perform())
            except (StoryFailed, ApiRefused) as error:
                raise NotReady(f"the story did not come out as promised: {error}") from error
    console.print(table)


def _report(outcome: Outcome) -> Table:
    table = Table(title="What it came to", show_header=False)
    imported, report, ledger = outcome.imported, outcome.report, outcome.credits
    rows = (
        ("Contacts imported", f"{imported['created']} of {imported['rows_total']} rows, {imported['rejected']} rejected with reasons"),
        ("Recipients", f"{report['recipients']} (preflight said {outcome.preflight['recipients']}, the inbox holds {outcome.mails})"),
        ("Opened", str(report["opened"])),
        ("Clicked", str(report["clicked"])),
        ("Unsubscribed", f"{report['unsubscribed']}; the next campaign would go to {outcome.second_preflight['recipients']}"),
        ("Credits", f"{ledger['spent']} spent, {ledger['available']} left, {ledger['held']} held; the ledger sums to zero"),
    )
    for name, value in rows:
        table.add_row(name, value)
    return table


def _launch_report(outcome: LaunchOutcome) -> Table:
    table = Table(title="What it came to", show_header=False)
    texts = sum(made["kind"] == "text" for made in outcome.generations)
    kinds = Counter(asset["kind"] for asset in outcome.assets)
    ledger = outcome.credits
    rows = (
        ("Made by", ", ".join(outcome.providers)),
        ("Texts", str(texts)),
        ("Media library", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))),
        ("The run", f"{outcome.run['credits']} credits, of {outcome.run['budget_credits']} that were known before"),
        ("Credits", f"{ledger['spent']} spent, {ledger['available']} left, {ledger['held']} held; the ledger sums to zero"),
    )
    for name, value in rows:
        table.add_row(name, value)
    return table


def _addresses(address: str, sandbox: SandboxAddresses | None, key: str, settings: PlatformSettings) -> str:
    lines = [f"API         {address}/v1", f"API docs    {address}/docs", f"GraphQL     {address}/graphql"]
    if sandbox is not None:
        lines.append(f"Inbox       {sandbox.http}/smtp/")
        lines.append(f"Simulators  {sandbox.http}/addresses  " + "  ".join(sandbox.sockets.values()))
    lines.append(f"Log         {data_log(settings)}")
    lines.append(f"API key     {key}")
    lines.append(f"Try         curl -H 'Authorization: Bearer {key}' {address}/v1/me")
    return "\n".join(lines)
