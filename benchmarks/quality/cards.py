"""The purchase cards: trained until June 2016, evaluated on later rows; then on held-out cost centres."""

import argparse
import hashlib
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import material, tables
from benchmarks.quality.material import TEXTS, Data, Row
from benchmarks.quality.units import Units
from shared.categorization.exact import rank_exactly, rank_of
from shared.engines.encoder import Encoder, SentenceTransformerEncoder, resolve_model
from shared.evaluation.baselines import METHODS, rankings
from shared.evaluation.metrics import macro_recall
from shared.evaluation.significance import differences
from shared.jobs.kinds import Recipe
from shared.kit.intervals import figure
from shared.training.bi_encoder.spec import FinetuneRequest
from shared.training.bi_encoder.trainer import finetune
from shared.training.rows import TrainRow
from shared.transactions.text import amount_band

LAST_TRAIN = "2016-06-30"
HELD_OUT = 5  # one cost centre in five is held out
MINORITY = 1 / 3  # a text keeps a label that has at least this share of its commonest label's rows
RIVAL = "tfidf_lr"
PLACED = "tfidf_lr, cost centre in its text"
SERVED = "tuned: serving"


def run(options: argparse.Namespace, units: Units) -> dict[str, Any]:
    """Baselines, the base model and a tuned one, in one table with slices."""
    data = material.purchase_cards(options.shared / "purchase_cards")
    is_held_out = options.part == "held-out"
    train = [row for row in data.rows if row.day is not None and row.day.isoformat() <= LAST_TRAIN]
    queries = [row for row in data.rows if row.day is not None and row.day.isoformat() > LAST_TRAIN]
    if is_held_out:
        train = [row for row in train if not _is_held_out(row)]
        queries = [row for row in queries if _is_held_out(row)]
    print(f"{len(train)} training rows, {len(queries)} queries, {len(data.chart)} categories")
    ranks: dict[str, list[int | None]] = {}
    for method in METHODS:
        unit = units.once(f"{options.part}-{method}", partial(_baseline, method, data, train, queries))
        ranks[method] = unit["ranks"]
    unit = units.once(f"{options.part}-placed", lambda: _baseline(RIVAL, data, train, queries, _placed))
    ranks[PLACED] = unit["ranks"]
    base = SentenceTransformerEncoder(resolve_model("all-MiniLM-L6-v2").path)
    unit = units.once(f"{options.part}-base", lambda: {"ranks": _stages("base", base, data, train, queries)})
    ranks |= unit["ranks"]
    folder = units.folder / f"{options.part}-model"
    training = units.once(f"{options.part}-training", lambda: _tune(data, train, folder, options.epochs))
    tuned = SentenceTransformerEncoder(folder)
    unit = units.once(
        f"{options.part}-tuned", lambda: {"ranks": _stages("tuned", tuned, data, train, queries)}
    )
    ranks |= unit["ranks"]
    print(f"training: {json.dumps(training)}")
    return {"training": training, **_report(ranks, train, queries, options.part)}


def _is_held_out(row: Row) -> bool:
    digest = hashlib.sha256((row.fields.location or "").encode()).digest()
    return digest[0] % HELD_OUT == 0


def _text(row: Row) -> str:
    return TEXTS.of_transaction(row.fields)


def _placed(row: Row) -> str:
    """The text with the cost centre, which serving knows as habits and precedents."""
    return f"{_text(row)}, {row.fields.location}"


def _baseline(
    method: str,
    data: Data,
    train: Sequence[Row],
    queries: Sequence[Row],
    text_of: Callable[[Row], str] = _text,
) -> dict[str, Any]:
    """The ranks of the queries; each distinct one is computed once."""
    texts = {category_id: choice.text for category_id, choice in data.choices(TEXTS).items()}
    distinct = material.counted(queries, text_of)
    distinct_ranks = rankings(method, material.counted(train, text_of), distinct, texts)
    rank_of_distinct = {
        (row.text, row.merchant, row.category_id): position
        for row, position in zip(distinct, distinct_ranks, strict=True)
    }
    return {"ranks": [rank_of_distinct[text_of(row), row.merchant, row.category_id] for row in queries]}


def _stages(
    name: str, encoder: Encoder, data: Data, train: Sequence[Row], queries: Sequence[Row]
) -> dict[str, list[int | None]]:
    """The ranks by category texts alone, with history, and with habits and precedents of the cost centre."""
    choices = data.choices(TEXTS)
    history, questions = ([row.exact(TEXTS) for row in rows] for rows in (train, queries))
    caching = _CachingEncoder(encoder)
    stages = {
        "texts": ([], False),
        "texts + history": (history, False),
        "serving": (history, True),
    }
    ranks: dict[str, list[int | None]] = {}
    for stage, (rows, with_habits) in stages.items():
        rankings = rank_exactly(
            caching, choices, rows, questions, is_tuned=name != "base", with_habits=with_habits
        )
        ranks[f"{name}: {stage}"] = [
            rank_of(row.category_id, ranking) for row, ranking in zip(queries, rankings, strict=True)
        ]
    return ranks


class _CachingEncoder:
    """An encoder that caches vectors, since each stage needs those of the same texts."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Any] = {}

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str]) -> Any:
        """A row for each text."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._encoder.encode(new), strict=True))
        return np.array([self._known[text] for text in texts], dtype=np.float32).reshape(
            len(texts), self.dimension
        )


def _tune(data: Data, train: Sequence[Row], folder: Path, epochs: int) -> dict[str, Any]:
    """Train on each distinct text with its commonest label, and with each label that is nearly as common."""
    counts: dict[str, Counter[uuid.UUID]] = {}
    for row in train:
        counts.setdefault(TEXTS.of_transaction(row.fields), Counter())[row.category_id] += 1
    rows = [
        TrainRow(text, str(category_id))
        for text, labels in sorted(counts.items())
        for category_id, number in sorted(labels.items())
        if number >= MINORITY * max(labels.values())
    ]
    started = time.monotonic()
    result = finetune(
        FinetuneRequest(
            base_model=resolve_model("all-MiniLM-L6-v2").path,
            output_dir=folder,
            category_texts=data.texts(TEXTS),
            train_rows=tuple(rows),
            recipe=Recipe(epochs=epochs, batch_size=64),
        ),
        lambda step: print(f"  {step.step}/{step.total_steps}", flush=True) if step.step % 50 == 0 else None,
    )
    return {
        "distinct_texts": len(counts),
        "rows": len(rows),
        "epochs": epochs,
        "steps": result.steps,
        "seconds": round(time.monotonic() - started, 1),
    }


def _report(
    ranks: Mapping[str, list[int | None]], train: Sequence[Row], queries: Sequence[Row], part: str
) -> dict[str, Any]:
    slices: dict[str, Any] = {}
    groups = [str(row.category_id) for row in queries]
    for name, members in _slices(train, queries).items():
        lines = {
            method: [method_ranks[position] for position in members] for method, method_ranks in ranks.items()
        }
        if name == "all":
            tables.show(f"{part}: all", lines)
        slices[name] = {
            "n": len(members),
            **{
                method: {
                    "recall_at_1": vars(figure(np.array(tables.values(method_ranks, 1)))),
                    "recall_at_5": vars(figure(np.array(tables.values(method_ranks, 5)))),
                    "mrr_at_5": vars(figure(np.array(tables.reciprocals(method_ranks, 5)))),
                }
                for method, method_ranks in lines.items()
            },
        }
    macro = {method: macro_recall(groups, method_ranks).value for method, method_ranks in ranks.items()}
    for rival in (RIVAL, PLACED):
        _compare(ranks, rival, _slices(train, queries), part)
    print("macro recall@1: " + ", ".join(f"{method} {value:.3f}" for method, value in macro.items()))
    return {"slices": slices, "macro_recall_at_1": macro}


def _compare(
    ranks: Mapping[str, list[int | None]], rival: str, slices: Mapping[str, list[int]], part: str
) -> None:
    print(f"\n{part}: recall@1 by slice, against {rival}")
    print(f"{'':44} {'n':>6}  {'rival':>9}  served  difference (95 %), p")
    for name, members in slices.items():
        served_ranks, rival_ranks = (
            [ranks[method][position] for position in members] for method in (SERVED, rival)
        )
        pair = differences(rival_ranks, served_ranks)[0]  # recall@1
        print(
            f"{name:44} {len(members):6}  {pair.baseline:9.3f}  {pair.candidate:6.3f}  "
            f"{pair.difference:+.3f} ({pair.low:+.3f} to {pair.high:+.3f}), {pair.p:.4f}"
        )


def _slices(train: Sequence[Row], queries: Sequence[Row]) -> dict[str, list[int]]:
    """The positions of the queries by slice."""
    merchants = {row.merchant for row in train}
    labelled = Counter(row.category_id for row in train)
    slices: dict[str, list[int]] = {"all": list(range(len(queries)))}

    def add(name: str, position: int) -> None:
        slices.setdefault(name, []).append(position)

    for position, row in enumerate(queries):
        add("merchant seen" if row.merchant in merchants else "merchant never seen", position)
        rows = labelled[row.category_id]
        size = "under 100" if rows < 100 else "100 to 999" if rows < 1000 else "1,000 or more"
        add(f"category with {size} rows", position)
        add(f"amount: {amount_band(row.fields.amount)}", position)
        add(f"directorate {row.fields.department}", position)
    return {name: members for name, members in slices.items() if len(members) >= 50}
