"""A trial: one recipe, cross-validated on a dataset's training rows; the other splits stay unseen.

A trial leaves no files. The recipe is in its job's parameters, the scores are in the job's result.
"""

import hashlib
import json
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.categories.frozen import FrozenCategory
from shared.categorization.exact import ExactRow, rank_exactly, rank_of
from shared.categorization.ranking import Choice
from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.datasets.service import Item
from shared.engines.devices import Device
from shared.engines.encoder import Encoder
from shared.jobs.handlers import Report
from shared.jobs.kinds import TrialParams
from shared.jobs.run import Effects, Run
from shared.kit.ids import derived_id
from shared.kit.intervals import figure
from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.registry.serving import serving_of
from shared.resources import Resources
from shared.training.bi_encoder.spec import FinetuneRequest
from shared.training.bi_encoder.trainer import finetune
from shared.training.library_trainer import TrainProgress
from shared.training.rows import category_texts, text_format, train_rows
from shared.training.search.results import TrialResult, TrialScores
from shared.training.trainer_process import train_in_subprocess, trainer_command

K = 5  # of the objective, MRR@5


@dataclass(frozen=True)
class TrialRequest:
    """A recipe and the rows to cross-validate it on; `categories` as a dataset has them, by id."""

    base_model: Path
    output_dir: Path
    items: Sequence[Item]
    categories: Mapping[str, FrozenCategory]
    params: TrialParams
    device: Device = "auto"


def attempt(
    run: Run, params: TrialParams, resources: Resources, command: Sequence[str] | None = None
) -> Effects:
    """Cross-validate in the trainer's process, which `command` starts; its folder is removed at the end."""
    with resources.artifacts.staging_folder(run.job_id, run.attempt) as folder:
        scores = train_in_subprocess(run, [*(command or trainer_command()), str(run.job_id), str(folder)])
    result = TrialResult(number=params.number, **scores)
    return lambda _: result.model_dump(mode="json")


def run_trial(
    organization_id: uuid.UUID, params: TrialParams, resources: Resources, output: Path, report: Report
) -> dict[str, Any]:
    """Cross-validate in this process, which is the trainer's; the scores."""
    request = load_request(organization_id, params, resources, output)
    resources.close()  # a trial takes minutes and needs no connection
    return cross_validate(request, report).model_dump(mode="json")


def load_request(
    organization_id: uuid.UUID, params: TrialParams, resources: Resources, output: Path
) -> TrialRequest:
    """The trial that the parameters describe, with the rows and the model that it needs."""
    with transaction(resources.engine) as session:
        dataset = dataset_store.get(session, organization_id, params.dataset_id)
        base = model_store.get(session, organization_id, params.base_model_version_id)
        items = datasets.items(session, organization_id, params.dataset_id, "train")
    return TrialRequest(
        base_model=resources.encoders.folder(serving_of(base).model),
        output_dir=output,
        items=items,
        categories=dataset.categories,
        params=params,
        device=resources.settings.device,
    )


def cross_validate(request: TrialRequest, report: Report) -> TrialScores:
    """Rank the rows of each fold by a model that was trained on the others; the scores.

    The trial is pruned, and skips the remaining folds, where the running value falls below `stop_below`.

    Raises:
        Untrainable: the rows outside a fold are of fewer than two categories.
    """
    started = time.monotonic()
    params = request.params
    names = {key: category.name for key, category in request.categories.items()}
    contents = [(names[str(item.category_id)], _contents(item)) for item in request.items]
    fold_of = assign_folds(contents, params.folds, params.fold_seed)
    ranks: list[int | None] = []
    running: list[float] = []
    is_pruned = False
    for fold in range(params.folds):
        ranks += _ranks_in_fold(request, fold_of, fold, report)
        running.append(float(_reciprocal_ranks(ranks).mean()))
        is_last = fold + 1 == params.folds
        is_pruned = not is_last and fold < len(params.stop_below) and running[-1] < params.stop_below[fold]
        if is_pruned:
            break
    objective = figure(_reciprocal_ranks(ranks))
    return TrialScores(
        value=objective.value,
        low=objective.low,
        high=objective.high,
        n=objective.n,
        recall_at_1=ranks.count(1) / len(ranks),
        running=tuple(running),
        is_pruned=is_pruned,
        seconds=round(time.monotonic() - started, 3),
    )


def assign_folds(rows: Sequence[tuple[str, str]], folds: int, seed: int) -> list[int]:
    """The fold (from 0) of each row, given as (category, contents).

    The sizes of the folds differ by at most one, and so do those of each category in them. Only contents and
    seed count: the same rows in another order, or in another database, are in the same folds. Rows with equal
    contents are numbered, and any of them may stand for any other.
    """
    copies: Counter[tuple[str, str]] = Counter()
    keys = []
    for row in rows:
        copies[row] += 1
        keys.append((_hash(seed, row[0]), _hash(seed, *row, copies[row])))
    order = sorted(range(len(rows)), key=keys.__getitem__)
    # The rows of a category are consecutive, so dealing the rows out divides each category evenly.
    fold_of = {position: number % folds for number, position in enumerate(order)}
    return [fold_of[position] for position in range(len(rows))]


def _hash(seed: int, *contents: object) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, (seed, *contents))).encode()).digest()


def _ranks_in_fold(
    request: TrialRequest, fold_of: Sequence[int], fold: int, report: Report
) -> list[int | None]:
    """The rank of each row of the fold, by a model trained on the other folds, which are its history."""
    from shared.engines.encoder import SentenceTransformerEncoder

    history = [item for item, number in zip(request.items, fold_of, strict=True) if number != fold]
    held_out = [item for item, number in zip(request.items, fold_of, strict=True) if number == fold]
    model_dir = _finetune_fold(request, history, fold, report)
    ranks = _rank(request, SentenceTransformerEncoder(model_dir, device=request.device), history, held_out)
    shutil.rmtree(model_dir)
    return ranks


def _finetune_fold(request: TrialRequest, items: Sequence[Item], fold: int, report: Report) -> Path:
    recipe, folds = request.params.recipe, request.params.folds
    texts = text_format(recipe)

    def on_step(step: TrainProgress) -> None:
        note = f"fold {fold + 1} of {folds}, epoch {step.epoch:.2f} of {recipe.epochs}, loss {step.loss:.4f}"
        report(fold * step.total_steps + step.step, folds * step.total_steps, note)

    return finetune(
        FinetuneRequest(
            base_model=request.base_model,
            output_dir=request.output_dir / str(fold),
            category_texts=category_texts(request.categories, texts),
            train_rows=train_rows(items, request.categories, texts),
            recipe=recipe,
            device=request.device,
        ),
        on_step,
    ).model_dir


def _rank(
    request: TrialRequest, encoder: Encoder, history: Sequence[Item], held_out: Sequence[Item]
) -> list[int | None]:
    """The rank of each held-out row's category, by the vote of serving over the history."""
    texts = text_format(request.params.recipe)
    # Ids derived from names, and rows ordered by content: ties break the same way in any database.
    by_name = sorted(request.categories.items(), key=lambda item: item[1].name)
    ids = {key: derived_id("category", category.name) for key, category in by_name}
    choices = {
        ids[key]: Choice.of(texts.of_frozen(category), category.departments) for key, category in by_name
    }

    def exact_rows(items: Sequence[Item]) -> list[ExactRow]:
        rows = [
            ExactRow(texts.of_transaction(item.fields), ids[str(item.category_id)], item.fields)
            for item in items
        ]
        return sorted(rows, key=repr)

    expected = exact_rows(held_out)
    rankings = rank_exactly(encoder, choices, exact_rows(history), expected, is_tuned=True)
    return [rank_of(row.category_id, ranking) for row, ranking in zip(expected, rankings, strict=True)]


def _contents(item: Item) -> str:
    return json.dumps(item.fields.as_json(), sort_keys=True)


def _reciprocal_ranks(ranks: Sequence[int | None]) -> NDArray[np.float64]:
    return np.array([0.0 if rank is None or rank > K else 1 / rank for rank in ranks], dtype=np.float64)
