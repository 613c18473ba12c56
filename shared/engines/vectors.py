"""The vector index: its protocol, and what its two implementations (Qdrant server, Qdrant Edge) share."""

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.kit.errors import AppError, Unavailable
from shared.kit.ids import derived_id

PointKind = Literal["category", "transaction"]

# Payload fields that filters use; the organisation's keyword index is made as a tenant index beside them.
TENANT_FIELD = "organization_id"
KIND_FIELD = "kind"
ROW_FIELD = "row_id"

_NAME = re.compile(r"[a-z0-9_-]{1,80}")
_FLOATS_PER_WRITE = 200_000  # about 800 KB of vectors: well under every body limit, quick under every timeout
_SEARCHES_PER_CALL = 64
_TIE_MARGIN = 16
_TIE_DEPTH = 1024
MAX_TENANTS = 1_000_000  # organisations that one collection's list can hold
VECTORS_PER_PAGE = 500  # about 770 KB at 384 dimensions, some 5 MB as a server's JSON


class IndexUnavailable(Unavailable):
    code = "index-unavailable"
    message = "The vector index does not answer. Try again in a few seconds."


class CollectionUnreadable(IndexUnavailable):
    code = "index-unreadable"
    message = "The vector index of this model version is damaged. Run a reindex."


class CollectionMissing(Unavailable):
    code = "index-missing"
    message = "The vector index of this model version is not there. Run a reindex."


class IndexRefused(AppError):
    code = "index-refused"
    message = "The vector index refused a request that it cannot carry out."


@dataclass(frozen=True)
class Point:
    """One vector of one organisation: a category's text, or a labelled transaction."""

    id: uuid.UUID
    organization_id: uuid.UUID
    kind: PointKind
    row_id: uuid.UUID
    category_id: uuid.UUID
    vector: NDArray[np.float32]
    digest: str = ""  # of the encoded text and the category: shows a reindex whether the point is current


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
    searching a collection that does not exist raises `CollectionMissing`; one whose files are damaged
    `CollectionUnreadable` until it is dropped. A vector of the wrong size or with a NaN, or making a
    collection again with another size, raises `IndexRefused`. Names match `[a-z0-9_-]{1,80}`.
    """

    def ensure_collection(self, name: str, size: int) -> None:
        """Create the collection for vectors of `size` dimensions unless it exists."""
        ...

    def drop_collection(self, name: str) -> None:
        """Remove the collection if it exists."""
        ...

    def has_collection(self, name: str) -> bool:
        """Whether the collection exists."""
        ...

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        """Write the points; returns when a search can see them."""
        ...

    def delete(self, name: str, ids: Sequence[uuid.UUID]) -> None:
        """Remove points by id; unknown ids are ignored."""
        ...

    def delete_organization(self, name: str, organization_id: uuid.UUID) -> None:
        """Remove every point of the organisation."""
        ...

    def search(self, name: str, searches: Sequence[Search]) -> list[list[Hit]]:
        """For each query its hits, best first, ties in the order of row_id (see `break_ties`)."""
        ...

    def vectors(
        self, name: str, organization_id: uuid.UUID, kind: PointKind
    ) -> tuple[list[uuid.UUID], NDArray[np.float32]]:
        """Every point of the organisation of this kind: the row ids, and their unit vectors, shape (n, d)."""
        ...

    def digests(self, name: str, organization_id: uuid.UUID) -> Iterator[tuple[uuid.UUID, str]]:
        """(point id, digest) of every point of the organisation."""
        ...

    def count(self, name: str, organization_id: uuid.UUID) -> int:
        """The number of the organisation's points."""
        ...

    def collections(self) -> list[str]:
        """The name of every collection, damaged ones included, in alphabetical order."""
        ...

    def organizations(self, name: str) -> set[uuid.UUID]:
        """Every organisation that has a point in the collection."""
        ...

    def ping(self) -> None:
        """Raise `IndexUnavailable` unless the index answers."""
        ...


def point_id(fingerprint: str, kind: PointKind, row_id: object) -> uuid.UUID:
    """The id of a row's point under the model version with this `fingerprint`."""
    return derived_id(fingerprint, kind, row_id)


def check_name(name: str) -> str:
    """The name itself; raises ValueError unless it is safe as a folder and as a part of a URL."""
    if not _NAME.fullmatch(name):
        raise ValueError("a collection's name is 1 to 80 of a-z, 0-9, _ and -")
    return name


def payload(point: Point) -> dict[str, str]:
    """The point's payload."""
    return {
        TENANT_FIELD: str(point.organization_id),
        KIND_FIELD: point.kind,
        ROW_FIELD: str(point.row_id),
        "category_id": str(point.category_id),
        "digest": point.digest,
    }


def tenant_filter(
    api: Any,
    organization_id: uuid.UUID,
    *,
    kind: PointKind | None = None,
    exclude_row_ids: Sequence[uuid.UUID] = (),
) -> Any:
    """The only filter that Outlay uses: one organisation, optionally one kind, without some rows.

    `api` is `qdrant_client.models` or `qdrant_edge`, whose classes and arguments have the same names.
    """
    must = [api.FieldCondition(key=TENANT_FIELD, match=api.MatchValue(value=str(organization_id)))]
    if kind is not None:
        must.append(api.FieldCondition(key=KIND_FIELD, match=api.MatchValue(value=kind)))
    if not exclude_row_ids:
        return api.Filter(must=must)
    excluded = api.MatchAny(any=[str(row_id) for row_id in exclude_row_ids])
    return api.Filter(must=must, must_not=[api.FieldCondition(key=ROW_FIELD, match=excluded)])


def matrix(vectors: Sequence[NDArray[np.float32]] | Sequence[Sequence[float]]) -> NDArray[np.float32]:
    """The vectors as one contiguous (n, size) array; raises IndexRefused at unequal sizes or a NaN.

    Qdrant Edge would store a NaN without an error.
    """
    try:
        stacked = np.ascontiguousarray(np.stack(vectors), dtype="<f4")
    except ValueError as error:
        raise IndexRefused("The vectors are of different sizes.") from error
    if stacked.ndim != 2 or not np.isfinite(stacked).all():
        raise IndexRefused("A vector must be one row of finite numbers.")
    return stacked


def write_chunks(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """The points in pieces small enough for one request."""
    step = max(1, _FLOATS_PER_WRITE // max(1, points[0].vector.size)) if points else 1
    for start in range(0, len(points), step):
        yield points[start : start + step]


def search_chunks(searches: Sequence[Search]) -> Iterator[Sequence[Search]]:
    """The queries in pieces that one request answers well within its timeout."""
    if any(search.limit < 1 for search in searches):
        raise ValueError("a search needs a limit of at least 1")
    for start in range(0, len(searches), _SEARCHES_PER_CALL):
        yield searches[start : start + _SEARCHES_PER_CALL]


def break_ties(
    searches: Sequence[Search], fetch: Callable[[Sequence[Search], Sequence[int]], Sequence[Sequence[Hit]]]
) -> list[list[Hit]]:
    """Each search's hits, score falling and then row_id rising, whatever the order of writing was.

    Equal texts have equal vectors, so ties at the limit are common, and an index returns any of the tied
    hits. `fetch(searches, limits)` is asked for more than the limit, and for more again while the last hit
    fetched ties with the last hit kept. Beyond 1,024 equal scores the index chooses among them.
    """
    results: list[list[Hit]] = [[] for _ in searches]
    pending, margin = list(range(len(searches))), _TIE_MARGIN
    while pending:
        again = [searches[index] for index in pending]
        fetched = fetch(again, [search.limit + margin for search in again])
        still_tied = []
        for index, hits in zip(pending, fetched, strict=True):
            limit = searches[index].limit
            ordered = sorted(hits, key=lambda hit: (-hit.score, hit.row_id))
            results[index] = ordered[:limit]
            if (
                margin < _TIE_DEPTH
                and len(ordered) == limit + margin
                and ordered[-1].score == ordered[limit - 1].score
            ):
                still_tied.append(index)
        pending, margin = still_tied, margin * 8
    return results
