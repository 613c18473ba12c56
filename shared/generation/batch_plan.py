"""Which categories a generation requests rows for, how many, and in which batches. Pure and seeded."""

import math
import random
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BATCH_SIZE = 10  # rows in one request: enough to share the prompt's price, few enough to lose with an answer
HALF_ENOUGH = 16  # a category with so many labelled examples needs half as much as one with none
UNKNOWN_RECALL = 0.5


@dataclass(frozen=True)
class Need:
    """What is known of a category: labelled examples, and recall@1 of the active model's last evaluation."""

    labelled: int = 0
    recall_1: float | None = None

    @property
    def weight(self) -> float:
        """Between 0 and 2: falls with the number of examples, and with recall."""
        recall = UNKNOWN_RECALL if self.recall_1 is None else self.recall_1
        return HALF_ENOUGH / (HALF_ENOUGH + self.labelled) + 1 - recall


@dataclass(frozen=True)
class Batch:
    """One request: its number from 0, and how many rows of each category it asks for."""

    number: int
    wanted: dict[uuid.UUID, int]

    @property
    def size(self) -> int:
        """How many rows it asks for."""
        return sum(self.wanted.values())


def allocate(weights: Mapping[uuid.UUID, float], count: int, seed: int) -> dict[uuid.UUID, int]:
    """`count` rows in proportion to the weights, by largest remainder; equal remainders are drawn by seed.

    Equal weights give numbers that differ by at most one. Where all weights are 0, all are equal.
    """
    rng = random.Random(seed)  # noqa: S311  # a reproducible choice, not a secret
    order = sorted(weights)
    rng.shuffle(order)
    total = math.fsum(weights.values())
    shares = {id_: count * (weights[id_] / total if total else 1 / len(weights)) for id_ in order}
    counts = {id_: math.floor(share) for id_, share in shares.items()}
    rest = count - sum(counts.values())
    for id_ in sorted(order, key=lambda id_: counts[id_] - round(shares[id_], 9))[:rest]:
        counts[id_] += 1
    return counts


def split(counts: Mapping[uuid.UUID, int], seed: int) -> list[Batch]:
    """The rows in requests of at most `BATCH_SIZE`, categories mixed, so that the LLM contrasts them."""
    rng = random.Random(seed)  # noqa: S311  # as above
    rows = [category_id for category_id in sorted(counts) for _ in range(counts[category_id])]
    rng.shuffle(rows)
    parts = [rows[start : start + BATCH_SIZE] for start in range(0, len(rows), BATCH_SIZE)]
    return [Batch(number, dict(Counter(part))) for number, part in enumerate(parts)]


def plan(
    category_ids: Sequence[uuid.UUID],
    count: int,
    seed: int,
    needs: Mapping[uuid.UUID, Need] | None = None,
) -> list[Batch]:
    """The requests for `count` rows; evenly, or by need where `needs` are given."""
    weights = {id_: 1.0 if needs is None else needs.get(id_, Need()).weight for id_ in category_ids}
    return split(allocate(weights, count, seed), seed)
