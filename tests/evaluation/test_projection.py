"""A plane for vectors: scikit-learn's principal components, and UMAP where it is installed."""

import importlib.util
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.evaluation.projection import (
    ProjectionNotInstalled,
    check_installed,
    possible_projection,
    principal,
    project,
)


def groups() -> NDArray[np.float64]:
    """Three groups of ten unit vectors, far from each other, with some that are there twice."""
    rng = np.random.default_rng(3)
    vectors = np.repeat(rng.normal(size=(3, 12)), 10, axis=0) + rng.normal(scale=0.1, size=(30, 12))
    vectors[1] = vectors[0]
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_the_projection_is_that_of_scikit_learn_but_for_signs() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 12))
    plane = principal(vectors)
    from sklearn.decomposition import PCA

    theirs = PCA(2).fit_transform(vectors)
    np.testing.assert_allclose(np.abs(plane), np.abs(theirs), atol=1e-9)
    np.testing.assert_allclose(principal(-vectors), plane, atol=1e-9)
    np.testing.assert_array_equal(project(vectors, "pca", 7), plane)
    assert principal(vectors[:1]).tolist() == [[0, 0]]


def test_a_map_of_too_few_distinct_points_is_one_of_principal_components() -> None:
    many, few = groups(), np.repeat(groups()[:1], 30, axis=0)
    assert possible_projection("umap", [many, many]) == "umap"
    assert possible_projection("umap", [many, few]) == "pca"
    assert possible_projection("pca", [many]) == "pca"


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    check_installed("pca")
    with pytest.raises(ProjectionNotInstalled, match=r"make install EXTRAS=umap"):
        check_installed("umap")


# Of its import, where the library that it could also use is missing.
@pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")
def test_umap_keeps_groups_together_and_gives_the_same_map_for_the_same_seed() -> None:
    pytest.importorskip("umap", reason="`make test` installs it")
    vectors = groups()
    plane = project(vectors, "umap", 2**33 + 5)
    np.testing.assert_array_equal(plane, project(vectors, "umap", 2**33 + 5))
    assert (plane.shape, bool(np.isfinite(plane).all())) == ((30, 2), True)
    assert not np.array_equal(plane, project(vectors, "umap", 6))
    apart: Any = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (apart.argmin(axis=1) // 10 == np.arange(30) // 10).all()
    for n in (5, 6):  # as few as it takes
        assert np.isfinite(project(vectors[np.arange(n) * 30 // n], "umap", 5)).all()
