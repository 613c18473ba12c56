"""Which recipe to try next: a space, what came out so far, and a seed decide it, and nothing else.

The study lives in the rows of its trials. What Optuna knows of it is made anew each time, so a search that
was killed asks for what it would have asked for.
"""

import hashlib
import logging
import statistics
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.jobs.kinds import Recipe
from shared.training.bi_encoder.losses import OF_LABELS

# What a search varies where the request does not say: a list of choices, or a range with its two ends.
DEFAULT_SPACE: dict[str, Any] = {
    "loss": ["mnrl", "symmetric_mnrl", "batch_semi_hard_triplet"],
    "learning_rate": {"low": 2e-5, "high": 4e-4},
    "epochs": {"low": 3, "high": 10},
    "batch_size": [8, 16, 32],
    "category_text": ["name", "name_examples", "name_examples_description"],
    "negatives": ["in_batch", "random", "hard"],
    "transaction_share": {"low": 0.0, "high": 1.0},
    "field_dropout": {"low": 0.0, "high": 0.3},
}
LOGARITHMIC = frozenset({"learning_rate"})
# Of no consequence to the losses that take labelled texts: these find their own pairs in the batch.
OF_PAIRS = frozenset({"negatives", "transaction_share"})
# Before so many trials have ended well, none is pruned: there is nothing yet to be worse than.
UNPRUNED = 4
# A space may hold fewer recipes than are asked for.
DRAWS = 50


@dataclass(frozen=True)
class EvaluatedTrial:
    """A trial that has ended: what it tried of the space, and its mean after each fold."""

    number: int
    values: Mapping[str, Any]
    status: Literal["complete", "pruned", "failed"]
    value: float = 0.0
    recall_at_1: float = 0.0
    running: tuple[float, ...] = ()


def check(space: Mapping[str, Any]) -> dict[str, Any]:
    """The space with the default for each field that it does not name; each end and choice fits a `Recipe`.

    Raises:
        ValueError: a field, a choice or an end that no recipe has, or a range with its ends reversed.
    """
    whole = DEFAULT_SPACE | dict(space)
    for name, about in whole.items():
        if name not in Recipe.model_fields:
            raise ValueError(f"a recipe has no {name}")
        for value in about.values() if isinstance(about, dict) else about:
            Recipe.model_validate({name: value}, strict=True)
        if isinstance(about, dict) and not about["low"] <= about["high"]:
            raise ValueError(f"{name} ends before it begins")
    return whole


def matters(name: str, loss: str) -> bool:
    """Whether a recipe of this loss is another one where this field is: else the field keeps its default."""
    return name not in OF_PAIRS or loss not in OF_LABELS


def ask(
    space: Mapping[str, Any], tried: Sequence[EvaluatedTrial], count: int, *, seed: int, startup: int
) -> list[dict[str, Any]]:
    """The next at most `count` points of the space, none of which was tried; fewer where it holds no more.

    The first `startup` are drawn at random, the others by a tree-structured Parzen estimator (Bergstra et
    al., 2011, "Algorithms for Hyper-Parameter Optimization"). The same arguments give the same points.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import optuna

        logging.getLogger("optuna").setLevel(logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=_mix(seed, len(tried)), n_startup_trials=startup)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.add_trials([_trial(one, space) for one in tried])
        seen = [dict(one.values) for one in tried]
        found: list[dict[str, Any]] = []
        for _ in range(DRAWS * count):
            if len(found) == count:
                break
            trial = study.ask()
            point = _draw(trial, space)
            if point in seen:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                seen.append(point)
                found.append(point)
    return found


def stop_below(tried: Sequence[EvaluatedTrial], folds: int) -> tuple[float, ...]:
    """For each fold but the last the median of what all trials had come to by then; empty at first."""
    if sum(one.status == "complete" for one in tried) < UNPRUNED:
        return ()
    medians = []
    for fold in range(folds - 1):
        means = [one.running[fold] for one in tried if len(one.running) > fold]
        medians.append(statistics.median(means))
    return tuple(medians)


def best_of(tried: Sequence[EvaluatedTrial]) -> EvaluatedTrial | None:
    """The complete trial of the highest value; of equals that of the higher recall@1, then the earlier."""
    complete = [one for one in tried if one.status == "complete"]
    return max(complete, key=lambda one: (one.value, one.recall_at_1, -one.number), default=None)


def _draw(trial: Any, space: Mapping[str, Any]) -> dict[str, Any]:
    point: dict[str, Any] = {}
    for name in sorted(space, key=lambda name: (name != "loss", name)):
        if name == "loss" or matters(name, point["loss"]):
            point[name] = _suggest(trial, name, space[name])
    return point


def _suggest(trial: Any, name: str, about: Any) -> Any:
    if not isinstance(about, dict):
        return trial.suggest_categorical(name, about)
    if _is_whole(name):
        return trial.suggest_int(name, about["low"], about["high"])
    return trial.suggest_float(name, about["low"], about["high"], log=name in LOGARITHMIC)


def _distribution(name: str, about: Any) -> Any:
    from optuna import distributions

    if not isinstance(about, dict):
        return distributions.CategoricalDistribution(about)
    if _is_whole(name):
        return distributions.IntDistribution(about["low"], about["high"])
    return distributions.FloatDistribution(about["low"], about["high"], log=name in LOGARITHMIC)


def _is_whole(name: str) -> bool:
    return isinstance(Recipe.model_fields[name].default, int)


def _trial(one: EvaluatedTrial, space: Mapping[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial

    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    return create_trial(
        state=state[one.status],
        value=one.value if one.status == "complete" else None,
        params=dict(one.values),
        distributions={name: _distribution(name, space[name]) for name in one.values},
        intermediate_values=dict(enumerate(one.running)),
    )


def _mix(seed: int, ended: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{ended}".encode()).digest()[:4])
