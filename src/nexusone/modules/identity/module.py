"""Owns: workspaces, users, memberships, sessions, API keys.
Does not: know what permissions are for beyond their names.
Invariant: a principal acts only in the workspace of its verified credential, with the permissions its role gives.
"""

from pathlib import Path

from nexusone.modules.identity import jobs
from nexusone.modules.identity.events import (
    ApiKeyCreated,
    ApiKeyRevoked,
    PasswordChanged,
    SessionEnded,
    SessionOpened,
    WorkspaceCreated,
)
from nexusone.modules.identity.routes import accounts, api_keys, signing_keys
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.web.module import Module

MODULE = Module(
    name="identity",
    folder=Path(__file__).parent,
    doors=(accounts.door, signing_keys.door, api_keys.door),
    jobs=(jobs.SEND_VERIFICATION_MAIL, jobs.SEND_RESET_MAIL, jobs.SEND_NOTICE_MAIL),
    schedules=(jobs.FORGET_EXPIRED,),
    events=(WorkspaceCreated, SessionOpened, SessionEnded, PasswordChanged, ApiKeyCreated, ApiKeyRevoked),
    settings=(IdentitySettings,),
    permissions=("api_keys:read", "api_keys:write"),
    personal_data={
        "pending_sign_up.email": "where the verification of a sign-up goes",
        "pending_sign_up.name": "how somebody who signs up is called",
        "session.ip": "where a session came from, for its person to see",
        "session.user_agent": "the program of a session, for its person to see",
        "invitation.email": "who is invited",
        "operator.email": "how a member of staff signs in",
        "operator.name": "how a member of staff is called",
        "user_account.email": "how a member signs in",
        "user_account.name": "how a member is called",
    },
)
