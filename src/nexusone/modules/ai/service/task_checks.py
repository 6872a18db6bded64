"""Holding a task's answer against what was asked."""

import json

from nexusone.modules.ai.domain.tasks.checking import answer_faults
from nexusone.modules.ai.domain.tasks.registry import stored_task
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.modules.audience import api as audience


def task_faults(row: GenerationRow, json_text: str) -> tuple[str, ...]:
    """What is wrong with an answer of the right shape to a generation that is a task; empty for every other."""
    asked = row.request or {}
    if asked.get("task") is None:
        return ()
    task = stored_task(asked["task"], asked["given"])
    output = json.loads(json_text)
    faults = answer_faults(task, output, locale=row.locale or "en", forbidden=asked["forbidden_claims"])
    return (*faults, *audience.definition_faults(output["definition"])) if task.defines_segment else faults
