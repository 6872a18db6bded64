"""`python -m fuzz [--max-examples 30] [--seed 1] [more for schemathesis]`: 0 where nothing failed, 1 where something did."""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.stories.deployments import free_port, process, until_ready

from fuzz.identities import PEERS, Keeper, identities_document, keeping

EXAMPLES = 30
SEED = 1
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")

# The limits hold in the run as everywhere, they are only wide: guessing and asking much is what fuzzing is.
ENVIRONMENT = {
    "NEXUSONE_RATE_LIMIT": "100000000/minute",
    "NEXUSONE_RATE_LIMIT_WORKSPACE": "100000000/minute",
    "NEXUSONE_RATE_LIMIT_ANONYMOUS": "100000000/minute",
    "NEXUSONE_RATE_LIMIT_FACTOR": "1000000",
}


def main(arguments: list[str]) -> int:
    """Serves a fresh deployment, fuzzes it, and says what came out."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--max-examples", type=int, default=EXAMPLES, help="how many examples an operation gets in a phase")
    parser.add_argument("--seed", type=int, default=SEED, help="the same seed makes the same examples")
    chosen, passed_on = parser.parse_known_args(arguments)
    data = Path(tempfile.mkdtemp(prefix="nexusone-fuzz-"))
    try:
        return asyncio.run(_fuzz(data, examples=chosen.max_examples, seed=chosen.seed, passed_on=passed_on))
    finally:
        shutil.rmtree(data, ignore_errors=True)


async def _fuzz(data: Path, *, examples: int, seed: int, passed_on: list[str]) -> int:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    async with process(["up", "--data", str(data), "--port", str(port)], ENVIRONMENT):
        await until_ready(address)
        keeper = Keeper(address)
        await asyncio.to_thread(_add_operator, data, keeper)
        with keeping(keeper) as keeper_address:
            identities = data / "identities.json"
            identities.write_text(json.dumps(identities_document(keeper_address)))
            report = data / "report.json"
            environment = {"FUZZ_IDENTITIES": str(identities), "FUZZ_KEEPER": keeper_address}
            command = _command(address, report, examples=examples, seed=seed)
            run = await asyncio.to_thread(subprocess.run, [*command, *passed_on], env={**os.environ, **environment}, check=False)
        sys.stdout.write(_summary(json.loads(report.read_text()) if report.exists() else {}, keeper) + "\n")
        return 1 if run.returncode else 0


def _command(address: str, report: Path, *, examples: int, seed: int) -> list[str]:
    return [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run", f"{address}/openapi.json"),
        *("--max-examples", str(examples), "--seed", str(seed), "--report", "json", "--report-json-path", str(report)),
    ]


def _add_operator(data: Path, keeper: Keeper) -> None:
    operator = keeper.operator
    command = [sys.executable, "-m", "nexusone.apps.cli", "operators", "add", operator.email, "--name", operator.name, "--data", str(data)]
    subprocess.run(command, env={**os.environ, "NEXUSONE_OPERATOR_PASSWORD": operator.password}, stdout=subprocess.DEVNULL, check=True)


def _summary(report: dict[str, Any], keeper: Keeper) -> str:
    if not report:
        return "fuzz: there is no report; the run was cut off"
    operations, cases = report["operations"], report["test_cases"]
    failures = "; ".join(f"{failure['title']} in {', '.join(failure['operations'])}" for failure in report["failures"])
    used_up = max(0, keeper.accounts_made - len(PEERS))
    found = f"{cases['generated']} examples, {cases['unique_failures']} failures, {len(report['errors'])} errors"
    took = f"in {report['running_time']:.0f} s with seed {report['seed']}"
    peers = f"the peers {' and '.join(PEERS)} needed {used_up} new accounts"
    line = f"fuzz: {operations['tested']} of {operations['total']} operations, {found} {took}; {peers}"
    return "\n".join([line, failures] if failures else [line])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
