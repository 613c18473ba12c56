"""A map of the embeddings before and after training, on a plane. Pure."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.datasets.service import Item
from shared.engines.encoder import Encoder
from shared.evaluation import projection as projecting
from shared.evaluation.projection import Vectors
from shared.jobs.kinds import Projection
from shared.transactions.formats import TextFormat

POINTS = 300
CATEGORIES = 150


@dataclass(frozen=True)
class Embedder:
    """A model and the texts that it reads."""

    encoder: Encoder
    texts: TextFormat


def draw(
    items: Sequence[Item],
    categories: Mapping[str, Mapping[str, Any]],
    seed: int,
    before: Embedder,
    after: Embedder,
    projection: Projection = "pca",
) -> dict[str, Any]:
    """At most 300 points, categories first, the rest transactions by the seed, as both models place them.

    `method` is the projection, or "pca" where there are too few points for it.
    """
    chosen = sorted(categories, key=lambda one: _draw(seed, one))[:CATEGORIES]
    asked = sorted(items, key=lambda item: _draw(seed, item.id))[: POINTS - len(chosen)]
    points: list[dict[str, Any]] = [
        {"kind": "category", "label": categories[one]["name"], "category_id": one} for one in chosen
    ]
    points += [
        {
            "kind": "transaction",
            "label": item.fields.merchant_name,
            "category_id": str(item.category_id),
        }
        for item in asked
    ]
    about = [categories[one] for one in chosen]
    vectors = {view: _encode(view, about, asked) for view in {before, after}}
    method = projecting.possible(projection, vectors.values())
    places = {view: _places(found, method, seed) for view, found in vectors.items()}
    for number, point in enumerate(points):
        point |= {"before": places[before][number], "after": places[after][number]}
    return {"method": method, "points": points}


def _encode(view: Embedder, categories: Sequence[Mapping[str, Any]], items: Sequence[Item]) -> Vectors:
    words = [view.texts.of_frozen(about) for about in categories]
    words += [view.texts.of_transaction(item.fields) for item in items]
    return view.encoder.encode(words)


def _places(vectors: Vectors, method: Projection, seed: int) -> list[list[float]]:
    places = projecting.project(vectors, method, seed)
    return [[round(float(value), 4) for value in place] for place in places]


def _draw(seed: int, one: str | uuid.UUID) -> bytes:
    return hashlib.sha256(f"{seed}:{one}".encode()).digest()
