"""The tech expenses: 5 folds x 3 seeds of what serving does, with what each part of it adds."""

import argparse
import random
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import material, second, tables
from benchmarks.quality.material import TEXTS, Data, Row
from benchmarks.quality.units import Units
from shared.categorization.exact import rank_exactly, rank_of
from shared.engines.encoder import Encoder, SentenceTransformerEncoder, resolve_model
from shared.evaluation.baselines import METHODS, BaselineRow, rankings
from shared.jobs.kinds import Recipe
from shared.training.bi_encoder.model_soup import SEEDS_APART, average
from shared.training.bi_encoder.spec import FinetuneRequest
from shared.training.bi_encoder.trainer import finetune

FOLDS = 5
RUNS = 3


def run(options: argparse.Namespace, units: Units) -> dict[str, Any]:
    """Every fold of every seed, then the table."""
    data = material.tech_expenses(options.shared / "tech_expenses")
    units_by_fold = {
        (seed, fold): units.once(f"tech-{seed}-{fold}", partial(one_fold, data, seed, fold, options, units))
        for seed in range(options.seeds)
        for fold in range(FOLDS)
    }
    return _table(units_by_fold)


def halves(data: Data, seed: int, fold: int) -> tuple[list[int], list[int]]:
    """Positions of the rows that are known and of those that are asked."""
    order = random.Random(seed).sample(range(len(data.rows)), len(data.rows))
    held_out = order[fold::FOLDS]
    return sorted(set(order) - set(held_out)), held_out


def tune(data: Data, known: Sequence[Row], folder: Path, recipe: Recipe, **more: Any) -> Any:
    """Fine-tune on the rows; no row is kept back to choose an epoch by."""
    return finetune(
        FinetuneRequest(
            base_model=resolve_model("all-MiniLM-L6-v2").path,
            output_dir=folder,
            category_texts=data.texts(TEXTS),
            train_rows=tuple(row.trained(TEXTS) for row in known),
            recipe=recipe,
            **more,
        ),
        lambda _: None,
    )


def one_fold(data: Data, seed: int, fold: int, options: argparse.Namespace, units: Units) -> dict[str, Any]:
    """Ranks of the asked rows by every method, and what it took."""
    known_at, asked_at = halves(data, seed, fold)
    known, held_out = ([data.rows[at] for at in some] for some in (known_at, asked_at))
    ranks = baselines(data, known, held_out) | stages("base", base_encoder(), data, known, held_out)
    model, seconds = tuned_model(data, seed, fold, units)
    tuned = SentenceTransformerEncoder(model)
    ranks |= stages("tuned", tuned, data, known, held_out)
    averaged = averaged_model(data, seed, fold, units)
    ranks |= stages("averaged", SentenceTransformerEncoder(averaged), data, known, held_out)
    unit = {"asked": asked_at, "ranks": ranks, "seconds": seconds}
    if seed < options.reranked_seeds:
        name = f"{seed}-{fold}"
        reranker = second.reranker_model(data, known, model, name, units)
        again = second.reranked(data, known, held_out, tuned, reranker)
        ranks["tuned: serving + reranker"] = again["ranks"]
        unit["rerank_ms"] = again["rerank_ms"]
        student = second.student_model(data, known, model, reranker, name, units)
        ranks |= stages("distilled", SentenceTransformerEncoder(student), data, known, held_out)
    return unit


def base_encoder() -> SentenceTransformerEncoder:
    """The base model as it is."""
    return SentenceTransformerEncoder(resolve_model("all-MiniLM-L6-v2").path)


def tuned_model(data: Data, seed: int, fold: int, units: Units, run: int = 0) -> tuple[Path, float]:
    """The folder of the model tuned on the rows that the fold knows, and the seconds that it took.

    `run`: which of those that are averaged, as `finetune_averaged` numbers them.
    """
    name = f"{seed}-{fold}" if run == 0 else f"{seed}-{fold}-{run}"
    folder = units.folder / f"model-{name}"

    def train() -> dict[str, Any]:
        shutil.rmtree(folder, ignore_errors=True)  # what a run that was stopped left
        known = [data.rows[at] for at in halves(data, seed, fold)[0]]
        recipe = Recipe(seed=10 * seed + fold + SEEDS_APART * run)
        return {"seconds": tune(data, known, folder, recipe).seconds}

    return folder, units.once(f"tech-training-{name}", train)["seconds"]


def averaged_model(data: Data, seed: int, fold: int, units: Units) -> Path:
    """The folder of the mean of several such models: what `averaged_runs` makes."""
    folder = units.folder / f"averaged-{seed}-{fold}"
    runs = [tuned_model(data, seed, fold, units, run)[0] for run in range(RUNS)]
    shutil.rmtree(folder, ignore_errors=True)
    average(dict.fromkeys(runs, 1 / RUNS), folder, "cpu")
    return folder


def baselines(data: Data, known: Sequence[Row], held_out: Sequence[Row]) -> dict[str, list[int | None]]:
    """The methods without a neural network."""
    texts = {category_id: choice.text for category_id, choice in data.choices(TEXTS).items()}
    train, questions = (
        [BaselineRow(TEXTS.of_transaction(row.fields), row.merchant, row.category_id) for row in rows]
        for rows in (known, held_out)
    )
    return {method: rankings(method, train, questions, texts) for method in METHODS}


def stages(
    name: str, encoder: Encoder, data: Data, known: Sequence[Row], held_out: Sequence[Row]
) -> dict[str, list[int | None]]:
    """Category texts alone, with history, and with what the transaction's own fields say: serving."""
    plain, full = data.choices(TEXTS, with_departments=False), data.choices(TEXTS)
    history, questions = ([row.exact(TEXTS) for row in rows] for rows in (known, held_out))
    ways = {
        "texts": (plain, [], False),
        "texts + history": (plain, history, False),
        "texts + departments": (full, [], False),
        "serving": (full, history, True),
    }
    ranks = {}
    for way, (choices, rows, with_habits) in ways.items():
        ranked = rank_exactly(
            encoder, choices, rows, questions, is_tuned=name != "base", with_habits=with_habits
        )
        ranks[f"{name}: {way}"] = [
            rank_of(row.category_id, ranking) for row, ranking in zip(held_out, ranked, strict=True)
        ]
    return ranks


def _table(units_by_fold: dict[tuple[int, int], dict[str, Any]]) -> dict[str, Any]:
    """Each method's figures: a row's mean over the seeds, and the interval over rows."""
    summary: dict[str, Any] = {}
    names = list(dict.fromkeys(name for unit in units_by_fold.values() for name in unit["ranks"]))
    print(f"\n{'tech expenses':44} recall@1 (95 %)         @3     @5     @10    MRR@5 (95 %)   seeds")
    for name in names:
        by_row: dict[int, list[int | None]] = {}
        for unit in units_by_fold.values():
            for at, rank in zip(unit["asked"], unit["ranks"].get(name, ()), strict=False):
                by_row.setdefault(at, []).append(rank)
        recall = {
            k: tables.of_seeds({at: tables.values(row_ranks, k) for at, row_ranks in by_row.items()})
            for k in (1, 3, 5, 10)
        }
        mrr = tables.of_seeds({at: tables.reciprocals(row_ranks, 5) for at, row_ranks in by_row.items()})
        seeds = int(np.median([len(row_ranks) for row_ranks in by_row.values()]))
        summary[name] = {
            "recall": {k: vars(figure) for k, figure in recall.items()}, "mrr": {5: vars(mrr)}, "seeds": seeds
        }  # fmt: skip
        first = recall[1]
        rest = "  ".join(f"{recall[k].value:.3f}" for k in (3, 5, 10))
        print(
            f"{name:44} {first.value:.3f} ({first.low:.3f}-{first.high:.3f})    {rest}  "
            f"{mrr.value:.3f} ({mrr.low:.3f}-{mrr.high:.3f})  {seeds}"
        )
    costs = [unit["rerank_ms"] for unit in units_by_fold.values() if "rerank_ms" in unit]
    if costs:
        print(f"reranker: {np.median(costs):.0f} ms a row for {second.TOP_N} categories")
    took = [unit["seconds"] for unit in units_by_fold.values()]
    print(f"fine-tuning 208 rows x 5 epochs: {np.median(took):.1f} s (median of {len(took)})")
    return summary
