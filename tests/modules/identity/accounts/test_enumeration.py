"""Nobody learns from an answer, or from how long it takes, who has an account."""

import statistics
import time
from collections.abc import Awaitable, Callable

import httpx2
import psycopg
import pytest
from tests.modules.identity.accounts.conftest import SiteMaker
from tests.modules.identity.accounts.site import Person, Site, fresh_email, sign_up_body

SAMPLES = 200
CHEAP = {"argon2_memory_kib": 1024, "argon2_iterations": 1}
WRONG = "certainly not the right sentence"


def told(answer: httpx2.Response) -> tuple[object, ...]:
    """All that an answer tells, but for the request's own id."""
    return (
        answer.status_code,
        {name: value for name, value in answer.json().items() if name != "instance"} if answer.content else None,
        sorted(set(answer.headers) - {"x-request-id"}),
        answer.headers.get("www-authenticate"),
    )


async def timed(site: Site, asks: dict[str, Callable[[], Awaitable[httpx2.Response]]]) -> dict[str, float]:
    """Trimmed means in seconds of `SAMPLES` each, asked in turn so that whatever else the machine does hits all alike."""
    found: dict[str, list[float]] = {name: [] for name in asks}
    with psycopg.connect(site.admin_url, autocommit=True) as connection:
        for _ in range(SAMPLES):
            for name, ask in asks.items():
                connection.execute("delete from platform.rate_limit")
                began = time.perf_counter()
                await ask()
                found[name].append(time.perf_counter() - began)
    return {name: statistics.mean(sorted(values)[: SAMPLES * 3 // 4]) for name, values in found.items()}


def are_alike(means: dict[str, float], *, within: float) -> bool:
    return max(means.values()) <= min(means.values()) * (1 + within)


async def assert_alike(site: Site, asks: dict[str, Callable[[], Awaitable[httpx2.Response]]]) -> None:
    """The same time within a tenth; the machine has other things to do, so it may need another look."""
    for _ in range(4):
        means = await timed(site, asks)
        if are_alike(means, within=0.10):
            return
    raise AssertionError(means)


@pytest.fixture
def site(make_site: SiteMaker) -> Site:
    """As in live mode; hashing costs little, so that 200 samples of each take seconds, and what else differs shows the more."""
    return make_site(requires_verification=True, **CHEAP)


@pytest.fixture
def open_site(make_site: SiteMaker) -> Site:
    """The same as in the sandbox."""
    return make_site(requires_verification=False, **CHEAP)


async def accounts_of(site: Site, open_site: Site) -> dict[str, Person]:
    """One of each kind that must not be told apart; none of them can sign in with the wrong password."""
    known, disabled = await site.open_account(), await site.open_account()
    with psycopg.connect(site.admin_url) as connection:
        connection.execute("update identity.user_account set disabled_at = now() where email = %s", (disabled.email,))
    unverified = await open_site.open_account()
    return {"known": known, "disabled": disabled, "unverified": unverified, "unknown": Person(fresh_email(), WRONG, {})}


async def test_authn_04_refused_sign_ins_are_answered_alike(site: Site, open_site: Site) -> None:
    people = await accounts_of(site, open_site)
    answers = {name: told(await site.sign_in(person, password=WRONG)) for name, person in people.items()}
    right = {name: told(await site.sign_in(people[name])) for name in ("disabled", "unverified")}
    assert all(answer == answers["unknown"] for answer in [*answers.values(), *right.values()]), answers


async def test_authn_04_refused_sign_ins_take_the_same_time(site: Site, open_site: Site) -> None:
    people = await accounts_of(site, open_site)

    def asking(person: Person) -> Callable[[], Awaitable[httpx2.Response]]:
        return lambda: site.sign_in(person, password=WRONG)

    await assert_alike(site, {name: asking(person) for name, person in people.items()})


async def test_authn_04_forgotten_passwords_are_answered_alike_and_in_the_same_time(site: Site, open_site: Site) -> None:
    addresses = {name: person.email for name, person in (await accounts_of(site, open_site)).items()}
    answers = {name: told(await site.post("/v1/auth/password/forgot", {"email": email})) for name, email in addresses.items()}
    assert all(answer == answers["unknown"] for answer in answers.values()), answers
    assert answers["unknown"][0] == 202

    def asking(email: str) -> Callable[[], Awaitable[httpx2.Response]]:
        return lambda: site.post("/v1/auth/password/forgot", {"email": email})

    await assert_alike(site, {name: asking(email) for name, email in addresses.items()})


async def test_authn_04_sign_ups_are_answered_alike_and_take_the_same_time(site: Site, open_site: Site) -> None:
    addresses = {name: person.email for name, person in (await accounts_of(site, open_site)).items()}
    answers = {name: told(await site.post("/v1/auth/sign-up", sign_up_body(email))) for name, email in addresses.items()}
    assert all(answer == answers["unknown"] for answer in answers.values()), answers
    assert answers["unknown"][0] == 202

    def asking(email: str) -> Callable[[], Awaitable[httpx2.Response]]:
        return lambda: site.post("/v1/auth/sign-up", sign_up_body(email))

    await assert_alike(site, {name: asking(email) for name, email in addresses.items()})


async def test_authn_04_too_many_tries_are_answered_alike(site: Site) -> None:
    person = await site.open_account()
    answers = []
    for someone in (person, Person(fresh_email(), WRONG, {})):
        last = None
        for _ in range(21):
            last = await site.sign_in(someone, password=WRONG)
        assert last is not None
        answers.append((last.status_code, last.json()["code"], sorted(last.headers)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 429
