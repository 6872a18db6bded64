"""Owns: how the audit trail is read, exported and kept.
Does not: write entries (the machinery does, in each change's own transaction), judge what others did.
Invariant: whoever reads or exports the trail stands in it.
"""

from pathlib import Path

from nexusone.modules.compliance import routes
from nexusone.modules.compliance.graphql import ComplianceQuery
from nexusone.modules.compliance.jobs import SCHEDULES
from nexusone.modules.compliance.settings import ComplianceSettings
from nexusone.web.module import Module

MODULE = Module(
    name="compliance",
    folder=Path(__file__).parent,
    doors=(routes.door,),
    graphql_queries=(ComplianceQuery,),
    schedules=SCHEDULES,
    settings=(ComplianceSettings,),
    permissions=("audit:read", "audit:export"),
)
