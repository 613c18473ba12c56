"""The tech expenses: serving, and what each part of it adds, over 5 folds x 3 seeds."""

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
    units_of_folds = {
        (seed, fold): units.once(f"tech-{seed}-{fold}", partial(one_fold, data, seed, fold, options, units))
        for seed in range(options.seeds)
        for fold in range(FOLDS)
    }
    return _table(units_of_folds)


def halves(data: Data, seed: int, fold: int) -> tuple[list[int], list[int]]:
    """The positions of the known rows and of the queries."""
    order = random.Random(seed).sample(range(len(data.rows)), len(data.rows))
    queries = order[fold::FOLDS]
    return sorted(set(order) - set(queries)), queries


def tune(data: Data, known: Sequence[Row], folder: Path, recipe: Recipe, **more: Any) -> Any:
    """Fine-tune on all the rows; none is held out to select an epoch."""
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
    """The ranks of the queries by every method, and the costs."""
    known_positions, query_positions = halves(data, seed, fold)
    known, queries = (
        [data.rows[position] for position in half] for half in (known_positions, query_positions)
    )
    ranks = baselines(data, known, queries) | stages("base", base_encoder(), data, known, queries)
    model, seconds = tuned_model(data, seed, fold, units)
    tuned = SentenceTransformerEncoder(model)
    ranks |= stages("tuned", tuned, data, known, queries)
    averaged = averaged_model(data, seed, fold, units)
    ranks |= stages("averaged", SentenceTransformerEncoder(averaged), data, known, queries)
    result = {"asked": query_positions, "ranks": ranks, "seconds": seconds}
    if seed < options.reranked_seeds:
        name = f"{seed}-{fold}"
        reranker = second.reranker_model(data, known, model, name, units)
        reranked = second.reranked(data, known, queries, tuned, reranker)
        ranks["tuned: serving + reranker"] = reranked["ranks"]
        result["rerank_ms"] = reranked["rerank_ms"]
        student = second.student_model(data, known, model, reranker, name, units)
        ranks |= stages("distilled", SentenceTransformerEncoder(student), data, known, queries)
    return result


def base_encoder() -> SentenceTransformerEncoder:
    """The base model as it is."""
    return SentenceTransformerEncoder(resolve_model("all-MiniLM-L6-v2").path)


def tuned_model(data: Data, seed: int, fold: int, units: Units, run: int = 0) -> tuple[Path, float]:
    """The folder of the model tuned on the known rows of the fold, and the seconds of its training.

    `run`: the number of the run among the averaged ones, as in `finetune_averaged`.
    """
    name = f"{seed}-{fold}" if run == 0 else f"{seed}-{fold}-{run}"
    folder = units.folder / f"model-{name}"

    def train() -> dict[str, Any]:
        shutil.rmtree(folder, ignore_errors=True)  # left by a run that was stopped
        known = [data.rows[at] for at in halves(data, seed, fold)[0]]
        recipe = Recipe(seed=10 * seed + fold + SEEDS_APART * run)
        return {"seconds": tune(data, known, folder, recipe).seconds}

    return folder, units.once(f"tech-training-{name}", train)["seconds"]


def averaged_model(data: Data, seed: int, fold: int, units: Units) -> Path:
    """The folder of the mean of several such models, as `averaged_runs` produces it."""
    folder = units.folder / f"averaged-{seed}-{fold}"
    runs = [tuned_model(data, seed, fold, units, run)[0] for run in range(RUNS)]
    shutil.rmtree(folder, ignore_errors=True)
    average(dict.fromkeys(runs, 1 / RUNS), folder, "cpu")
    return folder


def baselines(data: Data, known: Sequence[Row], queries: Sequence[Row]) -> dict[str, list[int | None]]:
    """The methods without a neural network."""
    texts = {category_id: choice.text for category_id, choice in data.choices(TEXTS).items()}
    train, questions = (
        [BaselineRow(TEXTS.of_transaction(row.fields), row.merchant, row.category_id) for row in rows]
        for rows in (known, queries)
    )
    return {method: rankings(method, train, questions, texts) for method in METHODS}


def stages(
    name: str, encoder: Encoder, data: Data, known: Sequence[Row], queries: Sequence[Row]
) -> dict[str, list[int | None]]:
    """The ranks by category texts alone, with history, and with the transaction's other fields: serving."""
    plain, full = data.choices(TEXTS, with_departments=False), data.choices(TEXTS)
    history, questions = ([row.exact(TEXTS) for row in rows] for rows in (known, queries))
    variants = {
        "texts": (plain, [], False),
        "texts + history": (plain, history, False),
        "texts + departments": (full, [], False),
        "serving": (full, history, True),
    }
    ranks = {}
    for stage, (choices, rows, with_habits) in variants.items():
        rankings = rank_exactly(
            encoder, choices, rows, questions, is_tuned=name != "base", with_habits=with_habits
        )
        ranks[f"{name}: {stage}"] = [
            rank_of(row.category_id, ranking) for row, ranking in zip(queries, rankings, strict=True)
        ]
    return ranks


def _table(units_of_folds: dict[tuple[int, int], dict[str, Any]]) -> dict[str, Any]:
    """The figures of each method: a row's mean over the seeds, and the interval over rows."""
    summary: dict[str, Any] = {}
    names = list(dict.fromkeys(name for unit in units_of_folds.values() for name in unit["ranks"]))
    print(f"\n{'tech expenses':44} recall@1 (95 %)         @3     @5     @10    MRR@5 (95 %)   seeds")
    for name in names:
        by_row: dict[int, list[int | None]] = {}
        for unit in units_of_folds.values():
            for at, rank in zip(unit["asked"], unit["ranks"].get(name, ()), strict=False):
                by_row.setdefault(at, []).append(rank)
        recall = {
            k: tables.of_seeds({at: tables.values(ranks, k) for at, ranks in by_row.items()})
            for k in (1, 3, 5, 10)
        }
        mrr = tables.of_seeds({at: tables.reciprocals(ranks, 5) for at, ranks in by_row.items()})
        seeds = int(np.median([len(ranks) for ranks in by_row.values()]))
        summary[name] = {
            "recall": {k: vars(interval) for k, interval in recall.items()},
            "mrr": {5: vars(mrr)},
            "seeds": seeds,
        }
        first = recall[1]
        rest = "  ".join(f"{recall[k].value:.3f}" for k in (3, 5, 10))
        print(
            f"{name:44} {first.value:.3f} ({first.low:.3f}-{first.high:.3f})    {rest}  "
            f"{mrr.value:.3f} ({mrr.low:.3f}-{mrr.high:.3f})  {seeds}"
        )
    costs = [unit["rerank_ms"] for unit in units_of_folds.values() if "rerank_ms" in unit]
    if costs:
        print(f"reranker: {np.median(costs):.0f} ms a row for {second.TOP_N} categories")
    took = [unit["seconds"] for unit in units_of_folds.values()]
    print(f"fine-tuning 208 rows x 5 epochs: {np.median(took):.1f} s (median of {len(took)})")
    return summary
