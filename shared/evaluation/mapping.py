"""A map of the embeddings before and after training: the two directions that tell most apart. Pure."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.datasets.service import Item
from shared.engines.encoder import Encoder
from shared.transactions.formats import TextFormat

POINTS = 300
CATEGORIES = 150


@dataclass(frozen=True)
class View:
    """A model and the texts that it reads."""

    encoder: Encoder
    texts: TextFormat


def draw(
    items: Sequence[Item], categories: Mapping[str, Mapping[str, Any]], seed: int, before: View, after: View
) -> dict[str, Any]:
    """At most 300 points, categories first, the rest transactions by the seed, as both models place them."""
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
    places = {view: _places(view, about, asked) for view in {before, after}}
    for number, point in enumerate(points):
        point |= {"before": places[before][number], "after": places[after][number]}
    return {"method": "pca", "points": points}


def project(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The first two principal components (Pearson, 1901), shape (n, 2), by singular value decomposition.

    Each axis points where its largest entry is positive, so that the same vectors give the same map.
    """
    centred = np.asarray(vectors, dtype=np.float64) - np.mean(vectors, axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(centred), 2))
    width = min(2, sizes.size)
    places[:, :width] = left[:, :width] * sizes[:width]
    largest = np.abs(places).argmax(axis=0)
    signs = np.where(places[largest, [0, 1]] < 0, -1.0, 1.0)
    return np.asarray(places * signs, dtype=np.float64)


def _places(view: View, categories: Sequence[Mapping[str, Any]], items: Sequence[Item]) -> list[list[float]]:
    words = [view.texts.of_frozen(about) for about in categories]
    words += [view.texts.of_transaction(item.fields) for item in items]
    return [[round(float(value), 4) for value in place] for place in project(view.encoder.encode(words))]


def _draw(seed: int, one: str | uuid.UUID) -> bytes:
    return hashlib.sha256(f"{seed}:{one}".encode()).digest()
