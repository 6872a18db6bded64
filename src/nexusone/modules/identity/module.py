"""Owns: workspaces, users, memberships, sessions, API keys.
Does not: know what permissions are for beyond their names.
Invariant: a principal acts only in the workspace of its verified credential, with the permissions its role gives.
"""

from pathlib import Path

from nexusone.modules.identity.events import ApiKeyCreated, ApiKeyRevoked, WorkspaceCreated
from nexusone.modules.identity.routes import accounts, api_keys
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.web.module import Module

MODULE = Module(
    name="identity",
    folder=Path(__file__).parent,
    doors=(accounts.door, api_keys.door),
    events=(WorkspaceCreated, ApiKeyCreated, ApiKeyRevoked),
    settings=(IdentitySettings,),
    permissions=("api_keys:read", "api_keys:write"),
    personal_data={
        "invitation.email": "who is invited",
        "operator.email": "how a member of staff signs in",
        "operator.name": "how a member of staff is called",
        "user_account.email": "how a member signs in",
        "user_account.name": "how a member is called",
    },
)
