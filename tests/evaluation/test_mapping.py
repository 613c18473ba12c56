"""The map: scikit-learn's principal components, at most 300 points, the same for the same rows."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from shared.datasets.service import Item
from shared.evaluation import mapping
from shared.evaluation.mapping import View, draw, project
from shared.transactions.formats import TextFormat
from shared.transactions.text import TransactionFields


class Hashed:
    """Vectors by the text alone: where points lie does not matter here, only which there are."""

    dimension = 8

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
        rows = [np.random.default_rng(seed).normal(size=self.dimension) for seed in seeds]
        return np.array(rows, dtype=np.float32)


def test_the_projection_is_that_of_scikit_learn_but_for_signs() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 12))
    found = project(vectors)
    theirs = PCA(2).fit_transform(vectors)
    np.testing.assert_allclose(np.abs(found), np.abs(theirs), atol=1e-9)
    np.testing.assert_allclose(project(-vectors), found, atol=1e-9)
    assert project(vectors[:1]).tolist() == [[0, 0]]


def test_the_map_has_categories_and_drawn_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mapping.POINTS == 300
    monkeypatch.setattr(mapping, "POINTS", 30)
    categories: dict[str, Any] = {
        str(uuid.UUID(int=number)): {"name": f"Category {number}", "description": None, "examples": []}
        for number in range(4)
    }
    fields = [TransactionFields(f"Merchant {number}") for number in range(50)]
    items = [
        Item(uuid.UUID(int=number), uuid.uuid4(), uuid.UUID(int=number % 4), "", one)
        for number, one in enumerate(fields)
    ]
    view = View(Hashed(), TextFormat())
    found = draw(items, categories, 7, view, view)
    assert found["method"] == "pca"
    kinds = [one["kind"] for one in found["points"]]
    assert (kinds.count("category"), kinds.count("transaction")) == (4, 26)
    assert {one["category_id"] for one in found["points"]} == set(categories)
    assert all(one["before"] == one["after"] for one in found["points"])
    assert draw(items[::-1], categories, 7, view, view) == found
    other = draw(items, categories, 8, view, view)
    assert {one["label"] for one in other["points"]} != {one["label"] for one in found["points"]}
