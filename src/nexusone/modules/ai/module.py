"""Owns: generations, the model catalog, what each generation cost; prompt templates, brand voices, what the AI may know.
Does not: know a vendor, keep credits, publish anything.
Invariant: no paid call without a hold, none repeated while its outcome is unknown.
"""

from pathlib import Path

from nexusone.modules.ai.events import (
    DocumentIndexed,
    DocumentIndexingFailed,
    GatewayCallEnded,
    GenerationCanceled,
    GenerationEdited,
    GenerationFailed,
    GenerationProgressed,
    GenerationSucceeded,
    GenerationUnknown,
    PipelineAwaitingApproval,
    PipelineCanceled,
    PipelineFailed,
    PipelineStarted,
    PipelineStepFailed,
    PipelineStepSucceeded,
    PipelineSucceeded,
)
from nexusone.modules.ai.graphql.assets import AssetsQuery
from nexusone.modules.ai.graphql.generations import AiQuery
from nexusone.modules.ai.graphql.knowledge import KnowledgeQueries
from nexusone.modules.ai.graphql.pipelines import PipelinesQuery
from nexusone.modules.ai.graphql.prompts import PromptsQuery
from nexusone.modules.ai.graphql.voices import BrandVoicesQuery
from nexusone.modules.ai.jobs import (
    ADVANCE_PIPELINE_RUN,
    ATTEND_GENERATIONS,
    ATTEND_INDEXINGS,
    ATTEND_PIPELINE_RUNS,
    DELETE_ASSET_FILES,
    INDEX_DOCUMENT,
    LOOK_AT_GENERATION,
    MAKE_GENERATION,
    REPORT_STORAGE,
    WATCH_MODELS,
    WRITE_GENERATION,
)
from nexusone.modules.ai.routes import (
    assets,
    connections,
    edits,
    gateway,
    generations,
    knowledge,
    models,
    pipeline_secrets,
    pipelines,
    prompts,
    reviews,
    tasks,
    voices,
)
from nexusone.modules.ai.service.breaking import Breakers
from nexusone.modules.ai.service.gateway_accounts import GatewayPlaces
from nexusone.modules.ai.service.model_overrides import ModelOverrides, read_overrides
from nexusone.modules.ai.service.own_keys import OwnClients
from nexusone.modules.ai.service.speakers import VoiceLists
from nexusone.modules.ai.settings import AiSettings, AssetSettings
from nexusone.modules.ai.subscribers import SUBSCRIBERS
from nexusone.platform.provenance import ManifestSigner
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys
from nexusone.web.module import Module


def _signer(settings: PlatformSettings, _: MasterKeys) -> ManifestSigner:
    files = AssetSettings()
    return ManifestSigner(settings.data / "provenance", chain_file=files.manifest_chain_file, key_file=files.manifest_key_file)


def _places(_: PlatformSettings, __: MasterKeys) -> GatewayPlaces:
    return GatewayPlaces()


def _breakers(_: PlatformSettings, __: MasterKeys) -> Breakers:
    return Breakers()


def _own_clients(_: PlatformSettings, __: MasterKeys) -> OwnClients:
    return OwnClients()


def _voice_lists(_: PlatformSettings, __: MasterKeys) -> VoiceLists:
    return VoiceLists()


def _overrides(_: PlatformSettings, __: MasterKeys) -> ModelOverrides:
    return read_overrides(AiSettings().models_file)


MODULE = Module(
    name="ai",
    folder=Path(__file__).parent,
    doors=(
        generations.door,
        tasks.door,
        edits.door,
        models.door,
        connections.door,
        gateway.door,
        prompts.door,
        voices.door,
        knowledge.door,
        assets.door,
        pipelines.door,
        pipeline_secrets.door,
        reviews.door,
        reviews.page_door,
    ),
    graphql_queries=(AiQuery, PromptsQuery, BrandVoicesQuery, KnowledgeQueries, AssetsQuery, PipelinesQuery),
    jobs=(WRITE_GENERATION, MAKE_GENERATION, LOOK_AT_GENERATION, INDEX_DOCUMENT, DELETE_ASSET_FILES, ADVANCE_PIPELINE_RUN),
    subscribers=SUBSCRIBERS,
    schedules=(ATTEND_GENERATIONS, WATCH_MODELS, REPORT_STORAGE, ATTEND_INDEXINGS, ATTEND_PIPELINE_RUNS),
    events=(
        GenerationProgressed,
        GenerationSucceeded,
        GenerationFailed,
        GenerationCanceled,
        GenerationEdited,
        GenerationUnknown,
        GatewayCallEnded,
        DocumentIndexed,
        DocumentIndexingFailed,
        PipelineStarted,
        PipelineStepSucceeded,
        PipelineStepFailed,
        PipelineAwaitingApproval,
        PipelineSucceeded,
        PipelineFailed,
        PipelineCanceled,
    ),
    settings=(AiSettings, AssetSettings),
    permissions=(
        "generations:read",
        "generations:write",
        "connections:read",
        "connections:write",
        "prompts:read",
        "prompts:write",
        "brand_voices:read",
        "brand_voices:write",
        "assets:read",
        "assets:write",
        "knowledge:read",
        "knowledge:write",
        "pipelines:read",
        "pipelines:write",
        "pipelines:run",
        "pipeline_secrets:write",
    ),
    personal_data={
        "generation.prompt": "what a member asked for, which may name people",
        "generation.request": "what a member asked for, whole",
        "generation.output": "what was written from it",
        "generation.instructions": "the rules of the brand it was written by",
        "generation.sources": "passages of the knowledge base that were given along",
        "generation.requested_by": "which member or key asked",
        "generation.edited_by": "which member answers for the text",
        "generation.disposed_by": "which member or key said what became of it",
        "generation_edit.output": "what a member made of a text",
        "generation_edit.diff": "what a member changed in it",
        "generation_edit.edited_by": "which member answers for it",
        "prompt_template_version.texts": "what members wrote, which may name people",
        "prompt_template_version.created_by": "which member or key wrote it",
        "brand_voice_version.content": "what members wrote, which may name people",
        "brand_voice_version.created_by": "which member or key wrote it",
        "vendor_key.address": "the server that a workspace names as its vendor's",
        "vendor_key.created_by": "which member or key put them in",
        "asset.name": "what members call a file, which may name people",
        "asset.alt_text": "what members say a file shows, which may name people",
        "asset.created_by": "which member or key added it",
        "pipeline_version.definition": "what members wrote, which may name people",
        "pipeline_version.created_by": "which member or key wrote it",
        "pipeline_secret.created_by": "which member or key put it in first",
        "pipeline_secret.updated_by": "which member or key put it in last",
        "pipeline_run.inputs": "what members gave a run, which may name people",
        "pipeline_run.feedback": "what a reviewer asked to be changed",
        "pipeline_run.started_by_id": "which member or key started it",
        "pipeline_step_run.item_value": "what a step was done for, which may name people",
        "pipeline_step_run.output": "what was made, which may name people",
        "pipeline_review.content": "what was shown to a reviewer, which may name people",
        "pipeline_review.reviewer_name": "who decided, as they called themselves",
        "pipeline_review.reviewer_label": "which member or key decided",
        "pipeline_review_comment.author_name": "who said something, as they called themselves",
        "pipeline_review_comment.author_label": "which member or key said it",
        "pipeline_review_comment.text": "what they said",
        "knowledge_document.title": "what members wrote, which may name people",
        "knowledge_document.source_url": "where a document comes from, which may name people",
        "knowledge_passage.heading": "what members gave, which may name people",
        "knowledge_passage.text": "what members gave, which may name people",
        "knowledge_indexing.requested_by": "which member or key asked",
    },
    keepers={
        Breakers: _breakers,
        OwnClients: _own_clients,
        VoiceLists: _voice_lists,
        ModelOverrides: _overrides,
        GatewayPlaces: _places,
        ManifestSigner: _signer,
    },
)
