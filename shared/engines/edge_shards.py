"""The collections of one folder, each a Qdrant Edge shard in a subfolder; used inside the sidecar only."""

import shutil
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.engines.edge_collection import Collection, build, is_interruption
from shared.engines.vectors import (
    MAX_TENANTS,
    ROW_FIELD,
    TENANT_FIELD,
    VECTORS_PER_PAGE,
    CollectionMissing,
    CollectionUnreadable,
    Hit,
    IndexRefused,
    IndexUnavailable,
    PointKind,
    Search,
    break_ties,
    check_name,
    tenant_filter,
)
from shared.kit.logging import get_logger

_PAGE = 1000

log = get_logger(__name__)


class Shards:
    """All collections of `folder`, opened at once; the caller must be the only one to open it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, Collection] = {}
        self._unreadable: set[str] = set()
        self._is_closed = False
        self._names = threading.Lock()  # held while collections come and go
        for path in sorted(folder.iterdir()):
            if path.name.startswith((".new-", ".old-")):  # left by a process that died on the way
                shutil.rmtree(path)
            elif path.is_dir() and not path.name.startswith("."):
                self._load(path)

    def _load(self, path: Path) -> None:
        try:
            self._open[path.name] = Collection(path)
        except BaseException as error:  # a Rust panic is no Exception
            if is_interruption(error):
                raise
            self._unreadable.add(path.name)
            log.error("edge_collection_unreadable", collection=path.name, reason=str(error), do="reindex")

    def close(self) -> None:
        """Refuse new calls, let those that run finish, flush and close every shard."""
        with self._names:
            self._is_closed = True
            for collection in self._open.values():
                collection.close()

    def flush(self) -> None:
        """Write every changed shard through to the disk, which also cuts its write-ahead log."""
        for collection in list(self._open.values()):
            if collection.is_dirty:
                collection.is_dirty = False
                try:
                    with collection.use() as shard:
                        shard.flush()
                except CollectionMissing:
                    continue  # dropped meanwhile
                except IndexUnavailable:
                    collection.is_dirty = True  # logged there; tried again next time

    @contextmanager
    def _using(self, name: str) -> Iterator[tuple[Any, Collection]]:
        if self._is_closed:
            raise IndexUnavailable(retry_after=2)
        if name in self._unreadable:
            raise CollectionUnreadable
        collection = self._open.get(name)
        if collection is None:
            raise CollectionMissing
        with collection.use() as shard:
            yield shard, collection

    def ensure_collection(self, name: str, size: int) -> None:
        """As `VectorIndex.ensure_collection`; built aside and renamed, so that it is whole or not there."""
        with self._names:
            if name not in self._open and name not in self._unreadable and not self._is_closed:
                draft = self._folder / f".new-{check_name(name)}"
                shutil.rmtree(draft, ignore_errors=True)
                build(draft, size)
                self._load(draft.rename(self._folder / name))
        with self._using(name) as (_, collection):
            if collection.size != size:
                raise IndexRefused(f"The collection is there, but not for vectors of {size} dimensions.")

    def drop_collection(self, name: str) -> None:
        """As `VectorIndex.drop_collection`; a damaged collection can be dropped too."""
        with self._names:
            if not self.has_collection(name):
                return
            collection = self._open.pop(name, None)
            if collection is not None:
                collection.close()
            grave = self._folder / f".old-{check_name(name)}"
            (self._folder / name).rename(grave)
            self._unreadable.discard(name)
            shutil.rmtree(grave)

    def has_collection(self, name: str) -> bool:
        """Whether the collection is there, damaged or not."""
        return name in self._open or name in self._unreadable

    def upsert(
        self, name: str, points: Sequence[tuple[str, dict[str, str]]], vectors: NDArray[np.float32]
    ) -> None:
        """Write (id, payload) pairs with their (n, size) vectors; in the log before it returns."""
        import qdrant_edge as edge

        with self._using(name) as (shard, collection):
            _check_size(vectors, collection.size)
            structs = [
                edge.Point(id=uuid.UUID(point), vector=row.tolist(), payload=stored)
                for (point, stored), row in zip(points, vectors, strict=True)
            ]
            shard.update(edge.UpdateOperation.upsert_points(structs))
            collection.is_dirty = True

    def delete(self, name: str, ids: Sequence[uuid.UUID]) -> None:
        """As `VectorIndex.delete`."""
        import qdrant_edge as edge

        with self._using(name) as (shard, collection):
            shard.update(edge.UpdateOperation.delete_points(list(ids)))
            collection.is_dirty = True

    def delete_organization(self, name: str, organization_id: uuid.UUID) -> None:
        """As `VectorIndex.delete_organization`."""
        import qdrant_edge as edge

        with self._using(name) as (shard, collection):
            wanted = tenant_filter(edge, organization_id)
            shard.update(edge.UpdateOperation.delete_points_by_filter(wanted))
            collection.is_dirty = True

    def search(self, name: str, searches: Sequence[Search]) -> list[list[Hit]]:
        """As `VectorIndex.search`; exact."""
        with self._using(name) as (shard, collection):
            for search in searches:
                _check_size(search.vector[np.newaxis], collection.size)
            return break_ties(searches, lambda some, limits: _query(shard, some, limits))

    def vectors(
        self, name: str, organization_id: uuid.UUID, kind: PointKind, after: uuid.UUID | None
    ) -> tuple[list[str], str | None, NDArray[np.float32]]:
        """One page of row ids, where the next page begins, and the vectors of the rows, shape (n, d)."""
        import qdrant_edge as edge

        request = edge.ScrollRequest(
            offset=after,
            limit=VECTORS_PER_PAGE,
            filter=tenant_filter(edge, organization_id, kind=kind),
            with_payload=[ROW_FIELD],
            with_vector=True,
        )
        with self._using(name) as (shard, collection):
            records, following = shard.scroll(request)
            vectors = np.array([record.vector for record in records], dtype="<f4")
        row_ids = [record.payload[ROW_FIELD] for record in records]
        next_page = None if following is None else str(following)
        return row_ids, next_page, vectors.reshape(len(records), collection.size)

    def digests(
        self, name: str, organization_id: uuid.UUID, after: uuid.UUID | None
    ) -> tuple[list[tuple[str, str]], str | None]:
        """One page of (point id, digest), and where the next begins."""
        import qdrant_edge as edge

        request = edge.ScrollRequest(
            offset=after,
            limit=_PAGE,
            filter=tenant_filter(edge, organization_id),
            with_payload=["digest"],
            with_vector=False,
        )
        with self._using(name) as (shard, _):
            records, following = shard.scroll(request)
        page = [(str(record.id), record.payload["digest"]) for record in records]
        return page, None if following is None else str(following)

    def count(self, name: str, organization_id: uuid.UUID) -> int:
        """As `VectorIndex.count`."""
        import qdrant_edge as edge

        with self._using(name) as (shard, _):
            return int(
                shard.count(edge.CountRequest(exact=True, filter=tenant_filter(edge, organization_id)))
            )

    def collections(self) -> list[str]:
        """As `VectorIndex.collections`."""
        with self._names:
            return sorted({*self._open, *self._unreadable})

    def organizations(self, name: str) -> list[str]:
        """As `VectorIndex.organizations`."""
        import qdrant_edge as edge

        with self._using(name) as (shard, _):
            facet = shard.facet(edge.FacetRequest(TENANT_FIELD, limit=MAX_TENANTS, exact=True))
        return [hit.value for hit in facet.hits if hit.count]  # a value whose points went is still listed


def _check_size(vectors: NDArray[np.float32], size: int) -> None:
    """Before the shard sees them: an update that fails inside has reached the write-ahead log already."""
    if vectors.shape[1] != size:
        raise IndexRefused(f"The vectors have {vectors.shape[1]} dimensions; the collection has {size}.")


def _query(shard: Any, searches: Sequence[Search], limits: Sequence[int]) -> list[list[Hit]]:
    import qdrant_edge as edge

    requests = [
        edge.QueryRequest(
            limit=limit,
            query=edge.Query.Nearest(search.vector.tolist()),
            with_payload=["row_id", "category_id"],
            filter=tenant_filter(
                edge, search.organization_id, kind=search.kind, exclude_row_ids=search.exclude_row_ids
            ),
        )
        for search, limit in zip(searches, limits, strict=True)
    ]
    return [
        [
            Hit(uuid.UUID(hit.payload["row_id"]), uuid.UUID(hit.payload["category_id"]), hit.score)
            for hit in hits
        ]
        for hits in shard.query_batch(edge.QueryBatchRequest(requests))
    ]
