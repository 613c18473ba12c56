"""Are a dataset's splits equally hard? Where they are not, a figure on one says little of another."""

import math
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.datasets.service import Item
from shared.datasets.tables import SPLITS
from shared.engines.encoder import Encoder
from shared.engines.encoder_cache import Encoders
from shared.evaluation import metrics
from shared.jobs.kinds import CheckDatasetParams
from shared.jobs.run import Finish, Run
from shared.registry import service as registry
from shared.registry.serving import serving_of

MAX_ROWS = 1000  # of a split, drawn by the dataset's seed: enough to see a difference of a few hundredths
PAGE = 250
ROUNDS = 2000
LEVEL = 0.05


def check(run: Run, params: CheckDatasetParams, encoders: Encoders) -> Finish:
    """Let the base model rank each row's category by the categories' texts, and compare the splits."""
    with run.reading() as session:
        dataset = dataset_store.get(session, run.organization_id, params.dataset_id)
        base = registry.get_base(session, run.organization_id)
        items = {
            name: datasets.items(session, run.organization_id, params.dataset_id, name) for name in SPLITS
        }
    encoder = encoders.get(serving_of(base).model)
    texts = {uuid.UUID(one): about["text"] for one, about in dataset.categories.items()}
    drawn = {
        name: random.Random(dataset.seed).sample(its, min(MAX_ROWS, len(its)))  # noqa: S311  # no secret
        for name, its in items.items()
    }
    ranks: dict[str, list[int]] = {}
    for name, its in drawn.items():
        ranks[name] = _ranks(run, encoder, its, texts)
    parity = {"model": base.name, **compare(ranks)}

    def finish(session: Session) -> dict[str, Any]:
        datasets.record_parity(session, run.organization_id, params.dataset_id, parity)
        return {"dataset_id": str(params.dataset_id), "parity": parity}

    return finish


def compare(ranks: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """recall@k and MRR@k of each split, and the pairs of splits whose reciprocal ranks differ by more than
    chance: an unpaired permutation test (Fisher, 1935) at 0.05 shared among the pairs (Bonferroni).
    """
    pairs = [(a, b) for a, b in combinations(ranks, 2) if ranks[a] and ranks[b]]
    differences = [
        {"splits": [a, b], "p": (p := permutation_p(_reciprocals(ranks[a]), _reciprocals(ranks[b])))}
        | {"differs": p < LEVEL / len(pairs)}
        for a, b in pairs
    ]
    return {
        "splits": {name: _as_json(metrics.evaluate(its)) for name, its in ranks.items()},
        "differences": differences,
        "is_even": not any(one["differs"] for one in differences),
    }


def permutation_p(a: Sequence[float], b: Sequence[float], *, seed: int = 0, rounds: int = ROUNDS) -> float:
    """How often as large a difference of means comes about when the rows change sides at random."""
    both = np.array([*a, *b])
    seen = abs(np.mean(a) - np.mean(b))
    rng = np.random.default_rng(seed)
    sums = np.array([rng.permutation(both)[: len(a)].sum() for _ in range(rounds)])
    differences = np.abs(sums / len(a) - (both.sum() - sums) / len(b))
    return float((np.sum(differences >= seen - 1e-12) + 1) / (rounds + 1))


def _ranks(run: Run, encoder: Encoder, items: Sequence[Item], texts: Mapping[uuid.UUID, str]) -> list[int]:
    order = list(texts)
    place = {category_id: column for column, category_id in enumerate(order)}
    categories = encoder.encode([texts[category_id] for category_id in order])
    found: list[int] = []
    for start in range(0, len(items), PAGE):
        page = items[start : start + PAGE]
        scores = encoder.encode([item.text for item in page]) @ categories.T
        own = scores[np.arange(len(page)), [place[item.category_id] for item in page]]
        found += [int(rank) for rank in 1 + (scores > own[:, None]).sum(axis=1)]
        run.progress(start + len(page), len(items), "asking")
    return found


def _reciprocals(ranks: Sequence[int]) -> list[float]:
    return [1 / rank for rank in ranks]


def _as_json(found: metrics.Metrics) -> dict[str, Any]:
    def figures(by_k: Mapping[int, metrics.Figure]) -> dict[str, Any]:
        # Without rows the figures are not numbers, which JSON cannot say.
        return {
            str(k): {name: None if math.isnan(value) else value for name, value in asdict(figure).items()}
            for k, figure in by_k.items()
        }

    return {"n": found.n, "recall": figures(found.recall), "mrr": figures(found.mrr)}
