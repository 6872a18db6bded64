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

# What is answered to a token that does not work; a wrong password has a code of its own.
LOST = "auth.unauthenticated"

_keeper = requests.Session()


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    if case.auth_identity is None or response.status_code not in (401, 403):
        return
    scheme, _, token = str(response.request.headers.get("Authorization", "")).partition(" ")
    if scheme != "Bearer":
        return
    code = _code_of(response)
    if code == LOST or code in WRECKED:
        address = f"{os.environ['FUZZ_KEEPER']}/{case.auth_identity}/drop"
        _keeper.post(address, json={"token": token, "is_wrecked": code in WRECKED}, timeout=10)


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    if not isinstance(failure, RejectedPositiveData):
        return True
    return not _is_beyond_schema(response)


def _is_beyond_schema(response: Response) -> bool:
    problem = response.json()
    if "error" in problem:
        # The one door that tells errors in another wire.
        told = problem["error"]
        return _is_excepted(code=str(told["code"]), pointer=told["param"] or "", detail=told["message"])
    whole = {"code": problem["code"], "pointer": "", "detail": problem["detail"]}
    if _is_excepted(**whole):
        return True
    faults = problem.get("errors") or [whole]
    return all(_is_excepted(code=fault["code"], pointer=fault["pointer"], detail=fault["detail"]) for fault in faults)


def _is_excepted(*, code: str, pointer: str, detail: str) -> bool:
    for key in BEYOND_SCHEMA:
        wanted, _, words = key.partition(": ")
        if wanted in (code, f"{code} at {pointer}") and words in detail:
            return True
    return False


def _code_of(response: Response) -> str:
    try:
        return str(response.json().get("code"))
    except (json.JSONDecodeError, AttributeError):
        return ""
