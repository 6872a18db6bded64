"""The committed contracts are what the code says."""

import subprocess
import sys

from tests.architecture.source import ROOT


def test_the_committed_contracts_are_current() -> None:
    # In a process of its own: refusals that tests define are not part of the product's contracts.
    ran = subprocess.run(
        [sys.executable, "-m", "nexusone.apps.contracts", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
