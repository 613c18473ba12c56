"""The vote of category texts and labelled neighbours."""

import math
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.categorization.voting import RankedCategory, VotingWeights, rank_categories, weights_for
from shared.engines.vectors import Hit

IDS = [uuid.UUID(int=number) for number in range(40)]
_score = st.floats(-1, 1).map(lambda score: round(score, 3))
_category = st.sampled_from(IDS[:6])
_texts = st.lists(st.builds(lambda c, s: Hit(c, c, s), _category, _score), max_size=8)
_history = st.lists(st.builds(Hit, st.sampled_from(IDS[10:]), _category, _score), max_size=20)


def text(category: int, score: float) -> Hit:
    return Hit(IDS[category], IDS[category], score)


def row(number: int, category: int, score: float) -> Hit:
    return Hit(IDS[number], IDS[category], score)


def order(ranked: list[RankedCategory]) -> list[int]:
    return [IDS.index(category.category_id) for category in ranked]


def test_without_history_the_texts_decide() -> None:
    assert order(rank_categories([text(1, 0.2), text(2, 0.6), text(0, 0.4)], [])) == [2, 0, 1]


def test_without_texts_the_neighbours_decide() -> None:
    ranked = rank_categories([], [row(10, 1, 0.8), row(11, 2, 0.9)])
    assert order(ranked) == [2, 1]


def test_one_correction_of_the_same_text_wins() -> None:
    ranked = rank_categories([text(1, 0.7), text(2, 0.3)], [row(10, 2, 1.0)])
    assert order(ranked)[0] == 2
    assert ranked[0].evidence == (row(10, 2, 1.0),)
    assert ranked[1].evidence == ()


def test_a_far_neighbour_does_not_outvote_the_texts() -> None:
    assert order(rank_categories([text(1, 0.5), text(2, 0.2)], [row(10, 2, 0.3)]))[0] == 1


def test_the_formula_by_hand() -> None:
    weights = VotingWeights(neighbour_temperature=0.1, category_temperature=0.5, prior_votes=2)
    ranked = rank_categories([text(1, 0.5), text(2, 0.0)], [row(10, 2, 0.9)], weights)
    p = math.e / (1 + math.e)
    vote = math.exp(-1)
    assert {category.category_id: category.score for category in ranked} == {
        IDS[1]: pytest.approx(2 * p / (2 + vote)),
        IDS[2]: pytest.approx((2 * (1 - p) + vote) / (2 + vote)),
    }


def test_ties_go_by_category_id() -> None:
    assert order(rank_categories([text(3, 0.5), text(1, 0.5), text(2, 0.5)], [])) == [1, 2, 3]


def test_only_the_nearest_vote() -> None:
    near = [row(10 + n, 1, 0.9 + n / 100) for n in range(3)]
    far = [row(20 + n, 2, 0.8) for n in range(9)]
    ranked = rank_categories([text(1, 0), text(2, 0)], near + far, VotingWeights(neighbours=3))
    assert [len(category.evidence) for category in ranked] == [3, 0]


def test_nothing_gives_nothing() -> None:
    assert rank_categories([], []) == []


@given(_texts, _history, st.randoms(use_true_random=False))
def test_the_order_of_the_hits_does_not_matter(
    texts: list[Hit], history: list[Hit], rng: random.Random
) -> None:
    expected = rank_categories(texts, history)
    rng.shuffle(texts)
    rng.shuffle(history)
    assert rank_categories(texts, history) == expected


@given(_texts, _history)
def test_scores_are_bounded_and_ordered(texts: list[Hit], history: list[Hit]) -> None:
    ranked = rank_categories(texts, history)
    assert {category.category_id for category in ranked} >= {hit.category_id for hit in texts}
    assert all(0 <= category.score <= 1 for category in ranked)
    assert sum(category.score for category in ranked) <= 1 + 1e-9
    keys = [(-category.score, category.category_id) for category in ranked]
    assert keys == sorted(keys)
    voting = [hit.row_id for category in ranked for hit in category.evidence]
    assert len(voting) == len(set(voting))


@given(_texts, _history, _category, _score)
def test_a_further_neighbour_never_lowers_its_category(
    texts: list[Hit], history: list[Hit], category: uuid.UUID, score: float
) -> None:
    before = {category.category_id: category.score for category in rank_categories(texts, history)}
    more = [*history, Hit(IDS[9], category, score)]
    after = {category.category_id: category.score for category in rank_categories(texts, more)}
    assert after.get(category, 0) >= before.get(category, 0) - 1e-12


def test_a_tuned_models_texts_weigh_more_beside_its_neighbours() -> None:
    texts, history = [text(1, 0.6), text(2, 0.1)], [row(10, 2, 0.9)]
    assert order(rank_categories(texts, history, weights_for(is_tuned=False)))[0] == 2
    assert order(rank_categories(texts, history, weights_for(is_tuned=True)))[0] == 1


def test_rows_of_one_text_share_their_votes() -> None:
    """A merchant's hundred transactions do not silence the neighbours beside them."""
    alike = [Hit(uuid.UUID(int=100 + n), IDS[1 if n % 4 else 2], 0.9) for n in range(100)]
    beside = [Hit(uuid.UUID(int=10 + n), IDS[3], 0.88 - n / 1000) for n in range(8)]
    weights = VotingWeights(prior_votes=0, of_one_text=5)
    scores = {
        category.category_id: category.score for category in rank_categories([], alike + beside, weights)
    }
    assert scores[IDS[1]] == pytest.approx(3 * scores[IDS[2]])
    assert scores[IDS[3]] > scores[IDS[1]]
    hundred = VotingWeights(prior_votes=0, of_one_text=100, neighbours=200)
    scores = {
        category.category_id: category.score for category in rank_categories([], alike + beside, hundred)
    }
    assert scores[IDS[3]] < scores[IDS[2]]
