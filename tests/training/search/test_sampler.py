"""Which recipe comes next: within the space, never twice, and by what came out so far and the seed alone."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.jobs.kinds import Recipe
from shared.training.search.sampler import (
    DEFAULT_SPACE,
    UNPRUNED,
    EvaluatedTrial,
    ask,
    best_of,
    complete_space,
    is_relevant,
    stop_below,
)

SMALL: dict[str, Any] = {"loss": ["mnrl", "triplet"], "epochs": {"low": 1, "high": 2}}


def tried(points: list[dict[str, Any]], values: list[float]) -> list[EvaluatedTrial]:
    """Trials with these outcomes; below 0 is a failure, below 0.3 pruned."""
    trials = []
    for number, (point, value) in enumerate(zip(points, values, strict=False)):
        if value < 0:
            trials.append(EvaluatedTrial(number, point, "failed"))
        else:
            status = "pruned" if value < 0.3 else "complete"
            trials.append(EvaluatedTrial(number, point, status, value, value, (value,)))  # type: ignore[arg-type]  # one of the two
    return trials


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 99), outcomes=st.lists(st.floats(-0.5, 1), min_size=6, max_size=6))
def test_points_lie_in_the_space_and_the_same_past_gives_the_same_ones(
    seed: int, outcomes: list[float]
) -> None:
    space = complete_space({})
    first = ask(space, [], 6, seed=seed, startup=4)
    past = tried(first, outcomes)
    points = ask(space, past, 2, seed=seed, startup=4)
    assert points == ask(space, past, 2, seed=seed, startup=4)
    assert len(points) == 2
    assert all(point not in first for point in points)
    for point in [*first, *points]:
        Recipe.model_validate(point, strict=True)
        assert {name for name in space if is_relevant(name, point["loss"])} == point.keys()
        for name in point:
            choices = space[name]
            if isinstance(choices, dict):
                assert choices["low"] <= point[name] <= choices["high"]
            else:
                assert point[name] in choices


def test_what_came_out_and_the_seed_make_a_difference() -> None:
    space = complete_space({})
    first = ask(space, [], 6, seed=1, startup=4)
    good, bad = (
        tried(first, values) for values in ([0.3, 0.4, 0.5, 0.6, 0.7, 0.8], [0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    )
    assert ask(space, good, 2, seed=1, startup=4) != ask(space, bad, 2, seed=1, startup=4)
    assert first != ask(space, [], 6, seed=2, startup=4)


def test_a_space_is_tried_once_over_and_no_more() -> None:
    points = ask(SMALL, [], 9, seed=0, startup=2)
    pairs = sorted((point["loss"], point["epochs"]) for point in points)
    assert pairs == [("mnrl", 1), ("mnrl", 2), ("triplet", 1), ("triplet", 2)]
    assert ask(SMALL, tried(points, [-1, 0.1, 0.5, 0.9]), 2, seed=0, startup=2) == []


@pytest.mark.parametrize(
    "space",
    [
        {"colour": ["red"]},
        {"loss": ["guessing"]},
        {"epochs": {"low": 5, "high": 2}},
        {"epochs": {"low": 1.5, "high": 2}},
        {"negatives": [1]},
    ],
)
def test_a_space_of_what_no_recipe_has_is_refused(space: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        complete_space(space)


def test_what_makes_no_difference_to_a_loss_is_not_varied() -> None:
    narrowed: dict[str, Any] = {
        "loss": ["batch_all_triplet"],
        "epochs": {"low": 2, "high": 2},
        "batch_size": [8],
    }
    space = complete_space(narrowed)
    [point] = ask(space, [], 1, seed=0, startup=1)
    assert not {"negatives", "transaction_share"} & point.keys()
    assert Recipe(**point).negatives == "in_batch"


def test_what_is_not_named_has_its_default() -> None:
    assert complete_space({"loss": ["triplet"]}) == DEFAULT_SPACE | {"loss": ["triplet"]}


def test_thresholds_are_medians_once_enough_trials_have_ended_well() -> None:
    complete = [EvaluatedTrial(n, {}, "complete", n / 10, 0, (n / 4, 0.5, n / 4)) for n in range(UNPRUNED)]
    assert stop_below(complete[:-1], 3) == ()
    assert stop_below(complete, 3) == (0.375, 0.5)
    pruned = EvaluatedTrial(9, {}, "pruned", 0.0, 0, (0.0,))
    assert stop_below([*complete, pruned, EvaluatedTrial(10, {}, "failed")], 3) == (0.25, 0.5)


def test_the_best_is_complete_and_of_equals_the_earliest() -> None:
    def trial(number: int, value: float, recall: float, status: Any = "complete") -> EvaluatedTrial:
        return EvaluatedTrial(number, {}, status, value, recall)

    assert best_of([trial(0, 0.9, 0.9, "pruned"), EvaluatedTrial(1, {}, "failed")]) is None
    trials = [
        trial(0, 0.5, 0.6),
        trial(1, 0.7, 0.2),
        trial(2, 0.7, 0.3),
        trial(3, 0.7, 0.3),
        trial(4, 0.8, 1, "pruned"),
    ]
    assert best_of(trials) == trials[2]
