"""Categories that training never saw, and renamed ones: is a tuned model still as good as the base model?"""

import argparse
import json
import random
import shutil
import tempfile
import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.quality import material, tables
from benchmarks.quality.material import Data
from benchmarks.quality.tech import FOLDS, base_encoder, halves, stages, tune, tuned_model
from benchmarks.quality.units import Units
from shared.engines.encoder import Encoder, SentenceTransformerEncoder, resolve_model
from shared.evaluation.significance import differences
from shared.jobs.kinds import Recipe
from shared.training.bi_encoder.model_soup import average

Ranks = dict[str, list[int | None]]
BASE_SHARES = (0.25, 0.5)
TEXT = "texts + departments"  # without history: neither a new nor a renamed category of another chart has any


def run(options: argparse.Namespace, units: Units) -> dict[str, Any]:
    """The base model and tuned ones on the same rows, and whether their difference is significant."""
    data = material.tech_expenses(options.shared / "tech_expenses")
    unseen = _joined(
        units.once(f"unseen-{fold}", partial(_unseen, data, fold, units))["ranks"] for fold in range(FOLDS)
    )
    renamed = _joined(
        units.once(f"renamed-{fold}", partial(_renamed, data, fold, units))["ranks"] for fold in range(FOLDS)
    )
    comparisons: dict[str, Any] = {}
    tables.show("categories held out whole", unseen)
    for share in (0.0, *BASE_SHARES):
        comparisons[f"held out: {_name(share)}"] = _compare(unseen, "base", _name(share))
    tables.show("categories renamed", renamed)
    for way in ("as trained, ", "renamed, ", "renamed, names only, "):
        comparisons[f"renamed: {way}"] = _compare(renamed, f"{way}base", f"{way}tuned")
    return comparisons


def _compare(ranks: Ranks, baseline: str, candidate: str) -> dict[str, Any]:
    pair = differences(ranks[f"{baseline}: {TEXT}"], ranks[f"{candidate}: {TEXT}"])[0]
    print(
        f"  {candidate} less {baseline}, recall@1: {pair.difference:+.3f} ({pair.low:+.3f} to "
        f"{pair.high:+.3f}), p = {pair.p:.4f}"
    )
    return vars(pair)


def _joined(folds: Any) -> Ranks:
    ranks: Ranks = {}
    for fold in folds:
        for name, fold_ranks in fold.items():
            ranks.setdefault(name, []).extend(fold_ranks)
    return ranks


def _unseen(data: Data, fold: int, units: Units) -> dict[str, Any]:
    """A fifth of the categories is held out from training, rows and all; then all can be chosen."""
    order = random.Random(0).sample(sorted(data.chart), len(data.chart))
    held_out = set(order[fold::FOLDS])
    known = [row for row in data.rows if row.category_id not in held_out]
    queries = [row for row in data.rows if row.category_id in held_out]
    without_held_out = Data(
        data.rows,
        {
            category_id: category
            for category_id, category in data.chart.items()
            if category_id not in held_out
        },
    )
    folder = units.folder / f"unseen-model-{fold}"

    def train() -> dict[str, Any]:
        shutil.rmtree(folder, ignore_errors=True)  # left by a run that was stopped
        return {"seconds": tune(without_held_out, known, folder, Recipe(seed=fold)).seconds}

    units.once(f"unseen-training-{fold}", train)
    ranks = stages("base", base_encoder(), data, known, queries)
    for share in (0.0, *BASE_SHARES):
        with tempfile.TemporaryDirectory() as folder_name:
            average(
                {folder: 1 - share, resolve_model("all-MiniLM-L6-v2").path: share}, Path(folder_name), "cpu"
            )
            ranks |= stages(_name(share), SentenceTransformerEncoder(Path(folder_name)), data, known, queries)
    return {"ranks": ranks}


def _name(base_share: float) -> str:
    return f"tuned, {base_share:.2f} base" if base_share else "tuned"


def _renamed(data: Data, fold: int, units: Units) -> dict[str, Any]:
    """The folds of the tech expenses, with charts whose categories have other names."""
    names = json.loads((Path(__file__).parent / "renamed.json").read_text("utf-8"))
    known, queries = ([data.rows[position] for position in half] for half in halves(data, 0, fold))
    charts = {
        "as trained": data,
        "renamed": _with(data, {id_: {"name": names[category.name]} for id_, category in data.chart.items()}),
        "renamed, names only": _with(
            data,
            {id_: {"name": names[category.name], "examples": ()} for id_, category in data.chart.items()},
        ),
    }
    models: dict[str, Encoder] = {
        "base": base_encoder(),
        "tuned": SentenceTransformerEncoder(tuned_model(data, 0, fold, units)[0]),
    }
    return {
        "ranks": {
            f"{title}, {stage}": ranks
            for title, chart in charts.items()
            for name, encoder in models.items()
            for stage, ranks in stages(name, encoder, chart, known, queries).items()
        }
    }


def _with(data: Data, changes: dict[uuid.UUID, dict[str, Any]]) -> Data:
    changed = {id_: category.model_copy(update=changes[id_]) for id_, category in data.chart.items()}
    return replace(data, chart=changed)
