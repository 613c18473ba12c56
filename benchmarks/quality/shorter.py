"""Matryoshka: what shorter vectors cost in recall and save in the index."""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import material, tables
from benchmarks.quality.material import Data
from benchmarks.quality.tech import FOLDS, halves, stages, tune
from benchmarks.quality.units import Units
from shared.engines.edge import EdgeIndex
from shared.engines.encoder import SentenceTransformerEncoder
from shared.engines.vectors import Point, Search
from shared.jobs.kinds import Recipe

DIMENSIONS = (384, 256, 128, 64)
POINTS = 50_000
QUERIES = 300


def run(options: argparse.Namespace, units: Units) -> dict[str, Any]:
    """recall@1 at each dimension over five folds; the size of the index and its times with random points."""
    data = material.tech_expenses(options.shared / "tech_expenses")
    ranks: dict[str, list[int | None]] = {}
    for fold in range(FOLDS):
        unit = units.once(f"matryoshka-{fold}", partial(_fold, data, fold))
        for name, fold_ranks in unit["ranks"].items():
            ranks.setdefault(name, []).extend(fold_ranks)
    tables.show("matryoshka, tech expenses, 5 folds", dict(sorted(ranks.items())))
    indexes = {str(d): units.once(f"index-{d}", partial(_index, d)) for d in DIMENSIONS}
    print(f"\n{'dimension':>10} {'bytes a point':>14} {'ms a search (median, p95)':>28}, {POINTS} points")
    for dimension, figures in indexes.items():
        times = f"{figures['median_ms']:18.2f} {figures['p95_ms']:8.2f}"
        print(f"{dimension:>10} {figures['bytes_per_point']:14.0f} {times}")
    recall = {
        name: float(np.mean(tables.values(dimension_ranks, 1))) for name, dimension_ranks in ranks.items()
    }
    return {"recall_at_1": recall, "index": indexes}


def _fold(data: Data, fold: int) -> dict[str, Any]:
    known, queries = ([data.rows[position] for position in half] for half in halves(data, 0, fold))
    ranks: dict[str, list[int | None]] = {}
    with tempfile.TemporaryDirectory() as folder:
        recipe = Recipe(seed=fold, matryoshka_dimensions=DIMENSIONS)
        model = tune(data, known, Path(folder) / "model", recipe).model_dir
        for dimension in DIMENSIONS:
            encoder = SentenceTransformerEncoder(model, dimension=dimension)
            ranks |= stages(f"{dimension:3} numbers", encoder, data, known, queries)
    return {"ranks": ranks}


def _index(dimension: int) -> dict[str, Any]:
    """A Qdrant Edge with one organisation's points, searched as serving does."""
    folder = Path(tempfile.mkdtemp(prefix="outlay-index-"))
    key, socket = secrets.token_hex(16), folder / "edge.sock"
    sidecar = subprocess.Popen(
        [sys.executable, "-m", "shared.engines.edge_sidecar", "--folder", str(folder / "index"),
         "--socket", str(socket)],
        env={**os.environ, "OUTLAY_EDGE_AUTHKEY": key},
    )  # fmt: skip
    try:
        while not socket.exists():
            time.sleep(0.05)
        index = EdgeIndex(socket, key)
        return _measure(index, dimension, folder / "index")
    finally:
        sidecar.terminate()
        sidecar.wait()
        shutil.rmtree(folder)


def _measure(index: EdgeIndex, dimension: int, folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    organization_id, category_id = uuid.UUID(int=1), uuid.UUID(int=2)
    index.ensure_collection("points", dimension)
    vectors = rng.standard_normal((POINTS + QUERIES, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for start in range(0, POINTS, 1000):
        part = range(start, start + 1000)
        index.upsert("points", [_point(organization_id, category_id, at, vectors[at]) for at in part])
    took = []
    for vector in vectors[POINTS:]:
        started = time.perf_counter()
        index.search("points", [Search(organization_id, "transaction", vector, 100)])
        took.append(1000 * (time.perf_counter() - started))
    size = sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
    return {
        "bytes_per_point": size / POINTS,
        "median_ms": float(np.median(took)),
        "p95_ms": float(np.quantile(took, 0.95)),
    }


def _point(organization_id: uuid.UUID, category_id: uuid.UUID, at: int, vector: Any) -> Point:
    row_id = uuid.UUID(int=at + 10)
    return Point(row_id, organization_id, "transaction", row_id, category_id, vector, "d")
