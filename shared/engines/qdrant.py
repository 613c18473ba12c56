"""The vector index on a Qdrant server."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec, Self, TypeVar

import httpx
import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from shared.engines.vectors import (
    KIND_FIELD,
    MAX_TENANTS,
    ROW_FIELD,
    TENANT_FIELD,
    VECTORS_PER_PAGE,
    CollectionMissing,
    Hit,
    IndexRefused,
    IndexUnavailable,
    Point,
    PointKind,
    Search,
    break_ties,
    check_name,
    matrix,
    payload,
    search_chunks,
    tenant_filter,
    write_chunks,
)

P = ParamSpec("P")
T = TypeVar("T")

_PAGE = 1000
_RETRY_AFTER_S = 2
# row_id is indexed too: strict mode refuses a filter (exclude_row_ids) on a field without an index.
_PAYLOAD_INDEXES: dict[str, Any] = {
    TENANT_FIELD: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    KIND_FIELD: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
    ROW_FIELD: models.UuidIndexParams(type=models.UuidIndexType.UUID),
}


class QdrantIndex:
    """`VectorIndex` through qdrant-client."""

    def __init__(self, client: QdrantClient) -> None:
        self._client = client

    @classmethod
    def connect(cls, url: str, *, api_key: str | None = None, timeout_s: int = 5) -> Self:
        """An index at `url`; nothing is sent yet. `timeout_s` bounds connecting, and each read and write."""
        return cls(QdrantClient(url=url, api_key=api_key, timeout=timeout_s, check_compatibility=False))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def ensure_collection(self, name: str, size: int) -> None:
        """Make the collection and its payload indexes unless they are there."""
        check_name(name)
        if not self.has_collection(name):
            self._create(name, size)
        info = self._ask(self._client.get_collection, name)
        vectors = info.config.params.vectors
        if not isinstance(vectors, models.VectorParams) or vectors.size != size:
            raise IndexRefused(f"The collection is there, but not for vectors of {size} dimensions.")
        # Looked at each time: a process that died between the two steps left a collection without them.
        for field, schema in _PAYLOAD_INDEXES.items():
            if field not in info.payload_schema:
                self._write(self._client.create_payload_index, name, field, field_schema=schema, wait=True)

    def _create(self, name: str, size: int) -> None:
        params = models.VectorParams(size=size, distance=models.Distance.COSINE)
        try:
            self._ask(self._client.create_collection, name, vectors_config=params)
        except IndexRefused:
            if not self.has_collection(name):  # else another process made it just now
                raise

    def drop_collection(self, name: str) -> None:
        """Remove the collection; nothing happens when it is not there."""
        check_name(name)
        self._ask(self._client.delete_collection, name)

    def has_collection(self, name: str) -> bool:
        """Whether the collection is there."""
        check_name(name)
        return self._ask(self._client.collection_exists, name)

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        """Write the points in chunks, each acknowledged as completed."""
        check_name(name)
        for chunk in write_chunks(points):
            vectors = matrix([point.vector for point in chunk])
            structs = [
                models.PointStruct(id=str(point.id), vector=row.tolist(), payload=payload(point))
                for point, row in zip(chunk, vectors, strict=True)
            ]
            self._write(self._client.upsert, name, points=structs, wait=True)

    def delete(self, name: str, ids: Sequence[uuid.UUID]) -> None:
        """Remove points by id; unknown ids are no error."""
        check_name(name)
        for start in range(0, len(ids), _PAGE):
            some: list[Any] = [str(point) for point in ids[start : start + _PAGE]]
            self._delete(name, models.PointIdsList(points=some))

    def delete_organization(self, name: str, organization_id: uuid.UUID) -> None:
        """Remove every point of the organisation."""
        check_name(name)
        self._delete(name, models.FilterSelector(filter=tenant_filter(models, organization_id)))

    def _delete(self, name: str, selector: models.PointIdsList | models.FilterSelector) -> None:
        self._write(self._client.delete, name, points_selector=selector, wait=True)

    def search(self, name: str, searches: Sequence[Search]) -> list[list[Hit]]:
        """For each query its hits, best first, ties in the order of row_id."""
        check_name(name)
        hits: list[list[Hit]] = []
        for chunk in search_chunks(searches):
            hits += break_ties(chunk, lambda some, limits: self._query(name, some, limits))
        return hits

    def _query(self, name: str, searches: Sequence[Search], limits: Sequence[int]) -> list[list[Hit]]:
        vectors = matrix([search.vector for search in searches])
        requests = [
            models.QueryRequest(
                query=vector.tolist(),
                filter=tenant_filter(
                    models,
                    search.organization_id,
                    kind=search.kind,
                    exclude_row_ids=search.exclude_row_ids,
                ),
                limit=limit,
                with_payload=["row_id", "category_id"],
            )
            for search, vector, limit in zip(searches, vectors, limits, strict=True)
        ]
        answers = self._ask(self._client.query_batch_points, name, requests=requests)
        return [[_hit(point) for point in answer.points] for answer in answers]

    def vectors(
        self, name: str, organization_id: uuid.UUID, kind: PointKind
    ) -> tuple[list[uuid.UUID], NDArray[np.float32]]:
        """The row ids and unit vectors, shape (n, d), of the organisation's points of this kind."""
        check_name(name)
        row_ids: list[uuid.UUID] = []
        rows: list[Any] = []
        offset = None
        while True:
            records, offset = self._ask(
                self._client.scroll,
                name,
                scroll_filter=tenant_filter(models, organization_id, kind=kind),
                limit=VECTORS_PER_PAGE,
                offset=offset,
                with_payload=[ROW_FIELD],
                with_vectors=True,
            )
            row_ids += [uuid.UUID((record.payload or {})[ROW_FIELD]) for record in records]
            rows += [record.vector for record in records]
            if offset is None:
                return row_ids, matrix(rows) if rows else np.empty((0, 0), dtype=np.float32)

    def digests(self, name: str, organization_id: uuid.UUID) -> Iterator[tuple[uuid.UUID, str]]:
        """(point id, digest) of every point of the organisation, a page of 1,000 at a time."""
        check_name(name)
        wanted = tenant_filter(models, organization_id)
        offset: Any = None
        while True:
            records, offset = self._ask(
                self._client.scroll,
                name,
                scroll_filter=wanted,
                limit=_PAGE,
                offset=offset,
                with_payload=["digest"],
            )
            for record in records:
                yield uuid.UUID(str(record.id)), (record.payload or {}).get("digest", "")
            if offset is None:
                return

    def count(self, name: str, organization_id: uuid.UUID) -> int:
        """How many points the organisation has, exactly."""
        check_name(name)
        wanted = tenant_filter(models, organization_id)
        return self._ask(self._client.count, name, count_filter=wanted, exact=True).count

    def collections(self) -> list[str]:
        """The name of every collection, in the order of the alphabet."""
        return sorted(collection.name for collection in self._ask(self._client.get_collections).collections)

    def organizations(self, name: str) -> set[uuid.UUID]:
        """Every organisation that has a point in the collection."""
        check_name(name)
        facet = self._ask(self._client.facet, name, TENANT_FIELD, limit=MAX_TENANTS, exact=True)
        return {uuid.UUID(str(hit.value)) for hit in facet.hits if hit.count}

    def ping(self) -> None:
        """Raise `IndexUnavailable` unless the server answers, with this API key."""
        self._ask(self._client.get_collections)

    def _write(self, call: Callable[P, models.UpdateResult], *args: P.args, **kwargs: P.kwargs) -> None:
        """Only `completed` means that a search can see it; `acknowledged` and `wait_timeout` do not."""
        if self._ask(call, *args, **kwargs).status != models.UpdateStatus.COMPLETED:
            raise IndexUnavailable(retry_after=_RETRY_AFTER_S)

    def _ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except UnexpectedResponse as error:
            raise _meaning(error) from error
        except ResourceExhaustedResponse as error:
            raise IndexUnavailable(retry_after=error.retry_after_s) from error
        except (ApiException, httpx.HTTPError, AssertionError) as error:
            # The client asserts that an answer has a result: one without is not Qdrant's.
            raise IndexUnavailable(retry_after=_RETRY_AFTER_S) from error
        except ValueError as error:  # the local mode's way to say what a server says with a status
            if "not found" in str(error):
                raise CollectionMissing from error
            raise IndexRefused from error


def _meaning(error: UnexpectedResponse) -> Exception:
    status = error.status_code or 500
    if status == 404:
        return CollectionMissing()
    if status in (401, 403):
        return IndexUnavailable("The vector index refused Outlay's API key.", retry_after=_RETRY_AFTER_S)
    if status in (408, 429) or status >= 500:
        return IndexUnavailable(retry_after=_RETRY_AFTER_S)
    return IndexRefused()


def _hit(point: models.ScoredPoint) -> Hit:
    stored = point.payload or {}
    return Hit(uuid.UUID(stored["row_id"]), uuid.UUID(stored["category_id"]), point.score)
