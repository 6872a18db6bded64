"""What a workspace keeps in its media library stands on its usage, once an hour, at its peak."""

from dataclasses import replace
from datetime import timedelta

from tests.customers import Customer
from tests.modules.ai.assets.test_doors import uploaded

from nexusone.kernel.clock import MovedClock
from nexusone.modules.ai.service.storage_usage import report_storage
from nexusone.platform.runtime import Runtime
from nexusone.web.simulation.files import picture


async def test_the_peak_of_what_is_kept_is_reported_hour_by_hour(customer: Customer, runtime: Runtime) -> None:
    clock = MovedClock(runtime.clock.now())
    system = replace(runtime, clock=clock).system()
    first = await uploaded(customer, picture("first", width=64, height=64))
    second = await uploaded(customer, picture("second", width=96, height=96))
    for _ in range(2):
        await report_storage(system)
    assert await peak(customer) == first["size_bytes"] + second["size_bytes"]
    await customer.client.delete(f"/v1/assets/{second['id']}", headers={"If-Match": '"1"'})
    clock.move(timedelta(hours=1))
    await report_storage(system)
    assert await peak(customer) == first["size_bytes"] + second["size_bytes"]
    told = await customer.client.get("/v1/usage/storage.bytes_peak")
    assert len(told.json()["days"]) in {1, 2}


async def test_a_library_with_nothing_in_it_reports_nothing(customer: Customer, runtime: Runtime) -> None:
    await report_storage(runtime.system())
    assert await peak(customer) == 0


async def peak(customer: Customer) -> int:
    answer = await customer.client.get("/v1/usage/storage.bytes_peak")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["total"]["value"])
