"""Companies in deployments with an inbox and a clock."""

import pytest
from tests.modules.identity.accounts.conftest import make_site, open_site
from tests.modules.identity.accounts.site import Site
from tests.modules.identity.workspaces.companies import Company

__all__ = ["company", "make_site", "open_site"]


@pytest.fixture
async def company(open_site: Site) -> Company:
    """A company that has just signed up."""
    return Company(open_site, await open_site.open_account())
