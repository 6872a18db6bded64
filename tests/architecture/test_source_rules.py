"""The source keeps the rules that imports cannot show, and each rule catches what it is there for."""

import pytest
from tests.architecture import source_rules as rules
from tests.architecture.source import SOURCE, SourceFile, all_files, python_files

LONG_BODY = "\n".join(f"    a{n} = {n}" for n in range(61))
SERVICE = "modules/billing/service/planted.py"
STORE = "modules/billing/store/planted.py"

PLANTS: tuple[tuple[rules.Rule, str, str], ...] = (
    (rules.imports_inside_functions, SERVICE, "def f():\n    import os"),
    (rules.imports_inside_functions, SERVICE, "class A:\n    async def f(self):\n        if True:\n            from os import path"),
    (rules.broad_excepts, SERVICE, "try:\n    f()\nexcept Exception:\n    pass"),
    (rules.broad_excepts, SERVICE, "try:\n    f()\nexcept (ValueError, BaseException) as e:\n    raise ValueError from e"),
    (rules.broad_excepts, SERVICE, "try:\n    f()\nexcept:\n    pass"),
    (rules.long_files, SERVICE, "a = 1\n" * 501),
    (rules.long_functions, SERVICE, f"def f():\n{LONG_BODY}"),
    (rules.empty_names, "modules/billing/utils.py", ""),
    (rules.empty_names, "platform/helpers/words.py", ""),
    (rules.empty_names, "modules/billing/domain/data.py", ""),
    (rules.empty_names, SERVICE, "class LedgerManager: ..."),
    (rules.empty_names, SERVICE, "def do_settle(): ..."),
    (rules.empty_names, SERVICE, "def settle_impl(): ..."),
    (rules.misplaced_sql, SERVICE, "a = 'select id from billing.hold'"),
    (rules.misplaced_sql, SERVICE, "a = '''\n  update billing.hold set state = 1'''"),
    (rules.misplaced_sql, "web/planted.py", "a = f'delete from {table}'"),
    (rules.misplaced_sql, "apps/planted.py", "a = 'alter role x login'"),
    (rules.misplaced_sql, "modules/billing/routes.py", "a = fragment('x')"),
    (rules.computed_sql, STORE, "a = sql(f'select {x}')"),
    (rules.computed_sql, STORE, "a = fragment('select ' + x)"),
    (rules.computed_sql, STORE, "a = join(x, [])"),
    (rules.vendor_names, SERVICE, "# like Stripe does"),
    (rules.vendor_names, "modules/billing/locale/en.json", '"detail": "OpenAI said no."'),
    (rules.vendor_names, "kernel/planted.py", "openai_id = 1"),
    (rules.vendor_names, "modules/ai/migrations/v0001_opening.sql", "d_id text, replicate_id text -- see replicate.com"),
    (rules.model_names, "modules/ai/service/planted.py", "model = 'gpt-5'"),
    (rules.session_settings, STORE, "a = sql(\"select set_config('nexusone.workspace', %(w)s, true)\")"),
    (rules.session_settings, STORE, "a = sql(\"set nexusone.workspace = 'x'\")"),
    (rules.session_settings, "platform/database.py", "a = 'SET SESSION nexusone.workspace = 1'"),
    (rules.session_settings, "platform/database.py", "a = 'set role m_billing'"),
    (rules.unfinished_work, SERVICE, "# TODO: later"),
    (rules.unfinished_work, "modules/billing/views.sql", "-- FIXME"),
    (rules.undescribed_modules, "modules/billing/module.py", '"""Billing."""'),
    (rules.undocumented_files, SERVICE, "a = 1"),
    (rules.undocumented_files, SERVICE, '"""' + "words\n" * 7 + '"""'),
    (rules.undocumented_face, "modules/billing/api.py", "async def hold(ctx): ..."),
    (rules.undocumented_face, "modules/billing/contracts/holds.py", "class Hold: ..."),
    (rules.untyped_face, "modules/billing/ports.py", "def f(a: dict[str, Any]) -> None: ..."),
    (rules.untyped_face, "modules/billing/events.py", "import typing\na: typing.Any"),
)

INNOCENT: tuple[tuple[rules.Rule, str, str], ...] = (
    (rules.broad_excepts, SERVICE, "try:\n    f()\nexcept BaseException:\n    undo()\n    raise"),
    (rules.broad_excepts, "platform/jobs.py", "try:\n    f()\nexcept Exception:\n    pass"),
    (rules.misplaced_sql, SERVICE, '"""Select the best from all."""\ndef f():\n    """Update it set by set."""'),
    (rules.misplaced_sql, SERVICE, "a = 'Updates the set'\nb = 'with care'"),
    (rules.computed_sql, STORE, "a = fragment('x = {y}').fill(y=fragment('1'))\nb = ', '.join(c)"),
    (rules.vendor_names, SERVICE, "# striped, resend and replicate are words"),
    (rules.session_settings, "platform/database.py", "a = \"set local role m_x; set local nexusone.workspace = ''\""),
    (rules.untyped_face, SERVICE, "from typing import Any\na: Any"),
)


def _name(value: object) -> str | None:
    return str(getattr(value, "__name__", "")) or None


@pytest.mark.parametrize("rule", rules.PYTHON_RULES, ids=_name)
def test_no_python_file_breaks_a_rule(rule: rules.Rule) -> None:
    assert [f"{file.path}:{fault}" for file in python_files() for fault in rule(file)] == []


@pytest.mark.parametrize("rule", rules.TEXT_RULES, ids=_name)
def test_no_text_file_breaks_a_rule(rule: rules.Rule) -> None:
    assert [f"{file.path}:{fault}" for file in all_files() for fault in rule(file)] == []


def test_sql_files_are_migrations_and_published_views() -> None:
    homeless = [
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.sql")
        if path.parent.name != "migrations" and not (path.name == "views.sql" and path.parent.parent.name in ("modules", "nexusone"))
    ]
    assert homeless == []


@pytest.mark.parametrize(("rule", "path", "text"), PLANTS, ids=_name)
def test_a_planted_violation_is_caught(rule: rules.Rule, path: str, text: str) -> None:
    assert list(rule(SourceFile(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), INNOCENT, ids=_name)
def test_what_only_looks_like_a_violation_is_left_alone(rule: rules.Rule, path: str, text: str) -> None:
    assert list(rule(SourceFile(path, text))) == []


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in PLANTS} == {*rules.PYTHON_RULES, *rules.TEXT_RULES}
