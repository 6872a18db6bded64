"""The command `nexusone`: set it up, run it, look after it."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import psycopg
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from nexusone.apps import keys, operators, process
from nexusone.apps.audit import take_trail_checkpoints, verify_trails
from nexusone.apps.catalog import UnknownModule, chosen_modules
from nexusone.apps.ledger import Audit, verify_ledgers
from nexusone.apps.process import NotReady
from nexusone.apps.serving import PortTaken
from nexusone.apps.up import STORIES, up_until_signalled
from nexusone.kernel.errors import Refusal
from nexusone.platform.audit.verification import Verdict
from nexusone.platform.checks import check_environment
from nexusone.platform.postgres import PostgresFailed
from nexusone.platform.settings import PlatformSettings, SettingsFileInvalid
from nexusone.platform.vault import VaultLocked

HELP = """The backend of an AI marketing platform, on one PostgreSQL.

New here? Run [bold]nexusone up[/bold]: it starts a database, the API, a worker and simulators of all vendors in one
process, with nothing to configure and nothing that leaves this machine.

Every option can also be set in the environment with the prefix NEXUSONE_ (NEXUSONE_PORT, NEXUSONE_DATA, …).
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich", add_completion=False, pretty_exceptions_enable=False)
console = Console()
complaints = Console(stderr=True)

audit = typer.Typer(help="Look after the audit trail.", no_args_is_help=True)
app.add_typer(audit, name="audit")
ledger = typer.Typer(help="Look after the credit ledger.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")

Data = Annotated[Path | None, typer.Option("--data", help="The folder for the embedded database, files and keys. Default: .nexusone")]
Port = Annotated[int | None, typer.Option("--port", help="The port of the API; 0 takes any free one. Default: 8000")]
Host = Annotated[str | None, typer.Option("--host", help="The address to listen on. Default: 127.0.0.1")]
Only = Annotated[str, typer.Option("--only", help="Run only these modules, such as billing,ai. Default: all of them.", show_default=False)]


@app.command()
def up(
    data: Data = None,
    port: Port = None,
    host: Host = None,
    story: Annotated[str | None, typer.Option("--story", help=f"Perform a story once it runs: {', '.join(STORIES)}.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the story instead of staying up.")] = False,
) -> None:
    """Start everything in one process: database, API, worker, simulators, and a demo workspace."""
    settings = _settings(data=data, port=port, host=host)
    _run(up_until_signalled(settings, console=console, story=story, is_once=once))


@app.command()
def serve(data: Data = None, port: Port = None, host: Host = None, only: Only = "") -> None:
    """Serve the HTTP API. Run as many as you like; they hold no state."""
    modules = _modules(only)
    _run(process.serve(_settings(data=data, port=port, host=host), only=modules))


@app.command()
def work(
    data: Data = None,
    only: Only = "",
    concurrency: Annotated[int, typer.Option("--concurrency", min=2, max=500, help="How many jobs run at once.")] = 20,
) -> None:
    """Work on jobs and schedules. Run as many as you like; a killed one's jobs are taken over."""
    modules = _modules(only)
    _run(process.work(_settings(data=data), only=modules, concurrency=concurrency))


@app.command()
def migrate(data: Data = None) -> None:
    """Bring the database to this version's schema. One process at a time; nothing to do is fine."""

    async def main() -> None:
        with process.ground(_settings(data=data)) as base:
            process.ensure_schema(base.database, may_migrate=True)

    _run(main())
    console.print("[green]The database has this version's schema.[/green]")


@app.command()
def doctor(data: Data = None, port: Port = None) -> None:
    """Check whether this machine can run NexusOne; says what is wrong and how to mend it."""
    settings = _settings(data=data, port=port)
    url = settings.database_admin_url or settings.database_url
    checks = check_environment(data=settings.data, database_url=url, ports=[settings.port] if settings.port else [])
    table = Table("", "Check", "Found", "What to do")
    for check in checks:
        table.add_row("[green]ok[/green]" if check.is_ok else "[red]no[/red]", check.name, check.found, "" if check.is_ok else check.mend)
    console.print(table)
    if not all(check.is_ok for check in checks):
        raise typer.Exit(1)


@app.command()
def simulate(
    data: Data = None,
    host: Host = None,
    port: Annotated[int, typer.Option("--port", help="The port of the simulators' HTTP server; 0 takes any free one.")] = 0,
) -> None:
    """Run the simulators of all vendors alone, for `serve` and `work` in other processes of the same data folder."""
    settings = _settings(data=data, host=host)

    async def main() -> None:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with process.sandbox_of(settings, host=settings.host, port=port) as addresses:
            console.print(f"Simulators: {addresses.http}  Inbox: {addresses.http}/smtp/")
            for name, address in addresses.sockets.items():
                console.print(f"{name}: {address}")
            await process.signalled()

    _run(main())


@audit.command("verify")
def verify_audit(
    data: Data = None,
    workspace: Annotated[UUID | None, typer.Option("--workspace", help="Only this workspace; otherwise all.", show_default=False)] = None,
) -> None:
    """Check the audit trail against its chain and its signed checkpoints; names the first row that is not as it was written."""
    verdicts: list[Verdict] = []
    _run(verify_trails(_settings(data=data), workspace_id=workspace, found=verdicts))
    for verdict in verdicts:
        told = f"{verdict.workspace_id}: {verdict.entries} entries"
        if verdict.broken is None:
            console.print(f"[green]ok[/green] {told}, checkpoint {verdict.checkpoint or 'none'}", highlight=False)
            continue
        row = verdict.broken
        place = f"position {row.position or '?'}, entry {row.entry_id or '?'}"
        console.print(f"[red]{row.fault}[/red] {told} sound, then {place}: {row.detail}", highlight=False, soft_wrap=True)
    if any(verdict.broken for verdict in verdicts):
        raise typer.Exit(1)


@ledger.command("verify")
def verify_ledger(
    data: Data = None,
    workspace: Annotated[UUID | None, typer.Option("--workspace", help="Only this workspace; otherwise all.", show_default=False)] = None,
) -> None:
    """Check every account against its entries, transfers against zero, grants and holds against accounts; prints what differs."""
    found = Audit(ledgers=0, differences=[])
    _run(verify_ledgers(_settings(data=data), workspace_id=workspace, found=found))
    for each in found.differences:
        told = f"{each.workspace_id}: {each.part} {each.subject}: expected {each.expected_micros}, found {each.found_micros}"
        console.print(f"[red]differs[/red] {told}", highlight=False, soft_wrap=True)
    console.print(f"{found.ledgers} ledgers, {len(found.differences)} differences", highlight=False)
    if found.differences:
        raise typer.Exit(1)


@audit.command("checkpoint")
def checkpoint_audit(data: Data = None) -> None:
    """Seal what waits and write a signed checkpoint of every trail that went on, now instead of on the hour."""
    _run(take_trail_checkpoints(_settings(data=data)))


keys_app = typer.Typer(help="The master keys, and with them the keys that sign access tokens.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")


@keys_app.command("list")
def list_keys(data: Data = None) -> None:
    """Show the master keys: which one signs, and what each still protects."""

    async def main() -> None:
        with process.ground(_settings(data=data)) as base:
            table = Table("Key", "Signs", "Here", "Data keys under it")
            for use in await keys.list_keys(base):
                table.add_row(use.key_id, "yes" if use.is_primary else "", "yes" if use.is_present else "[red]no[/red]", str(use.data_keys))
        console.print(table)

    _run(main())


@keys_app.command("rotate")
def rotate_keys(data: Data = None) -> None:
    """Sign and encrypt with a new key from now on. Running processes take it up by themselves; nothing stops meanwhile."""

    async def main() -> None:
        with process.ground(_settings(data=data)) as base:
            added = await keys.rotate(base)
        console.print(f"[green]{added} signs now.[/green] Older keys are honoured until `nexusone keys retire`.", highlight=False)

    _run(main())


@keys_app.command("retire")
def retire_key(
    key: Annotated[str, typer.Argument(help="The key's id, as `nexusone keys list` shows it.")],
    data: Data = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a key away for good: links in sent mails and sessions' tokens that were signed under it stop working."""
    if not yes:
        typer.confirm(f"Everything that was signed under {key}, links in sent mails included, stops working. Go on?", abort=True)

    async def main() -> None:
        with process.ground(_settings(data=data)) as base:
            await keys.retire(base, key_id=key)

    _run(main())
    console.print(f"[green]{key} is retired.[/green]", highlight=False)


operators_app = typer.Typer(help="The staff who may visit workspaces, seen by their audit trails.", no_args_is_help=True)
app.add_typer(operators_app, name="operators")

Email = Annotated[str, typer.Argument(help="The operator's e-mail address.")]


@operators_app.command("add")
def add_operator(
    email: Email,
    name: Annotated[str, typer.Option("--name", prompt=True, help="What the operator is called.")],
    password: Annotated[
        str, typer.Option("--password", prompt=True, hide_input=True, confirmation_prompt=True, envvar="NEXUSONE_OPERATOR_PASSWORD")
    ],
    data: Data = None,
) -> None:
    """Make an operator. The password is asked for, or read from NEXUSONE_OPERATOR_PASSWORD."""

    async def main() -> None:
        with process.ground(_settings(data=data)) as base:
            await operators.add_operator(base, email=email, name=name, password=password)

    _run(main())
    console.print(f"[green]{email} is an operator.[/green]", highlight=False)


@operators_app.command("list")
def list_operators(data: Data = None) -> None:
    """Show the operators."""

    async def main() -> None:
        with process.ground(_settings(data=data)) as base:
            table = Table("E-mail", "Name", "Since", "May come in")
            for each in await operators.list_operators(base):
                table.add_row(each.email, each.name, each.created_at.date().isoformat(), "[red]no[/red]" if each.is_disabled else "yes")
        console.print(table)

    _run(main())


@operators_app.command("disable")
def disable_operator(email: Email, data: Data = None) -> None:
    """Let an operator in no more; what they are doing ends at once."""

    async def main() -> None:
        with process.ground(_settings(data=data)) as base:
            await operators.disable_operator(base, email=email)

    _run(main())
    console.print(f"[green]{email} may not come in any more.[/green]", highlight=False)


@operators_app.command("forget-factor")
def forget_factor(email: Email, data: Data = None) -> None:
    """Forget an operator's authenticator app, such as a lost phone's; the next sign-in enrols another."""

    async def main() -> None:
        with process.ground(_settings(data=data)) as base:
            await operators.forget_factor(base, email=email)

    _run(main())
    console.print(f"[green]{email} enrols another app at the next sign-in.[/green]", highlight=False)


def main() -> None:
    """The entry point of the command."""
    app()


def _settings(**given: Any) -> PlatformSettings:
    try:
        return PlatformSettings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        for fault in error.errors():
            complaints.print(f"[red]NEXUSONE_{'_'.join(str(part) for part in fault['loc']).upper()}[/red]: {fault['msg']}")
        raise typer.Exit(2) from error


def _modules(only: str) -> list[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    try:
        chosen_modules(names)
    except UnknownModule as error:
        complaints.print(f"[red]{error}[/red]")
        raise typer.Exit(2) from error
    return names


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        process.run(main)
    except (NotReady, PortTaken, PostgresFailed, SettingsFileInvalid, VaultLocked, Refusal, psycopg.OperationalError) as error:
        complaints.print(f"[red]{error}[/red]", highlight=False)
        raise typer.Exit(1) from error
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        raise typer.Exit(130) from error


if __name__ == "__main__":
    main()
