"""TEN-11: whatever is counted, remembered or locked by a key says the workspace, and a new key that does not is found."""

import pytest
from tests.architecture import key_builders as keys
from tests.architecture.source import SourceFile, python_files
from tests.architecture.source_rules import Rule

SERVICE = "modules/billing/service/planted.py"

PLANTS: tuple[tuple[Rule, str], ...] = (
    (keys.impure_memos, "@lru_cache(maxsize=8)\ndef plan_of(ctx: Context, plan_id: UUID): ..."),
    (keys.impure_memos, "@cache\nasync def plan_of(plan_id: UUID): ..."),
    (keys.impure_memos, "class A:\n    @lru_cache\n    def plan_of(self, plan_id: UUID): ..."),
    (keys.unscoped_limits, "Limit(policy='plans', rate=r, subject=str(plan_id))"),
    (keys.unscoped_limits, "Limit('plans', r, str(plan_id))"),
    (keys.unscoped_memories, "class A:\n    def __init__(self):\n        self._plans: dict[UUID, Plan] = {}"),
    (keys.unscoped_memories, "class A:\n    def __init__(self):\n        self._plans: OrderedDict[str, Plan] = OrderedDict()"),
    (keys.unscoped_memories, "@dataclass\nclass A:\n    plans: dict[str, Plan] = field(default_factory=dict)"),
    (keys.unscoped_memories, "_plans: dict[str, Plan] = {}"),
    (keys.unscoped_memories, "_plans = OrderedDict()"),
    (keys.advisory_locks, "a = 'select pg_advisory_xact_lock(1)'"),
    (keys.open_labels, "Counter('plans', 'Plans', ('workspace',))"),
    (keys.open_labels, "Gauge('plans', 'Plans', labelnames=('plan', 'method'))"),
)


@pytest.mark.parametrize("rule", keys.RULES, ids=lambda rule: rule.__name__)
def test_ten_11_no_key_leaves_the_workspace_out(rule: Rule) -> None:
    assert [f"{file.path}:{fault}" for file in python_files() for fault in rule(file)] == []


@pytest.mark.parametrize(("rule", "text"), PLANTS)
def test_ten_11_a_planted_key_without_workspace_is_found(rule: Rule, text: str) -> None:
    assert list(rule(SourceFile(SERVICE, text)))


def test_ten_11_a_key_that_lost_its_workspace_is_found() -> None:
    text = "class Vault:\n    def __init__(self):\n        self._cache: OrderedDict[tuple[str, UUID], Key] = OrderedDict()"
    assert list(keys.unscoped_memories(SourceFile("platform/vault/vault.py", text)))


def test_what_is_listed_is_there() -> None:
    found = {f"{file.path}:{place}" for file in python_files() for place, _ in keys._memories(file)}
    assert found == keys.WORKSPACE_FIRST | keys.MEMORIES.keys()
