"""The map: at most 300 points, the same for the same rows, by the method that it names."""

import hashlib
import uuid
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.categories.frozen import FrozenCategory
from shared.datasets.service import Item
from shared.evaluation import embedding_map
from shared.evaluation.embedding_map import Embedder, draw_map
from shared.transactions.fields import TransactionFields
from shared.transactions.formats import TextFormat


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
    categories = {
        str(uuid.UUID(int=number)): FrozenCategory(name=f"Category {number}") for number in range(4)
    }
    fields = [TransactionFields(f"Merchant {number}") for number in range(50)]
    items = [
        Item(uuid.UUID(int=number), uuid.uuid4(), uuid.UUID(int=number % 4), "", item_fields)
        for number, item_fields in enumerate(fields)
    ]
    model = Embedder(Hashed(), TextFormat())
    drawn = draw_map(items, categories, 7, model, model)
    assert drawn.method == "pca"
    kinds = [point.kind for point in drawn.points]
    assert (kinds.count("category"), kinds.count("transaction")) == (4, 26)
    assert {str(point.category_id) for point in drawn.points} == set(categories)
    assert all(point.before == point.after for point in drawn.points)
    assert draw_map(items[::-1], categories, 7, model, model) == drawn
    other = draw_map(items, categories, 8, model, model)
    assert {point.label for point in other.points} != {point.label for point in drawn.points}


def test_a_map_names_the_method_that_drew_it_rather_than_the_one_asked_for() -> None:
    category = {str(uuid.UUID(int=1)): FrozenCategory(name="Meals")}
    items = [Item(uuid.UUID(int=2), uuid.uuid4(), uuid.UUID(int=1), "", TransactionFields("Pizza"))]
    model = Embedder(Hashed(), TextFormat())
    drawn = draw_map(items, category, 7, model, model, "umap")
    assert (drawn.method, len(drawn.points)) == ("pca", 2)
