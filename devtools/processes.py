"""Outlay's own processes as production runs them, each with a log file of its own."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from cli.ports import HOST, free_port
from devtools.waiting import eventually
from shared.kit.settings import Settings

ROOT = Path(__file__).parents[1]
START_SECONDS = 180  # the API is ready once its models are loaded, which takes long on a busy machine


@dataclass(frozen=True)
class Process:
    """A running process, the leader of its own process group, and the file that gets all its output."""

    popen: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """Send SIGKILL to the whole group, as the kernel does when memory runs out, and wait."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


@dataclass
class Processes:
    """Processes that share a database, a broker and an index. `folder` gets their logs."""

    environment: dict[str, str]
    folder: Path
    running: list[Process] = field(default_factory=list)

    def start(self, name: str, *module: str, **environment: str) -> Process:
        """Start `python -m <module>`. The log is named after `name` and the number of processes so far."""
        log = self.folder / f"{len(self.running)}-{name}.log"
        with log.open("wb") as file:
            popen = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=os.environ | self.environment | environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        process = Process(popen, log)
        self.running.append(process)
        return process

    def start_api(self, **environment: str) -> tuple[str, Process]:
        """Start the API and wait until it is ready. Returns its URL, too. Uvicorn's access log stays on."""
        port = free_port()
        url = f"http://{HOST}:{port}"
        factory = ("api.main:create_app", "--factory", "--host", HOST, "--port", str(port))
        # What runs here seldom categorises, and a model takes seconds to load.
        process = self.start("api", "uvicorn", *factory, **{"OUTLAY_WARM_UP": "false"} | environment)

        def is_ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"{url}/readyz").status_code == 200
            return False

        eventually(is_ready, "the API is ready", within_s=START_SECONDS, every_s=0.1)
        return url, process

    def start_worker(self, queues: str = "default,embedding", **environment: str) -> Process:
        """Start a worker of these queues, with a pool of two threads."""
        options = ("-Q", queues, "--pool=threads", "-c", "2", "--without-gossip", "--without-mingle")
        return self.start("worker", "celery", "-A", "worker.app", "worker", *options, **environment)

    def start_relay(self, **environment: str) -> Process:
        """Start the relay."""
        return self.start("relay", "worker.relay", **environment)

    def stop(self) -> None:
        """Send TERM to every process and wait until all have ended."""
        for process in self.running:
            process.popen.terminate()
        for process in self.running:
            process.popen.wait(timeout=60)

    def kill(self) -> None:
        """Kill every group that is left."""
        for process in self.running:
            process.kill()


@contextlib.contextmanager
def processes_over(settings: Settings, folder: Path, **environment: str) -> Iterator[Processes]:
    """Yield `Processes` without any yet, and kill at the end what is left of them."""
    assert settings.edge_authkey is not None
    assert settings.root_key is not None
    processes = Processes(
        {
            "OUTLAY_DATABASE_URL": settings.database_url,
            "OUTLAY_DATABASE_POOL_SIZE": "5",
            "OUTLAY_REDIS_URL": settings.redis_url,
            "OUTLAY_EDGE_SOCKET": str(settings.edge_socket),
            "OUTLAY_EDGE_AUTHKEY": settings.edge_authkey.get_secret_value(),
            "OUTLAY_ARTIFACTS_DIR": str(settings.artifacts_dir),
            "OUTLAY_ROOT_KEY": settings.root_key.get_secret_value(),
            "OUTLAY_DEVICE": "cpu",
            "OUTLAY_RELAY_POLL_SECONDS": "0.2",
            "HF_HUB_OFFLINE": "1",
            **environment,
        },
        folder,
    )
    try:
        yield processes
    finally:
        processes.kill()
