"""Vectors on a plane: principal components, or UMAP where the extra is installed. Pure, and seeded."""

import importlib.util
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.jobs.kinds import Projection
from shared.kit.errors import AppError
from shared.kit.extras import how_to_install

Vectors = NDArray[np.floating[Any]]

NEIGHBOURS = 15  # the library's default: how many neighbours of a point should stay its neighbours
FEWEST = 5  # distinct vectors; of fewer UMAP makes nothing of use, or fails
# Numba's pool of threads must not be entered twice where it has no OpenMP, and evaluations share a process.
_umap_lock = threading.Lock()


class ProjectionNotInstalled(AppError):
    code = "projection-not-installed"
    message = (
        "This evaluation asks for a map by UMAP, which is not installed where the worker runs. "
        f'{how_to_install("umap")} Then retry the job. Or evaluate with "projection": "pca".'
    )


def check_installed(projection: Projection) -> None:
    """Raise `ProjectionNotInstalled` where the library of the projection is not there."""
    if projection == "umap" and importlib.util.find_spec("umap") is None:
        raise ProjectionNotInstalled


def possible_projection(projection: Projection, maps: Iterable[Vectors]) -> Projection:
    """The projection, or principal components where one of the maps has too few distinct points for it."""
    is_possible = all(len(np.unique(vectors, axis=0)) >= FEWEST for vectors in maps)
    return projection if is_possible else "pca"


def project(vectors: Vectors, projection: Projection, seed: int) -> NDArray[np.float64]:
    """A place on the plane for each vector, shape (n, 2), the same for the same vectors and seed."""
    return _umap(vectors, seed) if projection == "umap" else principal(vectors)


def principal(vectors: Vectors) -> NDArray[np.float64]:
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


def _umap(vectors: Vectors, seed: int) -> NDArray[np.float64]:
    """UMAP (McInnes, Healy and Melville, 2018) by cosine, from the principal components on.

    From there, rather than from the graph's spectrum, it also keeps what is far apart in its place (Kobak and
    Linderman, 2021). Compiling takes a process a minute once; then 300 points take seconds.
    """
    from umap import UMAP

    with _umap_lock:
        places = UMAP(
            n_components=2,
            n_neighbors=min(NEIGHBOURS, len(vectors) - 1),
            metric="cosine",
            init="pca",
            random_state=seed % 2**32,
            n_jobs=1,  # what a seed needs
        ).fit_transform(vectors)
    return np.asarray(places, dtype=np.float64)
