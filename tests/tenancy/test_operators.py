"""The operators' doors: no company comes in, with whatever ids, and its owner may be as mighty as an owner can be."""

import pytest
from fastapi.routing import APIRoute
from tests.architecture.operations import operations
from tests.tenancy.calls import NAMES
from tests.tenancy.companies import Company
from tests.tenancy.deployments import Deployment
from tests.tenancy.places import PARAMETER
from tests.tenancy.state import state_of

from nexusone.kernel.ids import new_id
from nexusone.web.door import Declaration
from nexusone.web.rights import OPERATOR

Operation = tuple[APIRoute, Declaration]
OPERATORS: list[Operation] = [(route, declared) for route, declared in operations() if declared.permission == OPERATOR]


def _path(item: Operation, company: Company) -> str:
    route, declared = item
    ids = company.ids
    # Codes and numbers of plans and coupons are no company's.
    return PARAMETER.sub(lambda found: ids.get(NAMES.get(f"{declared.operation}:{found[1]}", found[1]), "1"), route.path)


@pytest.mark.parametrize("item", OPERATORS, ids=lambda item: item[1].operation)
async def test_the_operators_doors_know_no_company(deployment: Deployment, item: Operation) -> None:
    ours, theirs = deployment.companies
    before = state_of(deployment.database.admin_url, theirs.workspace_id)
    method = next(iter(item[0].methods or ()))
    async with deployment.client_of(ours) as client:
        for company in (ours, theirs):
            answer = await client.request(method, _path(item, company), json={}, headers={"Idempotency-Key": str(new_id())})
            assert answer.status_code == 401, answer.text
            assert theirs.mark not in answer.text
    assert state_of(deployment.database.admin_url, theirs.workspace_id) == before


def test_the_operators_doors_are_the_ones_below_their_name() -> None:
    assert len(OPERATORS) > 10
    assert all(route.path.startswith("/v1/operators/") for route, _ in OPERATORS)
