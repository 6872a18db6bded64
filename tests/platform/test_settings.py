"""Where a deployment says it is."""

import pytest

from nexusone.platform.settings import PlatformSettings


@pytest.mark.parametrize(
    ("host", "public_url", "address"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:8000"),
        ("0.0.0.0", None, "http://localhost:8000"),
        ("::", None, "http://localhost:8000"),
        ("::1", None, "http://[::1]:8000"),
        ("0.0.0.0", "https://mail.example.com/", "https://mail.example.com"),
    ],
)
def test_the_public_address_is_one_that_a_mail_can_carry(host: str, public_url: str | None, address: str) -> None:
    assert PlatformSettings(host=host, public_url=public_url).public_address == address


def test_large_shares_of_tries_are_for_the_sandbox_only() -> None:
    assert PlatformSettings(mode="sandbox", rate_limit_factor=1000).rate_limit_factor == 1000
    assert PlatformSettings(mode="live", rate_limit_factor=10).rate_limit_factor == 10
    with pytest.raises(ValueError, match="at most 10"):
        PlatformSettings(mode="live", rate_limit_factor=11)
