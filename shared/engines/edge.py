"""The vector index on Qdrant Edge: the client of the sidecar (`shared.engines.edge_sidecar`)."""

import contextlib
import os
import socket
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.engines.edge_wire import MAX_SOCKET_PATH, NO_VECTORS, Channel, WireError, enter
from shared.engines.vectors import (
    CollectionMissing,
    CollectionUnreadable,
    Hit,
    IndexRefused,
    IndexUnavailable,
    Point,
    PointKind,
    Search,
    check_name,
    matrix,
    payload,
    search_chunks,
    write_chunks,
)

_ERRORS = {error.code: error for error in (CollectionMissing, CollectionUnreadable, IndexUnavailable)}
_RETRY_AFTER_S = 2
_IDS_PER_CALL = 1000


class EdgeIndex:
    """`VectorIndex` through the sidecar; for any number of threads, and in forked children too.

    Connections are made when needed and kept for the next call. A kept one that broke since is replaced
    once: the sidecar was restarted, and every operation may be done twice without harm.
    """

    def __init__(self, socket_path: Path, authkey: str, *, timeout_s: float = 5) -> None:
        """`timeout_s` bounds each request; a call with many points or queries makes several."""
        self._path = socket_path
        self._key = authkey.encode()
        self._timeout_s = timeout_s
        # By process: a child of a fork must not speak on its parent's connections. deque and dict.setdefault
        # are atomic, so there is no lock that a fork could leave locked.
        self._idle: dict[int, deque[Channel]] = {}

    def close(self) -> None:
        """Close the connections that no call holds; the next call makes new ones."""
        _close_all(self._pool())

    def ensure_collection(self, name: str, size: int) -> None:
        """Make the collection for vectors of `size` dimensions unless it is there."""
        self._call("ensure", name=check_name(name), size=size)

    def drop_collection(self, name: str) -> None:
        """Remove the collection, damaged or not; nothing happens when it is not there."""
        self._call("drop", name=check_name(name))

    def has_collection(self, name: str) -> bool:
        """Whether the collection is there, damaged or not."""
        return bool(self._call("has", name=check_name(name)))

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        """Write the points in chunks; each is searchable, and safe from a killed sidecar, when it returns."""
        check_name(name)
        for chunk in write_chunks(points):
            vectors = matrix([point.vector for point in chunk])
            self._call("upsert", vectors, name=name, points=[(str(p.id), payload(p)) for p in chunk])

    def delete(self, name: str, ids: Sequence[uuid.UUID]) -> None:
        """Remove points by id; unknown ids are no error."""
        check_name(name)
        for start in range(0, len(ids), _IDS_PER_CALL):
            self._call("delete", name=name, ids=[str(point) for point in ids[start : start + _IDS_PER_CALL]])

    def delete_organization(self, name: str, organization_id: uuid.UUID) -> None:
        """Remove every point of the organisation."""
        self._call("delete_organization", name=check_name(name), organization=str(organization_id))

    def search(self, name: str, searches: Sequence[Search]) -> list[list[Hit]]:
        """For each query its hits, best first, ties in the order of row_id; exact."""
        check_name(name)
        answers: list[list[Hit]] = []
        for chunk in search_chunks(searches):
            described = [
                (
                    str(search.organization_id),
                    search.kind,
                    search.limit,
                    [str(row) for row in search.exclude_row_ids],
                )
                for search in chunk
            ]
            vectors = matrix([search.vector for search in chunk])
            answers += [
                [Hit(uuid.UUID(row), uuid.UUID(category), score) for row, category, score in hits]
                for hits in self._call("search", vectors, name=name, searches=described)
            ]
        return answers

    def vectors(
        self, name: str, organization_id: uuid.UUID, kind: PointKind
    ) -> tuple[list[uuid.UUID], NDArray[np.float32]]:
        """The row ids and unit vectors, shape (n, d), of the organisation's points of this kind."""
        row_ids: list[uuid.UUID] = []
        pages: list[NDArray[np.float32]] = []
        after = None
        while True:
            (page_ids, after), vectors = self._request(
                "vectors", name=check_name(name), organization=str(organization_id), kind=kind, after=after
            )
            row_ids += map(uuid.UUID, page_ids)
            pages.append(vectors)
            if after is None:
                return row_ids, np.concatenate(pages)

    def digests(self, name: str, organization_id: uuid.UUID) -> Iterator[tuple[uuid.UUID, str]]:
        """(point id, digest) of every point of the organisation, a page of 1,000 at a time."""
        check_name(name)
        after = None
        while True:
            page, after = self._call("digests", name=name, organization=str(organization_id), after=after)
            for point, digest in page:
                yield uuid.UUID(point), digest
            if after is None:
                return

    def count(self, name: str, organization_id: uuid.UUID) -> int:
        """How many points the organisation has."""
        return int(self._call("count", name=check_name(name), organization=str(organization_id)))

    def collections(self) -> list[str]:
        """The name of every collection, damaged ones included, in the order of the alphabet."""
        return list(self._call("collections"))

    def organizations(self, name: str) -> set[uuid.UUID]:
        """Every organisation that has a point in the collection."""
        return {
            uuid.UUID(organization) for organization in self._call("organizations", name=check_name(name))
        }

    def ping(self) -> None:
        """Raise `IndexUnavailable` unless the sidecar answers, with this auth key."""
        self._call("ping")

    def _call(self, op: str, vectors: NDArray[np.float32] = NO_VECTORS, **arguments: Any) -> Any:
        value, _ = self._request(op, vectors, **arguments)
        return value

    def _request(
        self, op: str, vectors: NDArray[np.float32] = NO_VECTORS, **arguments: Any
    ) -> tuple[Any, NDArray[np.float32]]:
        deadline = time.monotonic() + self._timeout_s
        try:
            reply, reply_vectors = self._exchange({"op": op, **arguments}, vectors, deadline)
        except WireError as error:
            raise IndexUnavailable(f"The Edge sidecar cannot be used: {error}.", retry_after=2) from error
        except (EOFError, OSError) as error:
            raise IndexUnavailable(retry_after=_RETRY_AFTER_S) from error
        if "error" in reply:
            kind = _ERRORS.get(reply["error"], IndexRefused)
            raise kind(reply["message"], retry_after=reply["retry_after"])
        return reply["value"], reply_vectors

    def _exchange(
        self, message: dict[str, Any], vectors: NDArray[np.float32], deadline: float
    ) -> tuple[dict[str, Any], NDArray[np.float32]]:
        idle = self._pool()
        with contextlib.suppress(IndexError, EOFError, ConnectionError):
            return self._converse(idle.pop(), message, vectors, deadline)
        self.close()  # what broke one kept connection broke them all
        return self._converse(self._connect(deadline), message, vectors, deadline)

    def _converse(
        self, channel: Channel, message: dict[str, Any], vectors: NDArray[np.float32], deadline: float
    ) -> tuple[dict[str, Any], NDArray[np.float32]]:
        try:
            channel.send(message, vectors, deadline=deadline)
            reply, reply_vectors = channel.receive(deadline=deadline)
        except BaseException:
            channel.close()  # a late reply must not answer the next request
            raise
        self._pool().append(channel)
        return reply, reply_vectors

    def _connect(self, deadline: float) -> Channel:
        if len(os.fsencode(self._path)) > MAX_SOCKET_PATH:
            raise WireError(f"the path of its socket is longer than {MAX_SOCKET_PATH} bytes")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel = Channel(sock)
        try:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            sock.connect(str(self._path))
            enter(channel, self._key, deadline=deadline)
        except BaseException:
            channel.close()
            raise
        return channel

    def _pool(self) -> deque[Channel]:
        process = os.getpid()
        idle = self._idle.get(process)
        if idle is None:
            inherited = [channels for owner, channels in list(self._idle.items()) if owner != process]
            idle = self._idle.setdefault(process, deque())
            for channels in inherited:
                _close_all(channels)  # this process's copies; the parent's stay open
        return idle


def _close_all(channels: deque[Channel]) -> None:
    with contextlib.suppress(IndexError):
        while True:
            channels.pop().close()
