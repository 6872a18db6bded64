"""What schemathesis loads: after each answer it tells the keeper of tokens and workspaces that are of no more use."""

import json
import os
from typing import Any

import requests
import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

from fuzz.exceptions import BEYOND_SCHEMA

# What a peer is refused with for good once its own workspace is suspended, deleted or locked.
WRECKED = {"auth.workspace_suspended", "identity.mfa_enrolment_needed", "identity.sso_required", "identity.people_only"}

_keeper = requests.Session()


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    if case.auth_identity is None or response.status_code not in (401, 403):
        return
    scheme, _, token = str(response.request.headers.get("Authorization", "")).partition(" ")
    if scheme != "Bearer":
        return
    is_wrecked = response.status_code == 403 and _code_of(response) in WRECKED
    if response.status_code == 401 or is_wrecked:
        address = f"{os.environ['FUZZ_KEEPER']}/{case.auth_identity}/drop"
        _keeper.post(address, json={"token": token, "is_wrecked": is_wrecked}, timeout=10)


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    if not isinstance(failure, RejectedPositiveData):
        return True
    return not _codes_of(response) <= BEYOND_SCHEMA.keys()


def _codes_of(response: Response) -> set[str]:
    problem = response.json()
    return {error["code"] for error in problem.get("errors", ())} or {problem["code"]}


def _code_of(response: Response) -> str:
    try:
        return str(response.json().get("code"))
    except (json.JSONDecodeError, AttributeError):
        return ""
