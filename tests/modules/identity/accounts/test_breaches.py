"""AUTHN-02: what was stolen elsewhere is not chosen here, and whoever knows the list does not learn what was asked."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.customers import no_lifespan
from tests.modules.identity.accounts.site import NEW_PASSWORD, PASSWORD, Site, fresh_email, sign_up_body

from nexusone.apps.compose import Composition
from nexusone.modules.identity.domain.passwords import breach_range
from nexusone.modules.identity.module import MODULE
from nexusone.modules.identity.ports import BreachedPasswords
from nexusone.modules.identity.service import passwords
from nexusone.modules.identity.service.breaches import BreachFile
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys

STOLEN = "nine grey otters under the bridge"


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def written(folder: Path, digests: list[str], *, after: str = "", end: str = "\n") -> BreachFile:
    path = folder / "breached.txt"
    path.write_bytes("".join(f"{each}{after}{end}" for each in sorted(digests)).encode())
    return BreachFile(path)


class Asked:
    """A list that remembers what it was asked."""

    def __init__(self, inner: BreachFile) -> None:
        self.inner, self.prefixes = inner, list[str]()

    async def suffixes_under(self, prefix: str) -> frozenset[str]:
        """What the list has there."""
        self.prefixes.append(prefix)
        return await self.inner.suffixes_under(prefix)


@pytest.fixture
def stolen(tmp_path: Path) -> Asked:
    """A list with one of our passwords, among many others."""
    return Asked(written(tmp_path, [digest(f"password {n}") for n in range(2000)] + [digest(STOLEN)], after=":17"))


@pytest.fixture
def knowing_site(site: Site, composition: Composition, stolen: Asked) -> Site:
    """A deployment that knows the list."""
    runtime = replace(site.runtime, ports={**site.runtime.ports, BreachedPasswords: stolen})
    app = replace(composition, runtime=runtime).application(lifespan=no_lifespan)
    return replace(site, runtime=runtime, app=app)


def faults_in(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


async def test_authn_02_a_stolen_password_is_refused_wherever_one_is_chosen(knowing_site: Site) -> None:
    site = knowing_site
    refused = await site.post("/v1/auth/sign-up", sign_up_body(fresh_email(), password=STOLEN))
    assert (refused.status_code, faults_in(refused)) == (422, [("/password", "breached")])
    assert STOLEN not in refused.text
    person = await site.open_account()
    change = {"current_password": PASSWORD, "new_password": STOLEN}
    changed = await site.post("/v1/auth/password", change, headers=person.bearer)
    assert (changed.status_code, faults_in(changed)) == (422, [("/new_password", "breached")])
    await site.post("/v1/auth/password/forgot", {"email": person.email})
    token = await site.mailed_token(person.email)
    reset = await site.post("/v1/auth/password/reset", {"token": token, "password": STOLEN})
    assert (reset.status_code, faults_in(reset)) == (422, [("/password", "breached")])
    assert (await site.post("/v1/auth/password/reset", {"token": token, "password": NEW_PASSWORD})).status_code == 200


async def test_authn_02_a_list_is_asked_for_a_range_and_never_for_a_password(knowing_site: Site, stolen: Asked) -> None:
    await knowing_site.post("/v1/auth/sign-up", sign_up_body(fresh_email()))
    assert stolen.prefixes == [digest(PASSWORD)[:5]]
    assert breach_range(PASSWORD) == (digest(PASSWORD)[:5], digest(PASSWORD)[5:])


async def test_authn_02_without_a_list_only_the_common_ones_are_refused(site: Site) -> None:
    keeper = MODULE.keepers[BreachedPasswords](PlatformSettings(data=Path("unused")), MasterKeys.fresh())
    assert keeper == BreachFile(None)
    assert await BreachFile(None).suffixes_under(digest(STOLEN)[:5]) == frozenset()
    assert (await site.post("/v1/auth/sign-up", sign_up_body(fresh_email(), password=STOLEN))).status_code == 202


def test_authn_02_a_list_that_is_not_there_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUSONE_IDENTITY_BREACHED_PASSWORDS", str(tmp_path / "missing.txt"))
    with pytest.raises(ValueError, match="breached_passwords"):
        IdentitySettings()
    path = written(tmp_path, [digest(STOLEN)]).path
    monkeypatch.setenv("NEXUSONE_IDENTITY_BREACHED_PASSWORDS", str(path))
    assert IdentitySettings().breached_passwords == path


RANGES = st.lists(
    st.text("0123456789ABCDEF", min_size=40, max_size=40)
    | st.sampled_from(["00000", "0000F", "FFFFF", "7A0B1"]).map(
        lambda prefix: prefix + hashlib.sha1(prefix.encode(), usedforsecurity=False).hexdigest().upper()[:35]
    ),
    max_size=60,
    unique=True,
)


@settings(deadline=None, max_examples=150)
@given(
    digests=RANGES, asked=st.text("0123456789ABCDEF", min_size=5, max_size=5), after=st.sampled_from(["", ":1", ":123456"]), data=st.data()
)
async def test_authn_02_a_range_of_the_file_is_exactly_what_it_holds(
    tmp_path_factory: pytest.TempPathFactory, digests: list[str], asked: str, after: str, data: st.DataObject
) -> None:
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    known = written(tmp_path_factory.mktemp("range"), digests, after=after, end=end)
    for prefix in {asked, *(each[:5] for each in digests)}:
        assert await known.suffixes_under(prefix) == {each[5:] for each in digests if each.startswith(prefix)}


def test_authn_02_the_list_of_common_passwords_has_at_least_three_thousand() -> None:
    listed = passwords.KNOWN_PASSWORDS.read_text(encoding="utf-8").split()
    assert len(listed) == len(set(listed)) >= 3000
    assert all(word == word.casefold() for word in listed)
