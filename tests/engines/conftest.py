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

import pytest
from qdrant_client import QdrantClient

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


def make_sidecar() -> Sidecar:
    # Not tmp_path: a socket's path holds 107 bytes.
    place = Path(tempfile.mkdtemp(prefix="edge-"))
    return Sidecar(place / "folder", place / "socket")


@pytest.fixture
def new_sidecar() -> Iterator[Callable[[], Sidecar]]:
    """Makes sidecars that are not started yet, each with a folder of its own; ends them all."""
    made: list[Sidecar] = []

    def make() -> Sidecar:
        made.append(make_sidecar())
        return made[-1]

    yield make
    for sidecar in made:
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
def sidecar(new_sidecar) -> Sidecar:
    """A started one of the test's own."""
    return new_sidecar().start()


@pytest.fixture
def connect() -> Iterator[Callable[..., EdgeIndex]]:
    """Makes patient clients of a sidecar; closes them all."""
    made: list[EdgeIndex] = []

    def make(sidecar, **options) -> EdgeIndex:
        made.append(EdgeIndex(sidecar.socket, sidecar.key, **{"timeout_s": 30} | options))
        return made[-1]

    yield make
    for index in made:
        index.close()


@pytest.fixture(scope="module", params=["edge", "memory", *(["server"] if SERVER_URL else [])])
def index(request) -> Iterator[VectorIndex]:
    """Every answer to the protocol that this machine can give."""
    made: EdgeIndex | QdrantIndex
    if request.param == "edge":
        sidecar = request.getfixturevalue("lasting_sidecar")
        made = EdgeIndex(sidecar.socket, sidecar.key, timeout_s=30)
    elif request.param == "memory":
        made = QdrantIndex(QdrantClient(":memory:"))
    else:
        made = QdrantIndex.connect(SERVER_URL, timeout_s=30)
    yield made
    made.close()
