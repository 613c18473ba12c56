"""The whole stack with nobody to watch over it: each process is started, killed and frozen by name.

`cli.supervisor` starts at once what has died, and gives up where one thing dies five times in a minute; here
the experiment decides what runs.
"""

import contextlib
import os
import signal
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil
from sqlalchemy import text

from cli.connectivity import ROOT
from cli.ports import free_port
from cli.process import Child, Program, sweep
from cli.servers import Servers
from cli.standalone import outlay_programs, worker_arguments
from devtools.waiting import eventually
from shared.kit.db import create_db_engine

START_SECONDS = 180  # the API is ready once its models are loaded, which takes long on a busy machine
ROOT_KEY = "chaos-" + "r" * 32
DEFAULT_WORKERS = {"worker": "default,llm,embedding,evaluation"}


class Stack:
    """Postgres, Valkey, Edge, API, relay and workers; a context manager that runs them in a new folder.

    `workers`: name → queues, with `threads` jobs at once each. `settings`: OUTLAY_ settings in lower case.
    A process ends with the thread that started it (`cli/parent_death_signal.py`), so that one has to last.
    """

    def __init__(
        self,
        folder: Path,
        *,
        workers: dict[str, str] | None = None,
        threads: int = 1,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._servers = Servers(folder, durable=durable)
        self._workers = DEFAULT_WORKERS if workers is None else workers
        self._threads = threads
        self._settings = settings or {}
        self._children: dict[str, Child] = {}
        self._ready: dict[str, threading.Event] = {}
        self._exited: dict[str, threading.Event] = {}

    def __enter__(self) -> Self:
        programs = self._servers.prepare()
        try:
            self._enter(programs)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in self._children:
            self.kill(name)
        sweep(self._servers.folder.mark)
        if hasattr(self, "engine"):
            self.engine.dispose()
        self._servers.folder.release()

    def _enter(self, programs: list[Program]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.artifacts = self.folder / "artifacts"
        self.artifacts.mkdir(exist_ok=True)
        self.environment = os.environ | self._servers.environment()
        self.environment |= {"OUTLAY_ARTIFACTS_DIR": str(self.artifacts), "OUTLAY_ROOT_KEY": ROOT_KEY}
        self.environment |= {"HF_HUB_OFFLINE": "1", "OUTLAY_DEVICE": "cpu"}
        self.environment |= {f"OUTLAY_{name.upper()}": value for name, value in self._settings.items()}
        for program in programs:
            self._add(program)
        ours = {p.name: p for p in outlay_programs(self.environment, port, after=())}
        self.start(*(program.name for program in programs))
        self.start_program(ours["migrate"])
        self.wait_exit("migrate")
        self._add(ours["api"])
        self._add(ours["relay"])
        self.start("api", "relay", wait=False)
        for name, queues in self._workers.items():
            self.add_worker(name, queues)
        self.start(*self._workers, wait=False)
        self.await_ready("api", *self._workers)
        url = self._servers.database_url
        self.engine = create_db_engine(url, pool_size=4, statement_timeout_s=30)

    # Processes.

    def start(self, *names: str, wait: bool = True) -> None:
        """Start these, and where asked to, wait until they are ready."""
        for name in names:
            child = self._children[name]
            ready, exited = threading.Event(), threading.Event()
            self._ready[name], self._exited[name] = ready, exited
            child.spawn(lambda _, ready=ready: ready.set(), lambda _, exited=exited: exited.set())  # type: ignore[misc]
        if wait:
            self.await_ready(*names)

    def await_ready(self, *names: str) -> None:
        """Return when each says that it is ready."""
        for name in names:
            program = self._children[name].program
            if program.ready_line is not None:
                eventually(self._ready[name].is_set, f"{name} is ready", within_s=START_SECONDS)
            if program.ready_probe is not None:
                eventually(program.ready_probe, f"{name} answers", within_s=START_SECONDS, every_s=0.1)

    def is_ready(self, name: str) -> bool:
        """Whether it has said so since it was last started."""
        return self._ready[name].is_set()

    def start_program(self, program: Program) -> None:
        """Start one that is not waited for."""
        self._add(program)
        self.start(program.name, wait=False)

    def add_worker(self, name: str, queues: str, threads: int | None = None) -> None:
        """Make a worker known; `start` it."""
        arguments = worker_arguments(name, queues, "threads", threads or self._threads)
        argv = (sys.executable, "-m", *arguments)
        self._add(Program(name, argv, environment=self.environment, cwd=ROOT, ready_line=r"\bready\."))

    def _add(self, program: Program) -> None:
        log = self.folder / "logs" / f"{program.name}.log"
        log.parent.mkdir(exist_ok=True)
        self._children[program.name] = Child(program, log, self._servers.folder.mark)

    def pid(self, name: str) -> int:
        """The process id that the name had last."""
        process = self._children[name].process
        assert process is not None, f"{name} was never started"
        return process.pid

    def tree(self, name: str) -> list[psutil.Process]:
        """The process and all it has started: Postgres's backends each lead a session of their own."""
        try:
            process = psutil.Process(self.pid(name))
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def send(self, name: str, signum: signal.Signals) -> None:
        """A signal to the whole tree."""
        for process in self.tree(name):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signum)

    def send_one(self, name: str, signum: signal.Signals) -> None:
        """A signal to the process alone, as whoever runs services does."""
        os.kill(self.pid(name), signum)

    def kill(self, name: str) -> None:
        """KILL the tree, as the kernel would for want of memory, and wait for its end."""
        if self._children[name].process is None:
            return
        self.send(name, signal.SIGKILL)
        self.wait_exit(name)

    def freeze(self, name: str) -> None:
        """STOP the tree: alive, holding its connections and its locks, and silent."""
        self.send(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        self.send(name, signal.SIGCONT)

    def wait_exit(self, name: str, within_s: float = START_SECONDS) -> None:
        """Return when the process has ended."""
        if not self._exited[name].wait(within_s):
            raise TimeoutError(f"{name} did not end within {within_s} s")

    def log(self, name: str) -> str:
        """What the process has written so far, over all its starts."""
        return self._children[name].log.read_text("utf-8", "replace")

    def rss_mib(self, name: str) -> float:
        """Resident memory of the tree in MiB."""
        total = 0
        for process in self.tree(name):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total / 2**20

    # What the stack knows.

    def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        """The rows of a query, straight from Postgres."""
        with self.engine.connect() as connection:
            return connection.execute(text(statement), values).all()

    def value(self, statement: str, **values: Any) -> Any:
        """The one value of a query, straight from Postgres; None without a row."""
        rows = self.rows(statement, **values)
        return rows[0][0] if rows else None

    def job(self, job_id: str) -> Any:
        """The job's row, whatever the API can say at the moment."""
        return self.rows("SELECT * FROM jobs WHERE id = :id", id=uuid.UUID(job_id))[0]

    def ended(self, job_id: str, within_s: float = 120) -> Any:
        """The job's row once it has ended."""
        return eventually(
            lambda: (row := self.job(job_id)).finished_at and row, f"job {job_id} ends", within_s=within_s
        )

    @property
    def redis_url(self) -> str:
        """The broker."""
        return self._servers.redis_url

    @property
    def edge(self) -> tuple[Path, str]:
        """The sidecar's socket and key."""
        assert self._servers.edge_socket is not None
        return self._servers.edge_socket, self._servers.edge_authkey

    def new_organization(self) -> tuple[str, str]:
        """A new organisation's id and key."""
        headers = {"Authorization": f"Bearer {ROOT_KEY}"}
        body = {"name": f"Chaos {uuid.uuid4().hex[:8]}"}
        answer = httpx.post(f"{self.url}/v1/organizations", json=body, headers=headers, timeout=30)
        organization = answer.raise_for_status().json()
        return organization["id"], organization["api_key"]["key"]

    @contextlib.contextmanager
    def client(self, key: str, timeout_s: float = 30) -> Iterator[httpx.Client]:
        """A client with the key; safe to share by threads."""
        headers = {"Authorization": f"Bearer {key}"}
        limits = httpx.Limits(max_connections=100)
        with httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, limits=limits) as http:
            yield http
