"""The data folder of a standalone stack: its lock, its secrets, and the short-named folder of its sockets."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

from cli.errors import FolderInUse

SOCKET_PATH_LIMIT = 100  # sun_path holds 108 bytes on Linux, 104 on macOS, the closing NUL included


class DataFolder:
    """A folder that only its owner can enter and only one stack at a time can hold."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self._lock: int | None = None
        self._runtime: Path | None = None

    @property
    def mark(self) -> str:
        """The name of this folder's stack among the machine's processes."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:16]

    @property
    def runtime(self) -> Path:
        """The private folder of the sockets; there while the lock is held."""
        assert self._runtime is not None, "the folder is not held"
        return self._runtime

    def hold(self) -> None:
        """Make the folder, lock it, and make the runtime folder.

        Raises:
            FolderInUse: another process holds it; the message says which, and what to do.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise FolderInUse(self._holder()) from error
        self._lock = lock
        state = self.state()
        if stale := state.get("runtime"):  # a killed run's sockets
            shutil.rmtree(stale, ignore_errors=True)
        self._runtime = _short_folder()
        self.note(pid=os.getpid(), runtime=str(self._runtime), url=None)

    def release(self) -> None:
        """Remove the runtime folder and let others hold the data folder."""
        if self._lock is None:
            return
        shutil.rmtree(self.runtime, ignore_errors=True)
        self.note(pid=None, runtime=None, url=None)
        os.close(self._lock)
        self._lock = self._runtime = None

    def state(self) -> dict[str, Any]:
        """What the current or last holder noted: pid, url, runtime."""
        try:
            state: dict[str, Any] = json.loads((self.path / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return state

    def note(self, **values: Any) -> None:
        """Change what `state` says."""
        self.write_private("state.json", json.dumps(self.state() | values))

    def secret(self, name: str) -> str:
        """A random secret (256 bits) of this folder, made once and kept in a file only its owner can read."""
        path = self.path / name
        if not path.exists():
            self.write_private(name, secrets.token_urlsafe(32))
        return path.read_text().strip()

    def write_private(self, name: str, text: str) -> None:
        """Write a file of mode 0600, whole or not at all."""
        path = self.path / name
        temporary = path.with_name(f".{name}.{os.getpid()}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def _holder(self) -> str:
        state = self.state()
        where = f", serving {state['url']}" if state.get("url") else ""
        return (
            f"The data folder {self.path} is in use by process {state.get('pid') or 'unknown'}{where}. "
            "Stop it first (Ctrl-C in its terminal), or choose another folder with --data-folder."
        )


def _short_folder() -> Path:
    """A new private folder whose path leaves room for a socket's name."""
    folder = Path(tempfile.mkdtemp(prefix="outlay-"))
    if len(str(folder)) + len("/.s.PGSQL.5432") <= SOCKET_PATH_LIMIT:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="outlay-", dir="/tmp"))
