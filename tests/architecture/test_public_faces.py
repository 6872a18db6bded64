"""What modules show to one another and to the outside: frozen data, named facts, locked doors."""

import re
from collections import Counter
from types import FunctionType

import pytest
from tests.architecture.importing import product_subclasses
from tests.architecture.operations import operations

from nexusone.apps.catalog import MODULES
from nexusone.kernel.contract import Contract
from nexusone.platform.events import Event
from nexusone.web.gate import AUTHENTICATED, PUBLIC
from nexusone.web.module import Module
from nexusone.web.rights import OPERATOR, PERSONAL

EVENT_NAME = re.compile(r"^(?P<module>[a-z]+)\.[a-z_]+\.[a-z_]+\.v[1-9]\d*$")
PERMISSION = re.compile(r"^[a-z_]+:[a-z_]+$")
OPERATION = re.compile(r"^[a-z_]+\.[a-z_]+$")

# The web kit has no card; it shows the event log of all modules.
KIT_PERMISSIONS = frozenset({"events:read"})
# They open no door of their own, but restricted objects.
MANAGING = frozenset({"campaigns:manage", "segments:manage"})
# POSTs that need no idempotency key, because repeating them changes nothing or nothing more.
KEYLESS_POSTS = {
    "ai.hear": "public; it only lets a generation be looked at sooner",
    "audience.preview_segment": "counts",
    "billing.issue_credit_note": "operators have no workspace for keys; the body's own key makes one note of an invoice",
    "graphql.graphql": "reads; there are no mutations",
    "identity.change_password": "a digest of the body, kept with the key, would let passwords be guessed at",
    "identity.forgot_password": "public; the last mail counts",
    "identity.refresh": "public; a refresh token works once",
    "identity.reset_password": "public; a token works once",
    "identity.sign_in": "public; every session is its own",
    "identity.sign_up": "public; an address signs up once",
    "identity.verify": "public; a token works once",
    "marketing.preflight": "counts",
    "members.accept_invitation": "public; an invitation is accepted once",
    "members.leave": "one is a member or not",
    "mfa.confirm_totp": "its answer holds tokens and codes that are nowhere kept; an enrolment is confirmed once",
    "mfa.enrol_totp": "its answer holds a seed that is nowhere kept open; the last enrolment counts",
    "mfa.replace_recovery_codes": "its answer holds codes that are nowhere kept; the last set counts",
    "mfa.step_up": "a digest of the body, kept with the key, would let passwords be guessed at",
    "mfa.verify": "public; an attempt leads to one session",
    "marketing.render_template": "renders",
    "passkeys.add_passkey": "its answer holds tokens that are nowhere kept; a ceremony is answered once",
    "passkeys.ask_for_new": "its answer holds the ceremony's secret; every ceremony is its own",
    "passkeys.ask_for_sign_in": "public; every ceremony is its own",
    "passkeys.sign_in": "public; a ceremony is answered once",
    "operators.begin_visit": "of no workspace; every visit is its own, and seen by the workspace",
    "operators.elevate_visit": "a visit is elevated or not",
    "operators.end_visit": "a visit is over or not",
    "operators.renew_visit": "hands out another token and changes nothing",
    "credits_desk.approve_adjustment": "an adjustment is decided or not",
    "credits_desk.decline_adjustment": "an adjustment is decided or not",
    "credits_desk.make_adjustment": "the body carries its own key, once per workspace",
    "pipelines.estimate": "calculates",
    "prompts.render_prompt": "renders",
    "reviews.answer_page": "public; a review is decided once",
    "reviews.comment_by_link": "public; nobody is known by whom a key could be kept",
    "reviews.decide_by_link": "public; a review is decided once",
    "operators.sign_in": "public; every token is its own",
    "payments.hear": "public; an event is written down once, by the vendor's id",
    "plan_desk.add_prices": "what has a price keeps it, so the second refuses",
    "plan_desk.add_version": "of no workspace; a version twice is on offer no more than once",
    "plan_desk.end_coupon": "a coupon is ended or not",
    "plan_desk.publish_version": "a version is published or not",
    "plan_desk.retire_plan": "a plan is retired or not",
    "plan_desk.retire_version": "a version is retired or not",
    "plans.check_coupon": "calculates",
    "operators.verify": "a code of an operator's app works once; asking again is asking for a sign-in",
    "sso.finish": "public; a sign-in through a provider leads to one session",
    "sso.start": "public; every sign-in is its own",
    "sso.step_up": "every way to the provider is its own",
    "tracking.unsubscribe": "public; one is unsubscribed or not",
    "workspaces.switch_workspace": "every session is its own",
}
# Operations that move messages or money refuse to start without a key.
KEYED_POSTS = frozenset(
    {
        "marketing.send",
        "payments.purchase",
        "payments.refund",
        "pipelines.retry_run",
        "pipelines.start_run",
        "subscriptions.cancel_subscription",
        "subscriptions.change_subscription",
        "subscriptions.pause_subscription",
        "subscriptions.resume_subscription",
        "subscriptions.start_subscription",
    }
)

CONTRACTS = sorted(set(product_subclasses(Contract)), key=lambda kind: f"{kind.__module__}.{kind.__name__}")
EVENTS = sorted(set(product_subclasses(Event)), key=lambda kind: kind.name)


@pytest.mark.parametrize("kind", CONTRACTS, ids=lambda kind: kind.__name__)
def test_a_contract_is_frozen_strict_and_refuses_what_it_does_not_know(kind: type[Contract]) -> None:
    assert kind.model_config.get("frozen") is True
    assert kind.model_config.get("strict") is True
    assert kind.model_config.get("extra") == "forbid"


@pytest.mark.parametrize("kind", CONTRACTS, ids=lambda kind: kind.__name__)
def test_a_contract_is_data_without_behaviour(kind: type[Contract]) -> None:
    own = {name: value for name, value in vars(kind).items() if not name.startswith("_")}
    assert [name for name, value in own.items() if isinstance(value, FunctionType | property)] == []


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.name)
def test_an_event_is_a_named_and_versioned_fact_of_its_module(kind: type[Event]) -> None:
    match = EVENT_NAME.match(kind.name)
    assert match is not None
    assert f"{kind.__module__}.".startswith(f"nexusone.modules.{match['module']}.events.")
    assert kind.__doc__


def test_events_have_names_of_their_own() -> None:
    assert [name for name, count in Counter(kind.name for kind in EVENTS).items() if count > 1] == []


def test_every_event_is_on_its_modules_card() -> None:
    assert {event for module in MODULES for event in module.events} == set(EVENTS)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_card_names_its_own_permissions_jobs_and_settings(module: Module) -> None:
    assert [name for name in module.permissions if not PERMISSION.match(name)] == []
    assert [name for name in _work(module) if not name.startswith(f"{module.name}.")] == []
    assert {kind.model_config.get("env_prefix") for kind in module.settings} <= {f"NEXUSONE_{module.name.upper()}_"}


def test_jobs_have_names_of_their_own() -> None:
    names = [name for module in MODULES for name in _work(module)]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_a_permission_belongs_to_one_card() -> None:
    names = [name for module in MODULES for name in module.permissions]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_every_operation_names_a_permission_that_a_card_declares() -> None:
    known = {PUBLIC, AUTHENTICATED, PERSONAL, OPERATOR, *KIT_PERMISSIONS, *(name for module in MODULES for name in module.permissions)}
    assert [(declared.operation, declared.permission) for _, declared in operations() if declared.permission not in known] == []


def test_every_permission_on_a_card_is_asked_for_somewhere() -> None:
    asked = {declared.permission for _, declared in operations()} | MANAGING
    assert {name for module in MODULES for name in module.permissions} - asked == set()


def test_every_field_of_the_graph_names_a_permission_that_a_card_declares() -> None:
    known = {name for module in MODULES for name in module.permissions}
    for module in MODULES:
        for query in module.graphql_queries:
            for field in query.__strawberry_definition__.fields:
                asked = {getattr(kind, "permission", None) for kind in field.permission_classes}
                assert asked and asked <= known, f"{query.__name__}.{field.name}"


def test_operations_have_ids_of_their_own() -> None:
    ids = [route.operation_id or "" for route, _ in operations() if route.include_in_schema]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    assert [name for name in ids if not OPERATION.match(name)] == []


def test_every_operation_has_a_summary() -> None:
    assert [declared.operation for route, declared in operations() if not route.summary] == []


def test_every_post_that_writes_takes_an_idempotency_key() -> None:
    keyless = {declared.operation for route, declared in operations() if "POST" in (route.methods or ()) and declared.key_use == "none"}
    assert keyless == set(KEYLESS_POSTS)


def test_a_post_that_moves_messages_or_money_needs_its_key() -> None:
    assert {declared.operation for _, declared in operations() if declared.key_use == "required"} == KEYED_POSTS


def _work(module: Module) -> list[str]:
    return [*(job.name for job in module.jobs), *(kept.name for kept in module.schedules), *(told.name for told in module.subscribers)]
