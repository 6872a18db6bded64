"""How the operations with an id are called so that the id alone decides, and which are not of one company only."""

from collections.abc import Mapping
from typing import Any

from tests.customers import PASSWORD
from tests.tenancy.companies import Company
from tests.tenancy.graph import Field
from tests.tenancy.places import PARAMETER, Place

from nexusone.kernel.ids import new_id
from nexusone.web.rights import OPERATOR

# Public doors and staff's belong to no company; why the id there is nobody's secret.
EXEMPT: Mapping[str, str] = {
    "sso.start:body:connection_id": "whoever wants to sign in names the connection of the company they want to sign in to",
    "passkeys.sign_in:body:workspace_id": "an assertion is good for one call; asked with a new one each time by a test of its own",
    "stream.follow:header:last-event-id": "a stream has no end to wait for; asked below the door by test_ten_11",
    "operators.begin_visit:body:workspace_id": "staff may visit every workspace, for a reason that its trail tells (AUTHZ-09)",
}

# What lists answer who are asked to narrow themselves to what is not there: nothing, and successfully.
NARROWED = frozenset(
    {
        "audience.list_contacts:query:segment_id",
        "pipelines.list_runs:query:pipeline_id",
        "compliance.list_audit:query:actor",
        "compliance.export_audit:query:actor",
    }
)

# A refusal of its own, the same for every id that is not one's own.
ANSWERS: Mapping[str, int] = {
    "sso.come_back:path:connection_id": 401,
    # Each item succeeds or is refused by itself.
    "ai.generate_batch:body:items.*.audio_asset_id": 202,
    "ai.generate_batch:body:items.*.brand_voice_id": 202,
    "ai.generate_batch:body:items.*.knowledge.*": 202,
    "ai.generate_batch:body:items.*.portrait_asset_id": 202,
    # What is not right is told by field, with all else that is not.
    "marketing.change_template:body:variants.*.generation_id": 422,
    "marketing.create_template:body:variants.*.generation_id": 422,
}
# Those of them that say which field it is, or what of an item.
FAULTS: Mapping[str, str] = {
    "ai.generate_batch:body:items.*.audio_asset_id": "ai.asset_not_found",
    "ai.generate_batch:body:items.*.brand_voice_id": "ai.brand_voice_not_found",
    "ai.generate_batch:body:items.*.knowledge.*": "ai.collection_not_found",
    "ai.generate_batch:body:items.*.portrait_asset_id": "ai.asset_not_found",
    "marketing.change_template:body:variants.*.generation_id": "/variants/en/generation_id",
    "marketing.create_template:body:variants.*.generation_id": "/variants/en/generation_id",
}

# Where a name in the path or body means another thing than elsewhere.
NAMES: Mapping[str, str] = {
    "audience.unshare_segment:grant_id": "segments.grant_id",
    "marketing.unshare_campaign:grant_id": "campaigns.grant_id",
    "compliance.list_audit:actor": "owner_id",
    "compliance.export_audit:actor": "owner_id",
    "credits.list_spends:grant_id": "credit_grant_id",
    "pools.put_share:workspace_id": "agency_workspace_id",
    "audio_asset_id": "asset_id",
    "collection_ids": "collection_id",
    "knowledge": "collection_id",
    "portrait_asset_id": "picture_id",
    "role": "role_id",
    "roles": "role_id",
}

# The same for fields of the graph.
FIELDS: Mapping[str, str] = {
    "audit": "owner_id",
    "documents": "collection_id",
    "campaign_report": "campaign_id",
    "credit_spends": "credit_grant_id",
    "pipeline_run": "run_id",
}

# What paths name that is no id, and the same for every company.
WORDS: Mapping[str, str] = {
    "content_tasks.run:name": "product_description",
    "meter": "messages.sent",
    "model": "writer-1",
    "name": "writer-1",
    "secret_name": "crm_token",
    "vendor": "scripted",
    "version": "1",
}

# Operations that take a file, and one that they take.
FILES: Mapping[str, Mapping[str, tuple[str, bytes, str]]] = {"knowledge.add_file": {"file": ("x.txt", b"x", "text/plain")}}

MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>"
TEXT = {"kind": "text", "prompt": "x", "locale": "en"}
WRITING = {"id": "copy", "kind": "generate", "prompt": "x"}
WHY = {"reason": "the customer asked why an import failed"}


def is_desk(place: Place) -> bool:
    """Whether an operation lets operators act on the workspace that stands at this place, whichever it is: no company may."""
    return place.permission == OPERATOR and place.where == "path" and place.name == "workspace_id"


def id_of(company: Company, operation: str, name: str) -> str:
    """The company's id that such a parameter takes."""
    return company.ids[NAMES.get(f"{operation}:{name}", NAMES.get(name, name))]


def id_in_graph(company: Company, field: Field) -> str:
    """The company's id that a field of the graph takes."""
    return company.ids[FIELDS.get(field.name, f"{field.name}_id")]


def word_of(operation: str, name: str) -> str | None:
    """What such a parameter takes where that is no id."""
    return WORDS.get(f"{operation}:{name}", WORDS.get(name))


def filled(path: str, operation: str, company: Company) -> str:
    """The path with the company's own ids."""
    return PARAMETER.sub(lambda found: word_of(operation, found[1]) or id_of(company, operation, found[1]), path)


def path_of(place: Place, company: Company, *, taken: Mapping[str, str]) -> str:
    """The path with the company's own ids, but for those that are taken from elsewhere."""
    path = place.path
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace("{" + name + "}", taken.get(name) or word_of(place.operation, name) or id_of(company, place.operation, name))
    return path


def body_of(company: Company, operation: str, *, title: str = "") -> Any:
    """A body that is sound in itself, and takes an id where the place of that title is; None for operations without one."""
    own = company.ids
    campaign = {"name": "x", "from_name": "x", "from_email": "news@engines.example", "template_id": own["template_id"]}
    said = {"kind": "video", "portrait_asset_id": own["picture_id"], "prompt": "x"}
    shown = {"kind": "video", "portrait_asset_id": own["picture_id"]}
    bodies: Mapping[str, Any] = {
        "ai.estimate": {"generation": TEXT},
        "ai.estimate:body:generation.audio_asset_id": {"generation": shown},
        "ai.estimate:body:generation.portrait_asset_id": {"generation": said},
        "ai.generate": TEXT,
        "ai.generate:body:audio_asset_id": shown,
        "ai.generate:body:portrait_asset_id": said,
        "ai.generate_batch": {"items": [TEXT]},
        "ai.generate_batch:body:items.*.audio_asset_id": {"items": [shown]},
        "ai.generate_batch:body:items.*.portrait_asset_id": {"items": [said]},
        "ai_connections.put_connection": {"credentials": {"api_key": "eve's"}},
        "api_keys.change_api_key": {"name": "Eve's"},
        "api_keys.rotate_api_key": {},
        "assets.change_asset": {"name": "Eve's"},
        "assets.make_rendition": {"make": "waveform", "width": 40, "height": 10},
        "audience.change_contact": {"first_name": "Eve"},
        "audience.change_segment": {"name": "Eve's"},
        "audience.share_segment": {},
        "billing.issue_credit_note": {"key": "eve", **WHY},
        "brand_voices.change_voice": {"name": "Eve's"},
        "content_tasks.run": {"input": {"product": "Lamp", "brief": "It shines."}, "locales": ["en"]},
        "generation_edits.dispose": {"disposition": "used"},
        "generation_edits.edit": {"output": "x"},
        "identity.sign_in": {"email": company.email, "password": PASSWORD},
        "knowledge.add_document": {"title": "x", "content": "x"},
        "knowledge.change_collection": {"name": "Eve's"},
        "knowledge.change_document": {"title": "Eve's"},
        "knowledge.replace_content": {"content": "x"},
        "knowledge.search": {"text": "x"},
        "marketing.change_campaign": {"name": "Eve's"},
        "marketing.change_template": {"name": "Eve's"},
        "marketing.change_template:body:variants.*.generation_id": {"variants": {"en": {"subject": "x"}}},
        "marketing.create_campaign": {**campaign, "segment_id": own["segment_id"]},
        "marketing.create_template": {"name": "x", "default_locale": "en", "variants": {"en": {"subject": "x", "mjml": MJML}}},
        "marketing.render_template": {},
        "marketing.share_campaign": {},
        "members.change_member": {"role": "viewer"},
        "members.invite": {"email": f"{new_id()}@example.com", "role": "viewer"},
        "members.offer_transfer": {},
        "mfa.put_policy": {"demanded_of": "roles", "roles": [own["role_id"]]},
        "operators.begin_visit": {"workspace_id": own["workspace_id"], **WHY, "ticket": "T-1"},
        "operators.elevate_visit": {"workspace_id": own["workspace_id"], **WHY},
        "operators.end_visit": {"workspace_id": own["workspace_id"]},
        "operators.renew_visit": {"workspace_id": own["workspace_id"]},
        "passkeys.sign_in": {},
        "payments.refund": {},
        "pools.put_share": {"is_member": True},
        "pipeline_secrets.put_secret": {"value": "eve's"},
        "pipelines.change_pipeline": {"definition": {"steps": [dict(WRITING)]}},
        "pipelines.create_pipeline": {"name": "Eve's", "definition": {"steps": [dict(WRITING)]}},
        "pipelines.estimate": {"inputs": {"brief": "x"}},
        "pipelines.publish_pipeline": {},
        "pipelines.retry_run": {},
        "pipelines.start_run": {"inputs": {"brief": "x"}},
        "prompts.change_prompt": {"name": "Eve's"},
        "prompts.render_prompt": {},
        "reviews.comment": {"name": "Eve", "text": "x"},
        "reviews.decide": {"decision": "approve", "name": "Eve", "content_sha256": "0" * 64},
        "roles.change_role": {"name": "Eve's"},
        "sso.change_connection": {"name": "Eve's"},
        "sso.create_connection": {
            "name": "x",
            "issuer": own["issuer"],
            "client_id": "x",
            "client_secret": "x",
            "domains": ["x.example.com"],
        },
        "workspaces.switch_workspace": {},
    }
    return bodies.get(title, bodies.get(operation))
