"""Are a dataset's splits equally hard? Where they are not, a measure on one says little of another."""

import random
import uuid
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.datasets.report import CheckDatasetResult, SplitDifference, SplitParity
from shared.datasets.service import Item
from shared.datasets.splits import SPLITS
from shared.engines.encoder import Encoder
from shared.evaluation.metrics import evaluate
from shared.jobs.kinds import CheckDatasetParams
from shared.jobs.run import Effects, Run
from shared.registry import service as registry
from shared.registry.serving import serving_of
from shared.resources import Resources

MAX_ROWS = 1000  # of a split, drawn by the dataset's seed: enough to see a difference of a few hundredths
PAGE = 250
ROUNDS = 2000
LEVEL = 0.05


def check(run: Run, params: CheckDatasetParams, resources: Resources) -> Effects:
    """Let the base model rank each row's category by the categories' texts, and compare the splits."""
    with run.reading() as session:
        dataset = dataset_store.get(session, run.organization_id, params.dataset_id)
        base = registry.get_base(session, run.organization_id)
        items = {
            name: datasets.items(session, run.organization_id, params.dataset_id, name) for name in SPLITS
        }
    encoder = resources.encoders.get(serving_of(base).model)
    texts = {uuid.UUID(category_id): category.text for category_id, category in dataset.categories.items()}
    ranks: dict[str, list[int]] = {}
    for name, split_items in items.items():
        rng = random.Random(dataset.seed)  # noqa: S311  # no secret
        drawn = rng.sample(split_items, min(MAX_ROWS, len(split_items)))
        ranks[name] = _ranks(run, encoder, drawn, texts)
    parity = compare(ranks, base.name)

    def apply_effects(session: Session) -> dict[str, Any]:
        datasets.record_parity(session, run.organization_id, params.dataset_id, parity)
        return CheckDatasetResult(dataset_id=params.dataset_id, parity=parity).model_dump(mode="json")

    return apply_effects


def compare(ranks: Mapping[str, Sequence[int]], model: str) -> SplitParity:
    """recall@k and MRR@k of each split, and the pairs of splits whose reciprocal ranks differ by more than
    chance: an unpaired permutation test (Fisher, 1935) at 0.05 shared among the pairs (Bonferroni).

    `ranks` are those that the model gave each split's rows.
    """
    pairs = [(a, b) for a, b in combinations(ranks, 2) if ranks[a] and ranks[b]]
    differences = []
    for a, b in pairs:
        p = permutation_p(_reciprocals(ranks[a]), _reciprocals(ranks[b]))
        differences.append(SplitDifference(splits=(a, b), p=p, differs=p < LEVEL / len(pairs)))
    return SplitParity(
        model=model,
        splits={name: evaluate(split_ranks).as_short_measures() for name, split_ranks in ranks.items()},
        differences=tuple(differences),
        is_even=not any(difference.differs for difference in differences),
    )


def permutation_p(a: Sequence[float], b: Sequence[float], *, seed: int = 0, rounds: int = ROUNDS) -> float:
    """How often as large a difference of means comes about when the rows change sides at random."""
    both = np.array([*a, *b])
    observed = abs(np.mean(a) - np.mean(b))
    rng = np.random.default_rng(seed)
    sums = np.array([rng.permutation(both)[: len(a)].sum() for _ in range(rounds)])
    differences = np.abs(sums / len(a) - (both.sum() - sums) / len(b))
    return float((np.sum(differences >= observed - 1e-12) + 1) / (rounds + 1))


def _ranks(run: Run, encoder: Encoder, items: Sequence[Item], texts: Mapping[uuid.UUID, str]) -> list[int]:
    order = list(texts)
    column_of = {category_id: column for column, category_id in enumerate(order)}
    category_vectors = encoder.encode([texts[category_id] for category_id in order])
    ranks: list[int] = []
    for start in range(0, len(items), PAGE):
        page = items[start : start + PAGE]
        scores = encoder.encode([item.text for item in page]) @ category_vectors.T
        own = scores[np.arange(len(page)), [column_of[item.category_id] for item in page]]
        ranks += [int(rank) for rank in 1 + (scores > own[:, None]).sum(axis=1)]
        run.progress(start + len(page), len(items), "asking")
    return ranks


def _reciprocals(ranks: Sequence[int]) -> list[float]:
    return [1 / rank for rank in ranks]
