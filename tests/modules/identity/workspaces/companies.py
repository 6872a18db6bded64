"""A company with people in it, each with a session of their own."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
from tests.modules.identity.accounts.site import PASSWORD, Person, Site, fresh_email

Json = dict[str, Any]


@dataclass(frozen=True)
class Company:
    """A workspace, seen by its owner."""

    site: Site
    owner: Person

    @property
    def workspace_id(self) -> UUID:
        """The workspace."""
        return UUID(self.owner.session["workspace"]["id"])

    async def ask(
        self, method: str, path: str, body: Json | None = None, *, by: Person | str | None = None, **options: Any
    ) -> httpx2.Response:
        """A request by the owner, another person, or with a credential's text."""
        credential = by if isinstance(by, str) else (by or self.owner).session["access_token"]
        headers = {"Authorization": f"Bearer {credential}", **options.pop("headers", {})}
        async with self.site.visitor(ip=options.pop("ip", None)) as client:
            return await client.request(method, path, json=body, headers=headers)

    async def invite(self, email: str, *, role: str, by: Person | None = None) -> str:
        """Invites an address; the token that was mailed to it."""
        answer = await self.ask("POST", "/v1/invitations", {"email": email, "role": role}, by=by)
        assert answer.status_code == 201, answer.text
        return await self.site.mailed_token(email)

    async def join(self, role: str = "viewer") -> Person:
        """Somebody new in that role, signed in."""
        email = fresh_email()
        token = await self.invite(email, role=role)
        answer = await self.site.post("/v1/invitations/accept", {"token": token, "name": "Lin", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        session = await self.site.post("/v1/auth/sign-in", {"email": email, "password": PASSWORD})
        assert session.status_code == 200, session.text
        return Person(email, PASSWORD, session.json())

    async def api_key(self, *permissions: str, by: Person | None = None, **fields: object) -> Json:
        """A new key with its secret, by default with every permission."""
        wanted = {"name": "machine", "permissions": list(permissions) or ["*"], **fields}
        answer = await self.ask("POST", "/v1/api-keys", wanted, by=by)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


def user_id(person: Person) -> str:
    """Who it is."""
    return str(person.session["user"]["id"])
