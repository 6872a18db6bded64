"""The public halves of the keys that sign access tokens, where RFC 8414 readers look for them."""

from starlette.responses import Response

from nexusone.modules.identity.contracts.signing_keys import SigningKeySet
from nexusone.modules.identity.service import tokens
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC

# Shorter than the pause between adding a key and signing with it would have to be for readers that cache.
MAX_AGE_SECONDS = 60

door = Door("identity", prefix="")


@door.get("/.well-known/jwks.json", permission=PUBLIC, cost=0, summary="Keys that verify access tokens (RFC 7517)")
async def show_signing_keys(ctx: Caller, response: Response) -> SigningKeySet:
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
    return tokens.public_keys(ctx.runtime)
