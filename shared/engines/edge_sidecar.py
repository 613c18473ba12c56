"""The process that owns a folder of Qdrant Edge shards and serves it to the others over a Unix socket.

    OUTLAY_EDGE_AUTHKEY=… python -m shared.engines.edge_sidecar --folder F --socket S

Prints `ready` once it serves. On SIGTERM or SIGINT it finishes what runs, flushes, and exits 0.
"""

import argparse
import contextlib
import fcntl
import os
import selectors
import signal
import socket
import stat
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from shared.engines.edge_shards import Shards
from shared.engines.edge_wire import MAX_SOCKET_PATH, NO_VECTORS, Channel, WireError, admit
from shared.engines.vectors import IndexRefused, Search
from shared.kit.errors import AppError
from shared.kit.logging import configure, get_logger
from shared.kit.settings import get_settings

EXIT_SETTINGS, EXIT_LOCKED, EXIT_SOCKET = 2, 3, 4

_FLUSH_EVERY_S = 5.0  # as Qdrant's own flush_interval_sec
_GREETING_S = 5.0
_FRAME_S = (
    30.0  # for a frame that has begun, and for an answer: a client that stops half-way frees its thread
)

log = get_logger(__name__)

Message = dict[str, Any]
Vectors = NDArray[np.float32]


class CannotStart(Exception):
    """What stands in the way, said plainly, with the exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def _searches(message: Message, vectors: Vectors) -> list[Search]:
    return [
        Search(uuid.UUID(organization), kind, vector, limit, tuple(map(uuid.UUID, exclude)))
        for (organization, kind, limit, exclude), vector in zip(message["searches"], vectors, strict=True)
    ]


def _search(shards: Shards, message: Message, vectors: Vectors) -> list[list[tuple[str, str, float]]]:
    answers = shards.search(message["name"], _searches(message, vectors))
    return [[(str(hit.row_id), str(hit.category_id), hit.score) for hit in hits] for hits in answers]


_OPERATIONS: dict[str, Callable[[Shards, Message, Vectors], Any]] = {
    "ping": lambda *_: None,
    "ensure": lambda shards, m, _: shards.ensure_collection(m["name"], m["size"]),
    "drop": lambda shards, m, _: shards.drop_collection(m["name"]),
    "has": lambda shards, m, _: shards.has_collection(m["name"]),
    "upsert": lambda shards, m, vectors: shards.upsert(m["name"], m["points"], vectors),
    "delete": lambda shards, m, _: shards.delete(m["name"], list(map(uuid.UUID, m["ids"]))),
    "delete_organization": lambda shards, m, _: shards.delete_organization(
        m["name"], uuid.UUID(m["organization"])
    ),
    "search": _search,
    "digests": lambda shards, m, _: shards.digests(
        m["name"], uuid.UUID(m["organization"]), uuid.UUID(m["after"]) if m["after"] else None
    ),
    "count": lambda shards, m, _: shards.count(m["name"], uuid.UUID(m["organization"])),
    "collections": lambda shards, *_: shards.collections(),
    "organizations": lambda shards, m, _: shards.organizations(m["name"]),
}


def _vectors(shards: Shards, message: Message) -> tuple[Message, Vectors]:
    row_ids, following, vectors = shards.vectors(
        message["name"],
        uuid.UUID(message["organization"]),
        message["kind"],
        uuid.UUID(message["after"]) if message["after"] else None,
    )
    return {"value": (row_ids, following)}, vectors


def _answer(shards: Shards, message: Message, vectors: Vectors) -> tuple[Message, Vectors]:
    """The reply's message and vectors."""
    try:
        if message["op"] == "vectors":  # the only operation that replies with vectors
            return _vectors(shards, message)
        return {"value": _OPERATIONS[message["op"]](shards, message, vectors)}, NO_VECTORS
    except AppError as error:
        reply = {"error": error.code, "message": error.message, "retry_after": error.retry_after}
    except (KeyError, TypeError, ValueError) as error:
        log.error("edge_bad_request", op=message.get("op"), reason=repr(error))
        reply = {"error": IndexRefused.code, "message": IndexRefused().message, "retry_after": None}
    return reply, NO_VECTORS


def _serve(sock: socket.socket, shards: Shards, key: bytes) -> None:
    """One connection, from greeting to end, in a thread of its own."""
    channel = Channel(sock)
    with contextlib.closing(channel):
        try:
            admit(channel, key, deadline=time.monotonic() + _GREETING_S)
            while True:
                channel.wait()
                message, vectors = channel.receive(deadline=time.monotonic() + _FRAME_S)
                reply, reply_vectors = _answer(shards, message, vectors)
                channel.send(reply, reply_vectors, deadline=time.monotonic() + _FRAME_S)
        except WireError as error:
            log.warning("edge_connection_refused", reason=str(error))
        except (EOFError, OSError):
            return  # the client has gone; it calls again when it needs us


def lock_folder(folder: Path) -> IO[str]:
    """Make the folder ours until the returned file is closed; raises CannotStart when it is another's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (folder / ".lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise CannotStart(f"{folder} is in use by another sidecar (process {owner})", EXIT_LOCKED) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, for this user alone; a stale one is replaced, a live one refused."""
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise CannotStart(
            f"the socket's path is longer than {MAX_SOCKET_PATH} bytes; choose a shorter one: {path}",
            EXIT_SOCKET,
        )
    if path.exists() or path.is_symlink():
        _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        raise CannotStart(f"cannot listen at {path}: {error.strerror}", EXIT_SOCKET) from error
    finally:
        os.umask(mask)
    listener.listen(128)
    return listener


def _remove_stale(path: Path) -> None:
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise CannotStart(f"{path} is there and is not a socket", EXIT_SOCKET)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:  # a full backlog or no permission: someone is there
            raise CannotStart(f"another process listens at {path} ({error.strerror})", EXIT_SOCKET) from error
    raise CannotStart(f"another process listens at {path}", EXIT_SOCKET)


def _flush_regularly(shards: Shards, is_over: threading.Event) -> None:
    while not is_over.wait(_FLUSH_EVERY_S):
        shards.flush()


def run(folder: Path, socket_path: Path, key: bytes) -> None:
    """Serve until SIGTERM or SIGINT; raises CannotStart."""
    waker, woken = socket.socketpair()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: waker.close())
    is_over = threading.Event()
    with lock_folder(folder), woken:
        shards = Shards(folder)
        try:
            with listen(socket_path) as listener:
                threading.Thread(target=_flush_regularly, args=(shards, is_over), daemon=True).start()
                sys.stdout.write("ready\n")
                sys.stdout.flush()
                _accept(listener, woken, lambda connection: _serve(connection, shards, key))
                socket_path.unlink(missing_ok=True)
        finally:
            is_over.set()
            shards.close()


def _accept(listener: socket.socket, woken: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    """A thread for each connection, until `woken` is readable."""
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while woken not in [ready.fileobj for ready, _ in selector.select()]:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def main(arguments: list[str] | None = None) -> int:
    """The entry: the exit status, with a plain message on stderr when it is not 0."""
    parser = argparse.ArgumentParser(prog="python -m shared.engines.edge_sidecar")
    parser.add_argument("--folder", type=Path, required=True, help="where the collections lie")
    parser.add_argument("--socket", type=Path, required=True, help="the Unix socket to serve at")
    options = parser.parse_args(arguments)
    settings = get_settings()
    configure(settings.log_level, service="edge-sidecar")
    try:
        if settings.edge_authkey is None or not settings.edge_authkey.get_secret_value():
            raise CannotStart("OUTLAY_EDGE_AUTHKEY is not set", EXIT_SETTINGS)
        run(options.folder, options.socket, settings.edge_authkey.get_secret_value().encode())
    except CannotStart as error:
        sys.stderr.write(f"edge sidecar: {error}\n")
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
