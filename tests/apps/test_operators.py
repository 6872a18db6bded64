"""`nexusone operators`: the one way to make an operator; and the simulators that test keys reach in live mode."""

import json
from pathlib import Path

import pytest
from opentelemetry.trace import NoOpTracer
from tests.conftest import LOGIN, TestDatabase

from nexusone.apps import operators
from nexusone.apps.database import DatabaseAddresses
from nexusone.apps.process import SANDBOX_FILE, Ground, read_sandbox, standing
from nexusone.kernel.errors import NotFound, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.service.refusals import OperatorKnown
from nexusone.modules.marketing.ports import EmailTransport
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.telemetry import Metrics, Telemetry
from nexusone.platform.vault import MasterKeys

PASSWORD = "seven lanterns over quiet water"


@pytest.fixture
def ground(tmp_path: Path, database: TestDatabase, keys: MasterKeys) -> Ground:
    """What a command stands on, in live mode; the database of the run opens with the keys of the run alone."""
    return Ground(
        settings=PlatformSettings(data=tmp_path, database_connections=4, mode="live"),
        keys=keys,
        database=DatabaseAddresses(url=database.url, admin_url=database.admin_url, login=LOGIN),
        telemetry=Telemetry(tracer=NoOpTracer(), metrics=Metrics(), report=lambda error: None, stop=lambda: None),
    )


async def test_operators_are_added_once_listed_and_disabled(ground: Ground) -> None:
    email = f"staff-{new_id()}@example.com"
    await operators.add_operator(ground, email=email.upper(), name="Sam", password=PASSWORD)
    with pytest.raises(OperatorKnown):
        await operators.add_operator(ground, email=email, name="Sam", password=PASSWORD)
    assert [each.is_disabled for each in await operators.list_operators(ground) if each.email == email] == [False]
    await operators.disable_operator(ground, email=email)
    assert [each.is_disabled for each in await operators.list_operators(ground) if each.email == email] == [True]
    with pytest.raises(NotFound):
        await operators.disable_operator(ground, email=f"nobody-{new_id()}@example.com")


async def test_a_weak_password_makes_no_operator(ground: Ground) -> None:
    with pytest.raises(Unprocessable):
        await operators.add_operator(ground, email=f"staff-{new_id()}@example.com", name="Sam", password="short")


async def test_authn_18_in_live_mode_simulators_that_run_beside_are_there_for_tests_alone(ground: Ground) -> None:
    assert read_sandbox(ground.settings) is None
    async with standing(ground, None) as composition:
        assert composition.runtime.sandbox_ports is None
    (ground.settings.data / SANDBOX_FILE).write_text(json.dumps({"http": "http://127.0.0.1:9", "sockets": {"smtp": "smtp://127.0.0.1:9"}}))
    async with standing(ground, None) as composition:
        runtime = composition.runtime
        assert EmailTransport not in runtime.ports
        assert runtime.sandbox_ports is not None
        assert EmailTransport in runtime.sandbox_ports
