"""Which recipe to try next, decided by the search space, the finished trials and a seed, and nothing else.

The study is stored in the rows of its trials. Optuna's study is rebuilt from them each time, so a search that
was killed goes on with the recipes that it would have tried anyway.
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

# The search space where the request has none: for each field a list of choices, or a range with its two ends.
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
# Fields that mean nothing to the losses that take labelled texts, which form their own pairs in the batch.
OF_PAIRS = frozenset({"negatives", "transaction_share"})
# How many trials must be complete before any is pruned: until then there is little to compare with.
UNPRUNED = 4
# How many draws per requested recipe; a space may have fewer recipes than requested.
DRAWS = 50


@dataclass(frozen=True)
class EvaluatedTrial:
    """A trial that has ended: its point of the space, its scores, and its mean score after each fold."""

    number: int
    values: Mapping[str, Any]
    status: Literal["complete", "pruned", "failed"]
    value: float = 0.0
    recall_at_1: float = 0.0
    running: tuple[float, ...] = ()


def complete_space(space: Mapping[str, Any]) -> dict[str, Any]:
    """The space with the defaults for the fields that it does not name, checked against `Recipe`.

    Raises:
        ValueError: a field, a choice or an end that no recipe has, or a range with its ends reversed.
    """
    complete = DEFAULT_SPACE | dict(space)
    for name, values in complete.items():
        if name not in Recipe.model_fields:
            raise ValueError(f"a recipe has no {name}")
        for value in values.values() if isinstance(values, dict) else values:
            Recipe.model_validate({name: value}, strict=True)
        if isinstance(values, dict) and not values["low"] <= values["high"]:
            raise ValueError(f"{name} ends before it begins")
    return complete


def is_relevant(name: str, loss: str) -> bool:
    """Whether the field makes a difference with this loss; where it does not, it keeps its default."""
    return name not in OF_PAIRS or loss not in OF_LABELS


def ask(
    space: Mapping[str, Any], trials: Sequence[EvaluatedTrial], count: int, *, seed: int, startup: int
) -> list[dict[str, Any]]:
    """The next points of the space, none of which was tried; at most `count`, fewer where none are left.

    The first `startup` are drawn at random, the others by a tree-structured Parzen estimator (Bergstra et
    al., 2011, "Algorithms for Hyper-Parameter Optimization"). The same arguments give the same points.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import optuna

        logging.getLogger("optuna").setLevel(logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=_derived_seed(seed, len(trials)), n_startup_trials=startup)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.add_trials([_as_optuna_trial(trial, space) for trial in trials])
        seen = [dict(trial.values) for trial in trials]
        points: list[dict[str, Any]] = []
        for _ in range(DRAWS * count):
            if len(points) == count:
                break
            optuna_trial = study.ask()
            point = _draw(optuna_trial, space)
            if point in seen:
                study.tell(optuna_trial, state=optuna.trial.TrialState.FAIL)
            else:
                seen.append(point)
                points.append(point)
    return points


def stop_below(trials: Sequence[EvaluatedTrial], folds: int) -> tuple[float, ...]:
    """For each fold but the last, the median of the running means; empty while trials are few."""
    if sum(trial.status == "complete" for trial in trials) < UNPRUNED:
        return ()
    medians = []
    for fold in range(folds - 1):
        means = [trial.running[fold] for trial in trials if len(trial.running) > fold]
        medians.append(statistics.median(means))
    return tuple(medians)


def best_of(trials: Sequence[EvaluatedTrial]) -> EvaluatedTrial | None:
    """The complete trial with the highest value; ties go to the higher recall@1, then to the earlier one."""
    complete = [trial for trial in trials if trial.status == "complete"]
    return max(complete, key=lambda trial: (trial.value, trial.recall_at_1, -trial.number), default=None)


def _draw(optuna_trial: Any, space: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each field that is relevant; the loss first, since it decides which are."""
    point: dict[str, Any] = {}
    for name in sorted(space, key=lambda name: (name != "loss", name)):
        if name == "loss" or is_relevant(name, point["loss"]):
            point[name] = _suggest(optuna_trial, name, space[name])
    return point


def _suggest(optuna_trial: Any, name: str, values: Any) -> Any:
    if not isinstance(values, dict):
        return optuna_trial.suggest_categorical(name, values)
    if _is_integer(name):
        return optuna_trial.suggest_int(name, values["low"], values["high"])
    return optuna_trial.suggest_float(name, values["low"], values["high"], log=name in LOGARITHMIC)


def _distribution(name: str, values: Any) -> Any:
    from optuna import distributions

    if not isinstance(values, dict):
        return distributions.CategoricalDistribution(values)
    if _is_integer(name):
        return distributions.IntDistribution(values["low"], values["high"])
    return distributions.FloatDistribution(values["low"], values["high"], log=name in LOGARITHMIC)


def _is_integer(name: str) -> bool:
    return isinstance(Recipe.model_fields[name].default, int)


def _as_optuna_trial(trial: EvaluatedTrial, space: Mapping[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial

    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    return create_trial(
        state=state[trial.status],
        value=trial.value if trial.status == "complete" else None,
        params=dict(trial.values),
        distributions={name: _distribution(name, space[name]) for name in trial.values},
        intermediate_values=dict(enumerate(trial.running)),
    )


def _derived_seed(seed: int, ended: int) -> int:
    """A seed of its own for each batch of trials, by the number of trials that have ended."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{ended}".encode()).digest()[:4])
