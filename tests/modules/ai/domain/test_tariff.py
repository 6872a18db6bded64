"""Prices: exact, rounded up, and never beyond what was held."""

from hypothesis import given
from hypothesis import strategies as st

from nexusone.modules.ai.domain.instructions import repair_prompt
from nexusone.modules.ai.domain.tariff import REPAIR_BYTES_MAX, Tariff, Usage, usage_bound
from nexusone.modules.ai.ports.models import token_prices

tokens = st.integers(0, 2_000_000)
tariffs = st.builds(
    Tariff,
    prices=st.builds(token_prices, input_micros=st.integers(1, 10**9), output_micros=st.integers(1, 10**9)),
    credits_per_dollar=st.integers(1, 10_000),
    margin_percent=st.integers(0, 1_000),
)
usages = st.builds(Usage, input_tokens=tokens, output_tokens=tokens)


def test_a_dollar_of_tokens_costs_a_hundred_credits_and_the_margin() -> None:
    tariff = Tariff(token_prices(input_micros=1_000_000, output_micros=4_000_000), credits_per_dollar=100, margin_percent=20)
    assert tariff.micros(Usage(input_tokens=1_000_000)) == 120_000_000
    assert tariff.micros(Usage(output_tokens=250_000)) == 120_000_000


def test_a_fraction_of_a_micro_credit_is_rounded_up() -> None:
    tariff = Tariff(token_prices(input_micros=1, output_micros=1), credits_per_dollar=1, margin_percent=0)
    assert tariff.micros(Usage(input_tokens=1)) == 1
    assert tariff.micros(Usage()) == 0


@given(tariffs, usages, usages)
def test_more_tokens_never_cost_less_and_together_never_more_than_apart(tariff: Tariff, one: Usage, two: Usage) -> None:
    assert tariff.micros(one) <= tariff.micros(one + two) <= tariff.micros(one) + tariff.micros(two)


@given(st.text(max_size=300), st.integers(16, 10_000), st.integers(0, 2))
def test_the_bound_covers_every_attempt_at_one_token_a_byte(prompt: str, output_tokens_max: int, repairs: int) -> None:
    prompt = prompt.encode("utf-8", "ignore").decode()
    schema = {"type": "object", "properties": {"subject": {"type": "string", "description": "für"}}}
    bound = usage_bound(instructions="rules", prompt=prompt, output_schema=schema, output_tokens_max=output_tokens_max, repairs_max=repairs)
    repaired = repair_prompt(prompt=prompt, answer="ü" * 50_000, faults=["ß" * 5_000] * 50)
    assert len(repaired.encode()) <= len(prompt.encode()) + REPAIR_BYTES_MAX
    asked = len(b"rules") + len(prompt.encode()) + repairs * (len(b"rules") + len(repaired.encode()))
    assert bound.input_tokens >= asked
    assert bound.output_tokens == output_tokens_max * (1 + repairs)
