"""A trial: one recipe, cross-validated on a dataset's training rows as the rows of other splits never are.

Everything of it is in the job's row: what to try in its parameters, what came out in its result.
"""

import json
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from shared.categorization.exact import ExactRow, rank_exactly, rank_of
from shared.categorization.ranking import Choice
from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.datasets.service import Item
from shared.engines.artifacts import Artifacts
from shared.engines.devices import Device
from shared.engines.encoder import Encoder
from shared.engines.encoder_cache import Encoders
from shared.jobs import service as jobs
from shared.jobs.kinds import TrialParams
from shared.jobs.run import Finish, Run
from shared.kit.ids import derived_id
from shared.kit.intervals import figure
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.registry.serving import serving_of
from shared.training import trainer_process
from shared.training.bi_encoder.trainer import FinetuneRequest, TrainProgress, finetune
from shared.training.rows import category_texts, text_format, train_rows
from shared.training.search.folds import assign
from shared.training.service import STAGING

K = 5  # of the objective, MRR@5

Report = Callable[[int, int, str], None]  # steps done, of how many, and a word on it


@dataclass(frozen=True)
class TrialRequest:
    """A recipe and the rows to try it on; `categories` as a dataset has them, by id."""

    base_model: Path
    output_dir: Path
    items: Sequence[Item]
    categories: dict[str, Any]
    params: TrialParams
    device: Device = "auto"


def attempt(run: Run, params: TrialParams, artifacts: Artifacts, command: Sequence[str]) -> Finish:
    """Let `command` (the trainer, given this job's id and an output folder) try the recipe; no file stays."""
    for before in range(1, run.attempt):  # what they left when they died
        artifacts.delete(f"{STAGING}/{run.job_id}-{before}")
    staged = f"{STAGING}/{run.job_id}-{run.attempt}"
    try:
        found = trainer_process.supervise(run, [*command, str(run.job_id), str(artifacts.path(staged))])
    finally:
        artifacts.delete(staged)
    return lambda _: {"number": params.number, **found}


def prepare(
    engine: Engine, encoders: Encoders, settings: Settings, job_id: uuid.UUID, output: Path
) -> TrialRequest:
    """What the trainer's process tries, read from the job's row and its dataset."""
    with transaction(engine) as session:
        job = jobs.get_any(session, job_id)
        params = TrialParams.model_validate(job.params)
        dataset = dataset_store.get(session, job.organization_id, params.dataset_id)
        base = model_store.get(session, job.organization_id, params.base_model_version_id)
        items = datasets.items(session, job.organization_id, params.dataset_id, "train")
    return TrialRequest(
        base_model=encoders.folder(serving_of(base).model),
        output_dir=output,
        items=items,
        categories=dataset.categories,
        params=params,
        device=settings.device,
    )


def cross_validate(request: TrialRequest, report: Report) -> dict[str, Any]:
    """Each fold ranked by a model that was trained on the others; what the trial's job keeps.

    `value` is the mean over all rows asked of 1 / rank, 0 beyond the fifth; `running` what it was after each
    fold. The trial is pruned, and has fewer folds, where that falls below `stop_below`.

    Raises:
        Untrainable: the rows outside a fold are of fewer than two categories.
    """
    started = time.monotonic()
    params = request.params
    name_of = {key: str(about["name"]) for key, about in request.categories.items()}
    contents = [(name_of[str(item.category_id)], _contents(item)) for item in request.items]
    fold_of = assign(contents, params.folds, params.fold_seed)
    found: list[int | None] = []
    running: list[float] = []
    is_pruned = False
    for number in range(params.folds):
        found += _fold(request, fold_of, number, report)
        running.append(float(_reciprocals(found).mean()))
        is_last = number + 1 == params.folds
        is_pruned = (
            not is_last and number < len(params.stop_below) and running[-1] < params.stop_below[number]
        )
        if is_pruned:
            break
    objective = figure(_reciprocals(found))
    return {
        "value": objective.value,
        "low": objective.low,
        "high": objective.high,
        "n": objective.n,
        "recall_at_1": found.count(1) / len(found),
        "running": running,
        "is_pruned": is_pruned,
        "seconds": round(time.monotonic() - started, 3),
    }


def _fold(request: TrialRequest, fold_of: Sequence[int], number: int, report: Report) -> list[int | None]:
    """The rank of each row of the fold, by a model that was trained on the others, which are its history."""
    from shared.engines.encoder import SentenceTransformerEncoder

    known = [item for item, fold in zip(request.items, fold_of, strict=True) if fold != number]
    asked = [item for item, fold in zip(request.items, fold_of, strict=True) if fold == number]
    folder = _train(request, known, number, report)
    found = _rank(request, SentenceTransformerEncoder(folder, device=request.device), known, asked)
    shutil.rmtree(folder)
    return found


def _train(request: TrialRequest, known: Sequence[Item], number: int, report: Report) -> Path:
    recipe, folds = request.params.recipe, request.params.folds
    texts = text_format(recipe)

    def tell(step: TrainProgress) -> None:
        place = f"fold {number + 1} of {folds}, epoch {step.epoch:.2f} of {recipe.epochs}"
        note = f"{place}, loss {step.loss:.4f}"
        report(number * step.total_steps + step.step, folds * step.total_steps, note)

    trained = finetune(
        FinetuneRequest(
            base_model=request.base_model,
            output_dir=request.output_dir / str(number),
            category_texts=category_texts(request.categories, texts),
            train_rows=train_rows(known, request.categories, texts),
            recipe=recipe,
            device=request.device,
        ),
        tell,
    )
    return trained.model_dir


def _rank(
    request: TrialRequest, encoder: Encoder, known: Sequence[Item], asked: Sequence[Item]
) -> list[int | None]:
    texts = text_format(request.params.recipe)
    # Ids made of names, and rows in the order of their contents: ties fall the same in any database.
    named = sorted(request.categories.items(), key=lambda one: str(one[1]["name"]))
    ids = {key: derived_id("category", about["name"]) for key, about in named}
    choices = {
        ids[key]: Choice.of(texts.of_frozen(about), about.get("departments") or ()) for key, about in named
    }

    def seen(items: Sequence[Item]) -> list[ExactRow]:
        rows = [
            ExactRow(texts.of_transaction(item.fields), ids[str(item.category_id)], item.fields)
            for item in items
        ]
        return sorted(rows, key=repr)

    expected = seen(asked)
    ranked = rank_exactly(encoder, choices, seen(known), expected, is_tuned=True)
    return [rank_of(row.category_id, one) for row, one in zip(expected, ranked, strict=True)]


def _contents(item: Item) -> str:
    return json.dumps(datasets.freeze_fields(item.fields), sort_keys=True)


def _reciprocals(found: Sequence[int | None]) -> NDArray[np.float64]:
    return np.array([0.0 if rank is None or rank > K else 1 / rank for rank in found], dtype=np.float64)
