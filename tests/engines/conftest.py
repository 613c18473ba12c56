"""The vector indexes under test, and real sidecar processes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from shared.engines.edge import EdgeIndex
from shared.engines.qdrant import QdrantIndex
from shared.engines.vectors import VectorIndex

SERVER_URL = os.environ.get("OUTLAY_TEST_QDRANT_URL")


@dataclass
class Sidecar:
    """One folder and socket, and the process that serves them while there is one."""

    folder: Path
    socket: Path
    key: str = "a test's key"
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def spawn(self, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "shared.engines.edge_sidecar",
                *("--folder", str(self.folder), "--socket", str(self.socket)),
            ],
            env=os.environ | {"OUTLAY_EDGE_AUTHKEY": self.key} | environment,
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def start(self) -> "Sidecar":
        process = self.spawn()
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return self

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send the signal to the newest process; its exit status and what it wrote to stderr."""
        process = self.processes[-1]
        process.send_signal(number)
        _, errors = process.communicate()
        return process.returncode, errors

    def clear(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        shutil.rmtree(self.folder.parent)


NewSidecar = Callable[[], Sidecar]


class Connect(Protocol):
    """Makes a client of a sidecar."""

    def __call__(self, sidecar: Sidecar, timeout_s: float = 30) -> EdgeIndex: ...


def make_sidecar() -> Sidecar:
    # Not tmp_path: a socket's path holds 107 bytes.
    place = Path(tempfile.mkdtemp(prefix="edge-"))
    return Sidecar(place / "folder", place / "socket")


@pytest.fixture
def new_sidecar() -> Iterator[NewSidecar]:
    """Makes sidecars that are not started yet, each with a folder of its own; ends them all."""
    sidecars: list[Sidecar] = []

    def make() -> Sidecar:
        sidecars.append(make_sidecar())
        return sidecars[-1]

    yield make
    for sidecar in sidecars:
        sidecar.clear()


@pytest.fixture(scope="module")
def lasting_sidecar() -> Iterator[Sidecar]:
    """A started one, for tests that leave it as it is."""
    sidecar = make_sidecar()
    try:
        yield sidecar.start()
    finally:
        sidecar.clear()


@pytest.fixture
def sidecar(new_sidecar: NewSidecar) -> Sidecar:
    """A started one of the test's own."""
    return new_sidecar().start()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes patient clients of a sidecar; closes them all."""
    clients: list[EdgeIndex] = []

    def make(sidecar: Sidecar, timeout_s: float = 30) -> EdgeIndex:
        clients.append(EdgeIndex(sidecar.socket, sidecar.key, timeout_s=timeout_s))
        return clients[-1]

    yield make
    for index in clients:
        index.close()


@pytest.fixture(scope="module", params=["edge", "memory", *(["server"] if SERVER_URL else [])])
def index(request: pytest.FixtureRequest) -> Iterator[VectorIndex]:
    """Every answer to the protocol that this machine can give."""
    index: EdgeIndex | QdrantIndex
    if request.param == "edge":
        sidecar = request.getfixturevalue("lasting_sidecar")
        index = EdgeIndex(sidecar.socket, sidecar.key, timeout_s=30)
    elif request.param == "memory":
        from qdrant_client import QdrantClient  # here: it takes a second

        index = QdrantIndex(QdrantClient(":memory:"))
    else:
        assert SERVER_URL is not None
        index = QdrantIndex.connect(SERVER_URL, timeout_s=30)
    yield index
    index.close()
