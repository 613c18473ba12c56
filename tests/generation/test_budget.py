"""Caps hold whatever the order of calls, and a tally survives its row."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shared.engines.llm import Usage
from shared.generation.budget import Budget, Prices, Tally

CALLS = st.lists(st.tuples(st.integers(1, 20_000), st.integers(1, 5000), st.floats(0.1, 0.4)), max_size=40)


@given(CALLS, st.integers(1, 60_000), st.integers(1, 5))
def test_tokens_never_pass_the_cap(calls: list[tuple[int, int, float]], cap: int, at_once: int) -> None:
    """Where prompts have at most half a token a byte, and completions keep to their limit."""
    budget, spent = Budget(Prices(), Usage(), max_tokens=cap), Usage()
    under_way: list[tuple[tuple[int, int], int, Usage]] = []
    for prompt_bytes, limit, ratio in calls:
        claim = budget.reserve(prompt_bytes, limit)
        if claim is not None:
            under_way.append((claim, prompt_bytes, Usage(int(prompt_bytes * min(ratio, 0.1)), limit, 1)))
        while under_way and (claim is None or len(under_way) >= at_once):
            done = under_way.pop(0)
            budget.settle(*done)
            spent += done[2]
    for done in under_way:
        spent += done[2]
    assert spent.prompt_tokens + spent.completion_tokens <= cap


def test_the_cost_cap_counts_prices_and_what_was_spent_before() -> None:
    prices = Prices(1.0, 2.0)
    assert prices.cost(1_000_000, 500_000) == 2.0
    budget = Budget(prices, Usage(900_000, 0, 1), max_cost=1.0)
    assert budget.reserve(0, 60_000) is None
    assert budget.reserve(0, 40_000) is not None
    assert budget.reserve(0, 40_000) is None  # the first is still under way


def test_an_endpoint_that_ignores_the_limit_is_expected_to_do_so_again() -> None:
    budget = Budget(Prices(), Usage(), max_tokens=1000)
    claim = budget.reserve(100, 50)
    assert claim is not None
    budget.settle(claim, 100, Usage(30, 600, 1))
    assert budget.reserve(100, 50) is None


def test_a_call_that_was_not_answered_gives_its_tokens_back() -> None:
    budget = Budget(Prices(), Usage(), max_tokens=1000)
    for _ in range(10):
        claim = budget.reserve(100, 800)
        assert claim is not None
        budget.settle(claim, 100, Usage())


def test_a_tally_survives_json() -> None:
    tally = Tally(5, 4, 3, Counter(blank=1), Counter(malformed=2), 1, Usage(1, 2, 3), [1, None, 2], [0, 4])
    assert Tally.of_json(json.loads(json.dumps(tally.as_json()))) == tally
    assert Tally.of_json(None) == Tally()
