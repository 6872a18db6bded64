"""REST door of pipelines' secrets: values for the headers of their calls, which nobody reads again."""

from typing import Annotated

from fastapi import Path, Response

from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.pipeline_secrets import PipelineSecret, PipelineSecretWish
from nexusone.modules.ai.service import pipeline_secrets
from nexusone.modules.ai.service.refusals_pipelines import PipelineSecretInUse, PipelineSecretNotFound, PipelineSecretsFull
from nexusone.web.caller import Caller
from nexusone.web.door import Door

door = Door("pipeline_secrets")

SecretName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


@door.get("/pipeline-secrets", permission="pipelines:read", summary="List the secrets of pipelines, without their values")
async def list_secrets(ctx: Caller) -> Page[PipelineSecret]:
    return Page(items=await pipeline_secrets.list_secrets(ctx), next_cursor=None)


@door.put(
    "/pipeline-secrets/{secret_name}",
    permission="pipeline_secrets:write",
    summary="Put in a secret of pipelines, or replace its value",
    refusals=(PipelineSecretsFull,),
)
async def put_secret(ctx: Caller, secret_name: SecretName, body: PipelineSecretWish) -> PipelineSecret:
    """Steps of pipelines that call a server name it in their headers as `{{ secrets.<name> }}`."""
    return await pipeline_secrets.put_secret(ctx, name=secret_name, wanted=body)


@door.delete(
    "/pipeline-secrets/{secret_name}",
    permission="pipeline_secrets:write",
    status=204,
    summary="Delete a secret of pipelines that nothing published uses",
    refusals=(PipelineSecretNotFound, PipelineSecretInUse),
)
async def delete_secret(ctx: Caller, secret_name: SecretName) -> Response:
    await pipeline_secrets.delete_secret(ctx, name=secret_name)
    return Response(status_code=204)
