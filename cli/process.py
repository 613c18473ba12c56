"""One child process: how it is started, listened to, signalled and found again."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PARENT_DEATH_SIGNAL = Path(__file__).with_name("parent_death_signal.py")
MARK = "_OUTLAY_STACK"  # an environment variable that every descendant inherits, so that each can be found
LOG_LIMIT_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class Program:
    """What to run, what it waits for, and how to tell that it is up.

    `after` names the programs that must be ready first. A program is ready when a line of its output matches
    `ready_line`, and `ready_probe` (asked ten times a second) then says so; `once` programs are ready when
    they have exited with 0. Times in seconds.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    after: tuple[str, ...] = ()
    ready_line: str | None = None
    ready_probe: Callable[[], bool] | None = None
    once: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 5
    start_seconds: float = 60


class Child:
    """A program and its current process. Its output goes to one log file, across restarts."""

    def __init__(self, program: Program, log: Path, mark: str) -> None:
        self.program = program
        self.log = log
        self.mark = f"{mark}/{program.name}"
        self.process: subprocess.Popen[bytes] | None = None
        self.lines: deque[str] = deque(maxlen=200)
        self.satisfied = False  # ready, or done for a `once` program
        self.line_seen = False
        self.due = 0.0  # when it may be started, and once started: when it must be ready
        self.deaths: deque[float] = deque(maxlen=16)
        self.was_ready = False
        self.kill_at: float | None = None
        if log.exists():
            log.replace(log.with_suffix(".log.1"))

    def spawn(
        self, on_ready_line: Callable[[subprocess.Popen[bytes]], None], on_exit: Callable[[int], None]
    ) -> None:
        """Start the process in a session of its own; both callbacks come from other threads."""
        program = self.program
        command = [
            sys.executable,
            "-I",
            "-S",
            str(PARENT_DEATH_SIGNAL),
            str(os.getpid()),
            str(int(program.stop_signal)),
        ]
        self.line_seen = program.ready_line is None
        self.process = subprocess.Popen(
            [*command, *program.argv],
            env={**program.environment, MARK: self.mark, "PYTHONUNBUFFERED": "1"},
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        reader = threading.Thread(target=self._listen, args=(self.process, on_ready_line), daemon=True)
        reader.start()
        waiter = threading.Thread(target=self._await, args=(self.process, reader, on_exit), daemon=True)
        waiter.start()

    def signal_group(self, signum: signal.Signals) -> None:
        """Send a signal to the process and what it started in its own group."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signum)
            except (ProcessLookupError, PermissionError):  # gone, or (macOS) a group of zombies only
                return

    def last_lines(self, count: int = 15) -> str:
        """The end of its output, indented, under the name of its log file."""
        lines = list(self.lines)[-count:] or ["(it wrote nothing)"]
        return "\n".join([f"Last lines of {self.log}:", *(f"    {line}" for line in lines)])

    def _listen(
        self, process: subprocess.Popen[bytes], on_ready_line: Callable[[subprocess.Popen[bytes]], None]
    ) -> None:
        assert process.stdout is not None
        pattern = re.compile(self.program.ready_line) if self.program.ready_line else None
        file = self.log.open("ab")
        for raw in iter(lambda: process.stdout.readline(65536), b""):  # type: ignore[union-attr]  # asserted above
            if file.tell() > LOG_LIMIT_BYTES:
                file.close()
                self.log.replace(self.log.with_suffix(".log.1"))
                file = self.log.open("ab")
            file.write(raw)
            file.flush()
            line = raw.decode(errors="replace").rstrip()
            self.lines.append(line)
            if pattern is not None and pattern.search(line):
                pattern = None
                on_ready_line(process)
        file.close()
        process.stdout.close()

    @staticmethod
    def _await(
        process: subprocess.Popen[bytes], reader: threading.Thread, on_exit: Callable[[int], None]
    ) -> None:
        code = process.wait()
        reader.join(
            timeout=1
        )  # so that its last words are there; a grandchild may hold the pipe open for longer
        on_exit(code)


def marked(mark: str) -> list[psutil.Process]:
    """All living processes that were started under the mark or under a child's, descendants included."""
    processes = []
    for process in psutil.process_iter():
        try:
            value = process.environ().get(MARK, "")
        except (psutil.Error, OSError):
            continue
        if (value == mark or value.startswith(f"{mark}/")) and process.pid != os.getpid():
            processes.append(process)
    return processes


def sweep(mark: str, *, patience_s: float = 0) -> int:
    """End what is left under the mark, and return how many processes there were.

    They get TERM and `patience_s` seconds to end, if any, and then KILL.
    """
    processes = marked(mark)
    for process in processes if patience_s else ():
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(processes, timeout=patience_s)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=3)
    return len(processes)


def exit_text(code: int) -> str:
    """`exit code 1`, or `signal SIGKILL` for a process that a signal ended."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
