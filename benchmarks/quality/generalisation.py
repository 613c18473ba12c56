"""Categories that training never saw, and categories under other names: is a tuned model still no worse?"""

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
    """Base and tuned on the same rows, and whether what is between them is more than chance."""
    data = material.tech_expenses(options.shared / "tech_expenses")
    unseen = _joined(
        units.once(f"unseen-{fold}", partial(_unseen, data, fold, units))["ranks"] for fold in range(FOLDS)
    )
    renamed = _joined(
        units.once(f"renamed-{fold}", partial(_renamed, data, fold, units))["ranks"] for fold in range(FOLDS)
    )
    results: dict[str, Any] = {}
    tables.show("categories held out whole", unseen)
    for share in (0.0, *BASE_SHARES):
        results[f"held out: {_name(share)}"] = _compare(unseen, "base", _name(share))
    tables.show("categories renamed", renamed)
    for way in ("as trained, ", "renamed, ", "renamed, names only, "):
        results[f"renamed: {way}"] = _compare(renamed, f"{way}base", f"{way}tuned")
    return results


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
    """A fifth of the categories is kept from training with all its rows; then all are to choose from."""
    order = random.Random(0).sample(sorted(data.chart), len(data.chart))
    out = set(order[fold::FOLDS])
    known = [row for row in data.rows if row.category_id not in out]
    held_out = [row for row in data.rows if row.category_id in out]
    seen = Data(
        data.rows,
        {category_id: category for category_id, category in data.chart.items() if category_id not in out},
    )
    folder = units.folder / f"unseen-model-{fold}"

    def train() -> dict[str, Any]:
        shutil.rmtree(folder, ignore_errors=True)  # what a run that was stopped left
        return {"seconds": tune(seen, known, folder, Recipe(seed=fold)).seconds}

    units.once(f"unseen-training-{fold}", train)
    ranks = stages("base", base_encoder(), data, known, held_out)
    for share in (0.0, *BASE_SHARES):
        with tempfile.TemporaryDirectory() as moved:
            average({folder: 1 - share, resolve_model("all-MiniLM-L6-v2").path: share}, Path(moved), "cpu")
            ranks |= stages(_name(share), SentenceTransformerEncoder(Path(moved)), data, known, held_out)
    return {"ranks": ranks}


def _name(base_share: float) -> str:
    return f"tuned, {base_share:.2f} base" if base_share else "tuned"


def _renamed(data: Data, fold: int, units: Units) -> dict[str, Any]:
    """The folds of the tech expenses, asked of charts whose categories have other names."""
    names = json.loads((Path(__file__).parent / "renamed.json").read_text("utf-8"))
    known, held_out = ([data.rows[at] for at in some] for some in halves(data, 0, fold))
    charts = {
        "as trained": data,
        "renamed": _with(
            data,
            {category_id: {"name": names[category["name"]]} for category_id, category in data.chart.items()},
        ),
        "renamed, names only": _with(
            data,
            {
                category_id: {"name": names[category["name"]], "examples": []}
                for category_id, category in data.chart.items()
            },
        ),
    }
    models: dict[str, Encoder] = {
        "base": base_encoder(),
        "tuned": SentenceTransformerEncoder(tuned_model(data, 0, fold, units)[0]),
    }
    return {
        "ranks": {
            f"{title}, {way}": ranks
            for title, chart in charts.items()
            for name, encoder in models.items()
            for way, ranks in stages(name, encoder, chart, known, held_out).items()
        }
    }


def _with(data: Data, changes: dict[uuid.UUID, dict[str, Any]]) -> Data:
    return replace(
        data,
        chart={category_id: category | changes[category_id] for category_id, category in data.chart.items()},
    )
