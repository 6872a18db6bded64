"""The sandbox's door: what it cannot ask the simulators for is refused before they are asked."""

import pytest
from tests.customers import no_lifespan, visitor_at

from nexusone.apps.compose import Composition
from nexusone.apps.sandbox.door import door


@pytest.mark.parametrize("path", ["inbox?cursor=x", "inbox?cursor=-1", "inbox/a.b", "inbox/a.b/html", "inbox/a%20b/source"])
async def test_what_names_no_mail_is_a_problem(composition: Composition, path: str) -> None:
    app = composition.application(only=["identity"], doors=[door], lifespan=no_lifespan)
    async with visitor_at(app) as visitor:
        answer = await visitor.get(f"/v1/sandbox/{path}")
    assert (answer.status_code, answer.json()["code"]) == (422, "request.unprocessable")
