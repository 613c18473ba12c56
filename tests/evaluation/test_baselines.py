"""The baselines rank as one would by hand, and what they cannot score is not found."""

import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.evaluation.baselines import METHODS, BaselineRow, columns, rankings, ranks, scores

A, B, C = (uuid.UUID(int=number) for number in (1, 2, 3))
CATEGORIES = {A: "Hotels and lodging", B: "Software licences", C: "Meals"}
ROOT = Path(__file__).parents[2]


def row(text: str, category: uuid.UUID, weight: int = 1) -> BaselineRow:
    return BaselineRow(text, text.split(",")[0].casefold(), category, weight)


def test_most_frequent_counts_weights() -> None:
    train = [row("Hilton", A), row("Figma", B, 3)]
    queries = [row("Hilton", A), row("Slack", B), row("KFC", C)]
    assert rankings("most_frequent", train, queries, CATEGORIES) == [2, 1, None]


def test_a_merchants_majority_comes_before_what_is_most_frequent() -> None:
    train = [row("Hilton", A, 2), row("Hilton", B), row("Figma", B, 9), row("KFC", C)]
    queries = [row("Hilton", A), row("Hilton", B), row("Hilton", C), row("Unknown", B), row("Unknown", A)]
    assert rankings("merchant_majority", train, queries, CATEGORIES) == [1, 2, 3, 1, 2]


def test_bm25_finds_the_category_whose_words_are_there_and_no_other() -> None:
    queries = [row("Hilton, hotels", A), row("Figma, software", B), row("KFC", C), row("hotels", B)]
    assert rankings("bm25_categories", [], queries, CATEGORIES) == [1, 1, None, None]


def test_labelled_rows_vote_whichever_was_labelled_first() -> None:
    # Twenty of the very same text, five of them in A: more than can vote, and all as near.
    train = [row("Delta air", A, 5), row("Delta air", B, 15), row("KFC", C)]
    queries = [row("Delta air", B), row("Delta air", A), row("Delta air", C)]
    assert rankings("bm25_history", train, queries, CATEGORIES) == [1, 2, None]
    assert rankings("bm25_history", train[::-1], queries, CATEGORIES) == [1, 2, None]


def test_logistic_regression_learns_words_and_characters() -> None:
    train = [row("Hilton hotel", A), row("Marriott hotel", A), row("GitHub licence", B), row("Figma app", B)]
    queries = [row("Hyatt hotel", A), row("Githubs", B), row("KFC", C)]
    assert rankings("tfidf_lr", train, queries, CATEGORIES) == [1, 1, None]


@pytest.mark.parametrize("method", METHODS)
def test_nothing_labelled_and_one_category_are_no_error(method: str) -> None:
    queries = [row("Hilton hotels", A), row("", B)]
    empty = rankings(method, [], queries, CATEGORIES)
    assert empty[0] == (1 if method == "bm25_categories" else None)
    assert empty[1] is None
    assert rankings(method, [row("Hilton", A)], [], CATEGORIES) == []
    assert rankings(method, [row("Hilton hotels", A)], queries[:1], CATEGORIES) == [1]
    assert rankings(method, [row("of the", A)], [row("of the", B)], CATEGORIES) == [None]


_labelled = st.lists(
    st.builds(
        row,
        st.sampled_from(["Hilton", "Figma app", "KFC meal", "Delta"]),
        st.sampled_from([A, B, C]),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=25)
@given(_labelled, st.randoms(use_true_random=False), st.sampled_from(sorted(set(METHODS) - {"tfidf_lr"})))
def test_neither_the_order_nor_the_grouping_of_rows_matters(
    train: list[BaselineRow], random: np.random.Generator, method: str
) -> None:
    queries = [row("Hilton", A), row("KFC", C), row("Figma app, Delta", B)]
    single = [
        BaselineRow(row.text, row.merchant, row.category_id) for row in train for _ in range(row.weight)
    ]
    random.shuffle(single)
    expected = scores(method, train, queries, CATEGORIES)
    np.testing.assert_allclose(scores(method, single, queries, CATEGORIES), expected, atol=1e-9)
    sums = expected.sum(axis=1)
    assert np.all(np.isclose(sums, 1) | (sums == 0))


def test_equal_scores_are_in_the_order_of_the_ids_and_nothing_is_not_found() -> None:
    scored = np.array([[0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0.0, 1.0, 0.0]])
    assert ranks(scored, [0, 1, 2]) == [1, 2, None]
    assert columns({C: "", A: "", B: ""}) == [A, B, C]


@pytest.mark.shared_data
def test_on_the_tech_expenses_words_beat_counting() -> None:
    data = ROOT.parent / "shared" / "data" / "tech_expenses"
    if not data.is_dir():
        pytest.skip("no ../shared/data")
    from devtools.expenses import load
    from shared.evaluation.metrics import values_at

    loaded = load(data)
    rows = [BaselineRow(text, text, category) for text, category in loaded.rows]
    train, test = rows[52:], rows[:52]
    recall = {
        method: values_at("recall", rankings(method, train, test, loaded.categories), 5).mean()
        for method in METHODS
    }
    assert recall["most_frequent"] < 0.4
    assert min(recall["bm25_categories"], recall["bm25_history"], recall["tfidf_lr"]) > 0.6
