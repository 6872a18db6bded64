"""Rights at the moment a job runs: asked of whoever knows members and keys."""

from typing import Protocol

from nexusone.platform.runtime import Context


class Authorizer(Protocol):
    """Knows which rights whoever left a job has at the moment it runs."""

    async def authorize(self, ctx: Context) -> Context:
        """The context with those rights of its principal that were stored and still hold; of the system, all.

        A restraint on the principal says that the workspace is suspended. Raises: Forbidden (the workspace is gone, the user
        was removed, the key was revoked).
        """
        ...
