"""Door of identity for credentials: what the web kit asks before it reads a request's body, and the queue before it works."""

from nexusone.kernel.errors import Unauthenticated
from nexusone.modules.identity.service.admission import Shown, admit_api_key, admit_operator, admit_session
from nexusone.modules.identity.service.authorizing import authorize
from nexusone.platform.origin import ANONYMOUS
from nexusone.platform.runtime import Context, Runtime
from nexusone.web.admission import Admission, Arrival


class CredentialAuthenticator:
    """Knows access tokens and API keys."""

    async def admit(self, runtime: Runtime, arrival: Arrival) -> Admission:
        """The caller's context, if its credential holds; see `web.admission.Authenticator`."""
        scheme, _, credential = (arrival.authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not credential:
            raise Unauthenticated(reason="send Authorization: Bearer with an access token or an API key")
        anonymous = Context(
            runtime=runtime,
            workspace_id=None,
            principal=ANONYMOUS,
            request_id=arrival.request_id,
            ip=arrival.ip,
            user_agent=arrival.user_agent,
        )
        shown = Shown(credential=credential, language=arrival.language or "", cost=arrival.cost, operation=arrival.operation)
        of_workspace = admit_api_key if credential.startswith("nx_") else admit_session
        admitting = admit_operator if arrival.realm == "operator" else of_workspace
        admitted = await admitting(anonymous, shown=shown)
        return Admission(ctx=admitted.ctx, headers=admitted.headers)


class RightsAuthorizer:
    """Knows what whoever left a job may do when it runs."""

    async def authorize(self, ctx: Context) -> Context:
        """The context with the rights that still hold; see `platform.jobs.Authorizer`."""
        return await authorize(ctx)
