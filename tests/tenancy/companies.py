"""Two companies that have used everything the product offers, in one deployment."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from uuid import UUID

import httpx2
from tests.customers import customer_at
from tests.modules.identity.mfa.authenticator import SoftwareAuthenticator
from tests.modules.marketing.sending.carrier import Carrier
from tests.tenancy import money, people, rows
from tests.tenancy.stage import Stage, call, get, post

from nexusone.platform.audit.checkpoints import take_checkpoint
from nexusone.platform.audit.sealing import seal
from nexusone.web.simulation.files import picture, speech

MJML = """
<mjml><mj-body><mj-section><mj-column>
<mj-text>Hello, <a href="https://engines.example/{mark}">{mark}</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""
DEFINITION = {"attribute": "plan", "op": "eq", "value": "pro"}
SHARED_NAME = "crm-2"
CSV = "external_id,email,first_name\n" + SHARED_NAME + ",second-{mark}@engines.example,{mark}\n{mark}-crm-3,no address,{mark}\n"
PATH = re.compile(r"<https?://[^/]+(/u/[^>]+)>")


@dataclass(frozen=True, slots=True)
class Company:
    """A company. Its owner speaks with `token`; `mark` stands in every text that it could write, and in no one else's.

    `ids` are values for parameters and fields, by their name or by `operation's noun.name` where one name means several things.
    """

    workspace_id: UUID
    mark: str
    email: str
    token: str
    operator_token: str
    device: SoftwareAuthenticator
    ids: Mapping[str, str]


async def grown(stage: Stage) -> Company:
    """A company with rows in every table and an id for every parameter."""
    mark = f"mark{secrets.token_hex(6)}"
    async with customer_at(stage.app) as owner:
        workspace_id = owner.workspace_id
        # The sign-up's consequences, credits among them.
        await stage.settle()
        await call(owner.client, "PATCH", "/v1/workspace", {"name": f"{mark} Engines"})
        ids = {"workspace_id": str(workspace_id), "owner_id": str(owner.session["user"]["id"])}
        ids |= await _audience(stage, owner.client, mark)
        ids |= await _campaigns(stage, owner.client, mark, ids)
        found = await people.grown(stage, owner, mark, ids)
        await post(owner.client, "/v1/workspace/export")
        await stage.settle()
        ids |= found.ids
        ids |= await money.grown(stage, owner.client, found.operator_token, mark, ids)
        await _trail(stage, workspace_id)
        rows.inserted(stage.admin_url, workspace_id, mark)
        # Something that waits for its seal, and the session that goes on.
        ids["key_id"] = (await post(owner.client, "/v1/api-keys", {"name": f"{mark} machine"}))["key"]["id"]
        ids["session_id"] = (await get(owner.client, "/v1/auth/sessions"))["items"][0]["id"]
        token = owner.client.headers["Authorization"].removeprefix("Bearer ")
        return Company(workspace_id, mark, owner.email, token, found.operator_token, found.device, ids)


async def _audience(stage: Stage, client: httpx2.AsyncClient, mark: str) -> dict[str, str]:
    contact = {"external_id": f"{mark}-crm-1", "email": f"ada-{mark}@example.com", "first_name": mark, "last_name": mark}
    contact["phone"] = f"+4366{secrets.randbelow(10**9):09d}"
    made = await post(client, "/v1/contacts", {**contact, "attributes": {"plan": "pro", "note": mark}}, key=f"{mark}-key")
    segment = {"name": f"{mark} Pros", "definition": DEFINITION}
    text = {"kind": "text", "prompt": f"Announce the lamp of {mark}.", "locale": "en"}
    prompt = {"name": f"{mark} Launch", "default_locale": "en", "texts": {"en": f"Announce {mark}."}}
    voice = {"name": f"{mark} House", "tone": f"Plain as {mark}.", "is_default": True}
    sound = {"file": (f"{mark}.wav", speech(f"Meet {mark}.", media_type="audio/wav"), "audio/wav")}
    portrait = {"file": (f"{mark}.png", picture(mark, width=64, height=64), "image/png")}
    drawn = {"kind": "image", "prompt": f"The lamp of {mark}.", "width": 64, "height": 64}
    passed_on = {"model": "writer-1", "messages": [{"role": "user", "content": f"Announce the lamp of {mark}."}]}
    await call(client, "PUT", "/v1/ai-connections/scripted", {"credentials": {"api_key": f"{mark}-key"}})
    await post(client, "/openai/v1/chat/completions", passed_on)
    await post(client, "/v1/generations", drawn)
    csv = {"file": ("contacts.csv", CSV.format(mark=mark).encode(), "text/csv")}
    return {
        "contact_id": made["id"],
        "external_id": contact["external_id"],
        "phone": contact["phone"],
        "email": contact["email"],
        "segment_id": (await post(client, "/v1/segments", segment))["id"],
        "spare_segment_id": (await post(client, "/v1/segments", {**segment, "name": f"{mark} Others"}))["id"],
        "generation_id": (await post(client, "/v1/generations", text))["id"],
        "prompt_id": (await post(client, "/v1/prompts", prompt))["id"],
        "brand_voice_id": (await post(client, "/v1/brand-voices", voice))["id"],
        **await _knowledge(stage, client, mark),
        "asset_id": (await post(client, "/v1/assets", files=sound))["id"],
        "picture_id": (await post(client, "/v1/assets", files=portrait))["id"],
        **await _pipelines(stage, client, mark),
        "import_id": (await post(client, "/v1/contacts/imports", files=csv))["id"],
    }


async def _pipelines(stage: Stage, client: httpx2.AsyncClient, mark: str) -> dict[str, str]:
    """A run that waits for a person, who has said something already."""
    sign_off = {"id": "sign_off", "kind": "approval", "title": f"{mark} copy", "show": {"copy": f"Meet {mark}. {{{{ inputs.brief }}}}"}}
    definition = {"inputs": {"brief": {}}, "steps": [sign_off]}
    pipeline = (await post(client, "/v1/pipelines", {"name": f"{mark} Sign-off", "definition": definition}))["id"]
    await call(client, "POST", f"/v1/pipelines/{pipeline}/publish", {})
    run = (await post(client, f"/v1/pipelines/{pipeline}/runs", {"inputs": {"brief": mark}}, key=f"{mark}-run"))["id"]
    await stage.settle()
    review = (await get(client, f"/v1/pipeline-runs/{run}/reviews"))["items"][0]
    await call(client, "PUT", "/v1/pipeline-secrets/crm_token", {"value": f"{mark}-token"})
    await post(client, f"/v1/pipeline-reviews/{review['id']}/comments", {"name": mark, "text": f"Brighter, {mark}."})
    return {"pipeline_id": pipeline, "run_id": run, "review_id": review["id"]}


async def _knowledge(stage: Stage, client: httpx2.AsyncClient, mark: str) -> dict[str, str]:
    """A collection with a document that can be found."""
    collection = (await post(client, "/v1/knowledge/collections", {"name": f"{mark} Sheets"}))["id"]
    document = {"title": f"{mark} Engine", "content": f"{mark} computes.", "source_url": f"https://engines.example/{mark}"}
    made = await post(client, f"/v1/knowledge/collections/{collection}/documents", document)
    await stage.settle()
    return {"collection_id": collection, "document_id": made["id"]}


async def _campaigns(stage: Stage, client: httpx2.AsyncClient, mark: str, ids: Mapping[str, str]) -> dict[str, str]:
    variants = {"en": {"subject": f"{mark} Spring", "mjml": MJML.format(mark=mark)}}
    template = {"name": f"{mark} Spring", "channel": "email", "default_locale": "en", "variants": variants}
    template_id = (await post(client, "/v1/templates", template))["id"]
    await post(client, "/v1/templates", {**template, "name": f"{mark} Summer"})
    wanted = {"from_name": f"{mark} Ada", "from_email": f"{mark}@engines.example", "template_id": template_id}
    wanted |= {"segment_id": ids["segment_id"], "name": f"{mark} Spring"}
    campaign_id = (await post(client, "/v1/campaigns", wanted))["id"]
    await post(client, "/v1/campaigns", {**wanted, "name": f"{mark} Summer"})
    await post(client, f"/v1/campaigns/{campaign_id}/send")
    await stage.settle()
    await _unsubscribe(client, stage.carrier, ids["email"])
    return {"template_id": template_id, "campaign_id": campaign_id}


async def _unsubscribe(client: httpx2.AsyncClient, carrier: Carrier, address: str) -> None:
    (mail,) = (mail for mail in carrier.taken if mail.recipient == address)
    header = message_from_bytes(mail.mime, policy=policy.default)["List-Unsubscribe"]
    (path,) = PATH.findall(str(header))
    answer = await client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code < 300, answer.text


async def _trail(stage: Stage, workspace_id: UUID) -> None:
    inside = stage.composition.runtime.system(workspace_id)
    await stage.composition.runtime.vault.key_of(workspace_id)
    await seal(inside)
    await take_checkpoint(inside)
