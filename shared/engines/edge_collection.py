"""One Qdrant Edge shard that many threads use.

Measured with qdrant-edge-py 0.9.0, and what follows from it: a shard is thread-safe but for `close`; the
write-ahead log is replayed at load and cut only by `flush`; without it a killed process leaves torn points;
`optimize` (HNSW) holds the GIL for its whole run, and is never called, so every search here is exact.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.engines.vectors import KIND_FIELD, ROW_FIELD, TENANT_FIELD, CollectionMissing, IndexUnavailable
from shared.kit.errors import AppError
from shared.kit.logging import get_logger

log = get_logger(__name__)


def build(folder: Path, size: int) -> None:
    """Make a new, empty shard in `folder`, with its payload indexes, and close it."""
    import qdrant_edge as edge

    folder.mkdir()
    vectors = edge.EdgeVectorParams(size=size, distance=edge.Distance.Cosine)
    shard = edge.EdgeShard.create(str(folder), edge.EdgeConfig(vectors=vectors, wal_enabled=True))
    for field, schema in (
        (TENANT_FIELD, edge.KeywordIndexParams(is_tenant=True)),
        (KIND_FIELD, edge.KeywordIndexParams()),
        (ROW_FIELD, edge.UuidIndexParams()),
    ):
        shard.update(edge.UpdateOperation.create_field_index(field, schema))
    shard.close()


def is_interruption(error: BaseException) -> bool:
    """Whether the error ends this process, unlike a Rust panic, which is a BaseException as well."""
    return isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit))


class Collection:
    """An open shard, with many users at a time or one closer: `close` may not meet a running call."""

    def __init__(self, folder: Path) -> None:
        import qdrant_edge

        self.name = folder.name
        self.is_dirty = True  # a replayed log waits for its flush
        self._shard = qdrant_edge.EdgeShard.load(str(folder))
        config = json.loads((folder / "edge_config.json").read_text())
        self.size = int(config["vectors"][""]["size"])
        self._users = 0
        self._is_closed = False
        self._changed = threading.Condition()

    @contextmanager
    def use(self) -> Iterator[Any]:
        """The shard, kept open until the block ends.

        Raises `CollectionMissing` once closed. What the shard itself raises is logged, and becomes
        `IndexUnavailable`: a full disk or a bad page, nothing that the caller did.
        """
        with self._changed:
            if self._is_closed:
                raise CollectionMissing
            self._users += 1
        try:
            yield self._shard
        except AppError:
            raise
        except BaseException as error:  # Edge raises bare Exceptions; its panics are BaseExceptions
            if is_interruption(error):
                raise
            log.error("edge_call_failed", collection=self.name, reason=str(error))
            raise IndexUnavailable(retry_after=2) from error
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Wait for the users to leave, flush, and close the shard; a failure is logged, not raised."""
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: self._users == 0)
        try:
            self._shard.close()
        except BaseException as error:  # as in `use`
            if is_interruption(error):
                raise
            log.error("edge_close_failed", collection=self.name, reason=str(error))
