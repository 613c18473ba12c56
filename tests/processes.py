"""Outlay's own processes, as they are run in earnest, each with a log file."""

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
from shared.kit.settings import Settings
from tests.worker.waiting import eventually

ROOT = Path(__file__).parents[1]


@dataclass
class Processes:
    """Processes over one database, each the leader of a group of its own."""

    environment: dict[str, str]
    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, *module: str, **environment: str) -> Path:
        """Run the module; the file that gets all that it prints."""
        file = self.folder / f"{name}.log"
        with file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=os.environ | self.environment | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return file

    def start_api(self, **environment: str) -> tuple[str, Path]:
        """The API once it is ready: its URL and its log. Uvicorn has its access log, as it has by default."""
        url = f"http://{HOST}:{(port := free_port())}"
        factory = ("api.main:create_app", "--factory", "--host", HOST, "--port", str(port))
        log = self.start("api", "uvicorn", *factory, **environment)

        def is_ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(f"{url}/readyz").status_code == 200
            return False

        eventually(is_ready, every_s=0.1)
        return url, log

    def start_worker(self, queues: str = "default,embedding", **environment: str) -> Path:
        """A worker of these queues."""
        options = ("-Q", queues, "--pool=threads", "-c", "2", "--without-gossip", "--without-mingle")
        return self.start("worker", "celery", "-A", "worker.app", "worker", *options, **environment)

    def start_relay(self, **environment: str) -> Path:
        """The relay."""
        return self.start("relay", "worker.relay", **environment)

    def stop(self) -> None:
        """TERM, and the end of every process."""
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(timeout=60)

    def kill(self) -> None:
        """SIGKILL to every group that is left."""
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def processes_over(settings: Settings, folder: Path, **environment: str) -> Iterator[Processes]:
    """No process yet, and none left behind."""
    assert settings.edge_authkey is not None
    assert settings.root_key is not None
    found = Processes(
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
        yield found
    finally:
        found.kill()
