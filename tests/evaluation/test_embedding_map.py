"""The map: at most 300 points, the same for the same rows, by the method that it names."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.datasets.service import Item
from shared.evaluation import embedding_map
from shared.evaluation.embedding_map import Embedder, draw
from shared.transactions.formats import TextFormat
from shared.transactions.text import TransactionFields


class Hashed:
    """Vectors by the text alone: where points lie does not matter here, only which there are."""

    dimension = 8

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
        rows = [np.random.default_rng(seed).normal(size=self.dimension) for seed in seeds]
        return np.array(rows, dtype=np.float32)


def test_the_map_has_categories_and_drawn_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert embedding_map.POINTS == 300
    monkeypatch.setattr(embedding_map, "POINTS", 30)
    categories: dict[str, Any] = {
        str(uuid.UUID(int=number)): {"name": f"Category {number}", "description": None, "examples": []}
        for number in range(4)
    }
    fields = [TransactionFields(f"Merchant {number}") for number in range(50)]
    items = [
        Item(uuid.UUID(int=number), uuid.uuid4(), uuid.UUID(int=number % 4), "", row_fields)
        for number, row_fields in enumerate(fields)
    ]
    view = Embedder(Hashed(), TextFormat())
    drawn = draw(items, categories, 7, view, view)
    assert drawn["method"] == "pca"
    kinds = [point["kind"] for point in drawn["points"]]
    assert (kinds.count("category"), kinds.count("transaction")) == (4, 26)
    assert {point["category_id"] for point in drawn["points"]} == set(categories)
    assert all(point["before"] == point["after"] for point in drawn["points"])
    assert draw(items[::-1], categories, 7, view, view) == drawn
    other = draw(items, categories, 8, view, view)
    assert {point["label"] for point in other["points"]} != {point["label"] for point in drawn["points"]}


def test_a_map_names_the_method_that_drew_it_rather_than_the_one_asked_for() -> None:
    meals: dict[str, Any] = {"name": "Meals", "description": None, "examples": []}
    category = {str(uuid.UUID(int=1)): meals}
    items = [Item(uuid.UUID(int=2), uuid.uuid4(), uuid.UUID(int=1), "", TransactionFields("Pizza"))]
    view = Embedder(Hashed(), TextFormat())
    drawn = draw(items, category, 7, view, view, "umap")
    assert (drawn["method"], len(drawn["points"])) == ("pca", 2)
