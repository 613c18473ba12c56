"""The sidecar as a process: what it opens, whom it refuses, what it says."""

import contextlib
import signal
import socket
import stat
import uuid

import numpy as np
import pytest

from shared.engines.edge import EdgeIndex
from shared.engines.edge_sidecar import EXIT_LOCKED, EXIT_SETTINGS, EXIT_SOCKET
from shared.engines.vectors import (
    CollectionUnreadable,
    IndexUnavailable,
    Point,
)
from tests.engines.conftest import Connect, NewSidecar, Sidecar

pytestmark = pytest.mark.slow  # drives a process, and kills it

SIZE = 16
US = uuid.uuid4()


def some_points(count: int) -> list[Point]:
    vectors = np.random.default_rng(0).normal(size=(count, SIZE)).astype(np.float32)
    rows = [uuid.uuid4() for _ in range(count)]
    return [
        Point(row, US, "transaction", row, row, vector) for row, vector in zip(rows, vectors, strict=True)
    ]


def test_a_second_opener_is_refused_and_the_first_goes_on(sidecar: Sidecar, connect: Connect) -> None:
    second = sidecar.spawn()
    output, errors = second.communicate()
    assert (second.returncode, output) == (EXIT_LOCKED, "")
    assert f"in use by another sidecar (process {sidecar.processes[0].pid})" in errors
    connect(sidecar).ping()


def test_a_live_socket_is_refused_and_a_stale_one_replaced(
    sidecar: Sidecar, new_sidecar: NewSidecar, connect: Connect
) -> None:
    other = new_sidecar()
    other.socket = sidecar.socket
    process = other.spawn()
    _, errors = process.communicate()
    assert process.returncode == EXIT_SOCKET
    assert "another process listens" in errors
    connect(sidecar).ping()
    sidecar.end(signal.SIGKILL)
    assert sidecar.socket.exists()
    other.start()
    connect(other).ping()


def test_the_socket_is_for_this_user_alone(sidecar: Sidecar) -> None:
    assert stat.S_IMODE(sidecar.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(sidecar.folder.stat().st_mode) == 0o700


def test_what_cannot_start_says_why(new_sidecar: NewSidecar) -> None:
    sidecar = new_sidecar()
    process = sidecar.spawn(OUTLAY_EDGE_AUTHKEY="")
    assert "OUTLAY_EDGE_AUTHKEY is not set" in process.communicate()[1]
    assert process.returncode == EXIT_SETTINGS
    sidecar.socket.write_text("precious")
    process = sidecar.spawn()
    assert "is there and is not a socket" in process.communicate()[1]
    assert process.returncode == EXIT_SOCKET
    assert sidecar.socket.read_text() == "precious"
    sidecar.socket = sidecar.socket.parent / ("s" * 110)
    process = sidecar.spawn()
    assert "longer than 107 bytes" in process.communicate()[1]
    assert process.returncode == EXIT_SOCKET
    with pytest.raises(IndexUnavailable, match="longer than 107 bytes"):
        EdgeIndex(sidecar.socket, sidecar.key).ping()


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 12, b"\x00" * 64])
def test_a_stranger_is_cut_off_at_once(sidecar: Sidecar, connect: Connect, sent: bytes) -> None:
    """Before it has proved the key, whatever length it announces."""
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(sidecar.socket))
        stranger.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            while stranger.recv(4096):
                pass
    connect(sidecar).ping()


def test_a_damaged_collection_is_refused_and_the_others_serve(sidecar: Sidecar, connect: Connect) -> None:
    index = connect(sidecar)
    for name in ("c", "damaged"):
        index.ensure_collection(name, SIZE)
        index.upsert(name, some_points(20))
    sidecar.end(signal.SIGTERM)
    for path in (sidecar.folder / "damaged" / "segments").glob("*/segment.json"):
        path.write_text("{")
    (sidecar.folder / ".new-half").mkdir()
    (sidecar.folder / "damaged-wholly").mkdir()
    sidecar.start()
    assert index.count("c", US) == 20
    for name in ("damaged", "damaged-wholly"):
        assert index.has_collection(name)
        with pytest.raises(CollectionUnreadable, match="reindex"):
            index.count(name, US)
        with pytest.raises(CollectionUnreadable, match="reindex"):
            index.ensure_collection(name, SIZE)
        index.drop_collection(name)
        index.ensure_collection(name, SIZE)
        assert index.count(name, US) == 0
    assert not (sidecar.folder / ".new-half").exists()
    status, errors = sidecar.end(signal.SIGTERM)
    assert status == 0
    assert errors.count("edge_collection_unreadable") == 2
