"""The vector index: what the house asks of it, and Qdrant's server as one answer."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.kit.errors import Unavailable

PointKind = Literal["category", "transaction"]


class IndexUnavailable(Unavailable):
    """The vector index does not answer. Try again in a few seconds."""

    code = "index-unavailable"


@dataclass(frozen=True)
class Point:
    """One vector of one organisation: a category's text, or a labelled transaction."""

    id: uuid.UUID
    organization_id: uuid.UUID
    kind: PointKind
    row_id: uuid.UUID
    category_id: uuid.UUID
    vector: NDArray[np.float32]
    digest: str = ""  # of the encoded text and the category: tells reconcile whether the point is current


@dataclass(frozen=True)
class Hit:
    """One neighbour: cosine `score` in [-1, 1], higher is nearer."""

    row_id: uuid.UUID
    category_id: uuid.UUID
    score: float


@dataclass(frozen=True)
class Search:
    """One query: the `limit` nearest points of one organisation and one kind."""

    organization_id: uuid.UUID
    kind: PointKind
    vector: NDArray[np.float32]
    limit: int
    exclude_row_ids: tuple[uuid.UUID, ...] = field(default=())


class VectorIndex(Protocol):
    """Collections of points under cosine similarity.

    Every method raises `IndexUnavailable` when the index does not answer in time. Reading, writing or
    searching a collection that does not exist raises `CollectionMissing`.
    """

    def ensure_collection(self, name: str, size: int) -> None:
        """Make the collection for vectors of `size` dimensions unless it is there."""
        ...

    def drop_collection(self, name: str) -> None:
        """Remove the collection; nothing happens when it is not there."""
        ...

    def has_collection(self, name: str) -> bool:
        """Whether the collection is there."""
        ...

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        """Write the points; returns when a search can see them."""
        ...

    def delete(self, name: str, ids: Sequence[uuid.UUID]) -> None:
        """Remove points by id; unknown ids are no error."""
        ...

    def delete_organization(self, name: str, organization_id: uuid.UUID) -> None:
        """Remove every point of the organisation."""
        ...

    def search(self, name: str, searches: Sequence[Search]) -> list[list[Hit]]:
        """For each query its hits, best first, ties in the order of row_id."""
        ...

    def digests(self, name: str, organization_id: uuid.UUID) -> Iterator[tuple[uuid.UUID, str]]:
        """(point id, digest) of every point of the organisation."""
        ...

    def count(self, name: str, organization_id: uuid.UUID) -> int:
        """How many points the organisation has."""
        ...

    def ping(self) -> None:
        """Raise `IndexUnavailable` unless the index answers."""
        ...
