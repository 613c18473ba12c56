"""All of Outlay on one machine: which processes run, in which order, in which environment."""

import http.client
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.connectivity import ROOT, CheckoutSettings, check_configured
from cli.data_dir import DataFolder
from cli.errors import Refused
from cli.ports import HOST, choose_port
from cli.process import Program
from cli.servers import Servers
from cli.supervisor import Report, Supervisor
from shared.engines import packaged_model
from shared.kit.settings import Settings

# name → the queues it serves, Celery's pool, and how many tasks at once
WORKERS: dict[str, tuple[str, str, int]] = {
    "worker": ("default,llm", "threads", 4),
    "worker-embedding": ("embedding,evaluation", "threads", 1),
    "worker-gpu": ("gpu", "threads", 1),
}
DEFAULT_FOLDER = ROOT / ".outlay" / "standalone"


class Standalone:
    """Servers, migrations, API, relay and workers over one data folder; a context manager that runs them.

    `port`: None for 8000 or the next free one, 0 for any, else exactly that one. Inside the `with` block
    `url`, `root_key` and `environment` (what the processes were started with) are there to use.

    Raises (on entering):
        CannotRun: production, a folder in use, a busy port, a server that does not answer, a failed start.
    """

    def __init__(
        self, folder: Path = DEFAULT_FOLDER, *, port: int | None = None, report: Report = lambda _: None
    ) -> None:
        self.folder = DataFolder(folder)
        self.environment: dict[str, str] = {}
        self.url = self.root_key = ""
        self._port = port
        self._report = report
        self._supervisor: Supervisor | None = None

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor that keeps the processes running."""
        assert self._supervisor is not None, "the stack is not running"
        return self._supervisor

    def __enter__(self) -> Self:
        settings = read_settings()
        check_configured(settings)
        servers = Servers(self.folder, configured=settings)
        programs = servers.prepare()
        try:
            port = choose_port(self._port)
            self.url = f"http://{HOST}:{port}"
            self.folder.note(url=self.url)
            self._set_environment(settings, servers)
            programs += outlay_programs(self.environment, port, after=tuple(p.name for p in programs))
            logs = self.folder.path / "logs"
            self._supervisor = Supervisor(programs, logs=logs, mark=self.folder.mark, report=self._report)
            self._supervisor.start()
        except BaseException:
            self.folder.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.supervisor.stop()
        self.folder.release()

    def _set_environment(self, settings: Settings, servers: Servers) -> None:
        artifacts = self.folder.path / "artifacts"
        if "artifacts_dir" in settings.model_fields_set:
            artifacts = settings.artifacts_dir.resolve()
        artifacts.mkdir(parents=True, exist_ok=True)
        given_key = settings.root_key
        self.root_key = given_key.get_secret_value() if given_key else self.folder.secret("root.key")
        self.environment = os.environ | servers.environment()
        self.environment["OUTLAY_ARTIFACTS_DIR"] = str(artifacts)
        self.environment["OUTLAY_ROOT_KEY"] = self.root_key
        # Ctrl-C should end things now: what is under way is given back and goes on at the next start.
        self.environment.setdefault("OUTLAY_SHUTDOWN_GRACE_SECONDS", "1")
        if settings.base_model == packaged_model.NAME and packaged_model.folder() is not None:
            # Nothing has to be fetched, so no hub is asked.
            self.environment.setdefault("HF_HUB_OFFLINE", "1")


def read_settings() -> Settings:
    """The settings of this checkout.

    Raises:
        Refused: the environment says production.
    """
    settings = CheckoutSettings()
    if settings.environment == "production":
        raise Refused(
            "OUTLAY_ENVIRONMENT is 'production', and the standalone stack is not made for that: everything "
            "would live on one machine, in one folder, without backups. Run docker compose up with real "
            "servers instead (see docker-compose.yml), or set OUTLAY_ENVIRONMENT=development."
        )
    return settings


def outlay_programs(environment: dict[str, str], port: int, *, after: tuple[str, ...]) -> list[Program]:
    """Outlay's own processes; the tables are brought up to date before any of the others starts."""

    def module(
        name: str, *arguments: str, after: tuple[str, ...] = ("migrate",), **options: object
    ) -> Program:
        argv = (sys.executable, "-m", *arguments)
        return Program(name, argv, environment=environment, cwd=ROOT, after=after, **options)  # type: ignore[arg-type]  # passed on as they are

    api = ("uvicorn", "api.main:create_app", "--factory", "--host", HOST, "--port", str(port))
    quiet = "--no-access-log"  # it would print each query; the API's own lines do not
    workers = [
        module(
            name,
            *worker_arguments(name, queues, pool, concurrency),
            ready_line=r"\bready\.",
            stop_seconds=5,
        )
        for name, (queues, pool, concurrency) in WORKERS.items()
    ]
    return [
        module("migrate", "alembic", "upgrade", "head", after=after, once=True),
        module(
            "api",
            *api,
            quiet,
            "--timeout-graceful-shutdown",
            "3",
            ready_probe=lambda: answers(port),
            start_seconds=180,  # it is ready when its models are loaded, which takes a busy machine a while
            stop_seconds=5,
        ),
        module("relay", "worker.relay", stop_seconds=3),
        *workers,
    ]


def worker_arguments(name: str, queues: str, pool: str, concurrency: int) -> tuple[str, ...]:
    """The module and arguments of one Celery worker.

    Without gossip and mingle: workers need not know each other, and both cost a second at the start.
    """
    flags = (f"--pool={pool}", f"--concurrency={concurrency}", f"--hostname={name}@%h", "--loglevel=INFO")
    return (
        "celery",
        "-A",
        "worker.app",
        "worker",
        "-Q",
        queues,
        *flags,
        "--without-gossip",
        "--without-mingle",
    )


def answers(port: int) -> bool:
    """Whether the API says that it and all it depends on are ready."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
