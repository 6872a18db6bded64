"""Owns: generations, the model catalog, what each generation cost.
Does not: know a vendor, keep credits, publish anything.
Invariant: no paid call without a hold, none repeated while its outcome is unknown.
"""

from pathlib import Path

from nexusone.modules.ai import routes
from nexusone.modules.ai.events import GenerationFailed, GenerationSucceeded, GenerationUnknown
from nexusone.modules.ai.graphql import AiQuery
from nexusone.modules.ai.jobs import ATTEND_GENERATIONS, WRITE_GENERATION
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.ai.subscribers import SUBSCRIBERS
from nexusone.web.module import Module

MODULE = Module(
    name="ai",
    folder=Path(__file__).parent,
    doors=(routes.door,),
    graphql_queries=(AiQuery,),
    jobs=(WRITE_GENERATION,),
    subscribers=SUBSCRIBERS,
    schedules=(ATTEND_GENERATIONS,),
    events=(GenerationSucceeded, GenerationFailed, GenerationUnknown),
    settings=(AiSettings,),
    permissions=("generations:read", "generations:write"),
    personal_data={
        "generation.prompt": "what a member asked for, which may name people",
        "generation.output": "what was written from it",
        "generation.requested_by": "which member or key asked",
    },
)
