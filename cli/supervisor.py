"""Keeps named processes running: started in order, restarted when they die, all ended together.

One thread makes every decision. Output and exits of the children reach it as events; only a program's own
`ready_probe` is polled. The thread that starts a child must outlive it: Linux sends the death signal of
`parent_death_signal.py` when the starting *thread* ends.
"""

import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.errors import StackFailed
from cli.process import Child, Program, exit_text, sweep

MAX_DEATHS = 5
DEATH_WINDOW_S = 60.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.25, 8.0
PROBE_EVERY_S = 0.1

Report = Callable[[str], None]


class Supervisor:
    """Runs programs until `stop`; a context manager.

    A program that dies before it was ever ready, or five times in a minute, ends everything and sets
    `failure`. `mark` names this stack among the machine's processes: what an earlier supervisor with the same
    mark left behind is ended first, so no two may run at once (hold a lock).
    """

    def __init__(
        self, programs: Sequence[Program], *, logs: Path, mark: str, report: Report = lambda _: None
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self.mark = mark
        self.failure: str | None = None
        self._report = report
        self._children = {p.name: Child(p, logs / f"{p.name}.log", mark) for p in programs}
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._up = threading.Event()
        self._ended = threading.Event()
        self._stopping = False
        self._kill = False
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start everything and return when all are ready.

        Raises:
            StackFailed: one could not be started; everything has been ended again.
        """
        left = sweep(self.mark, patience_s=5)
        if left:
            self._report(f"Ended {left} processes that an earlier run had left behind.")
        self._thread.start()
        try:
            self._up.wait()
        except BaseException:
            self.stop()
            raise
        if self.failure is not None:
            self._thread.join()
            raise StackFailed(self.failure)

    def wait(self) -> None:
        """Block until the stack has ended. `failure` then says why, unless `stop` was called."""
        self._ended.wait()

    def stop(self) -> None:
        """End every program, dependents first; a KeyboardInterrupt meanwhile kills what is left at once."""
        if not self._thread.is_alive():
            return
        self._events.put(self._begin_stop)
        try:
            self._ended.wait()  # not join: an interrupted join takes a running thread for an ended one (3.11)
        except KeyboardInterrupt:
            self._kill = True
            self._events.put(self._begin_stop)
        self._thread.join()

    def pid(self, name: str) -> int | None:
        """The process id of a program now, if it runs."""
        process = self._children[name].process
        return None if process is None else process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Below: only ever run by the supervising thread.

    def _run(self) -> None:
        try:
            while True:
                now = time.monotonic()
                if self._stopping:
                    if self._stop_next(now):
                        break
                else:
                    self._start_next(now)
                try:
                    self._events.get(timeout=self._patience())()
                except queue.Empty:
                    continue
        except Exception as error:
            self.failure = f"The supervisor itself failed: {error!r}"
            raise
        finally:
            sweep(self.mark)
            self._up.set()
            self._ended.set()

    def _patience(self) -> float | None:
        """Seconds until something is due without an event; None: nothing is."""
        if self._stopping:
            due = [child.kill_at for child in self._children.values() if child.process and child.kill_at]
        else:
            pending = [child for child in self._children.values() if not child.satisfied]
            if any(child.process and child.line_seen and child.program.ready_probe for child in pending):
                return PROBE_EVERY_S
            due = [child.due for child in pending if child.process or self._may_start(child)]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _may_start(self, child: Child) -> bool:
        return all(self._children[name].satisfied for name in child.program.after)

    def _start_next(self, now: float) -> None:
        for child in self._children.values():
            if child.satisfied or self._stopping:
                continue
            if child.process is None:
                if child.due <= now and self._may_start(child):
                    self._spawn(child, now)
            elif child.line_seen and self._is_ready(child):
                child.satisfied = child.was_ready = True
                self._events.put(lambda: None)  # others may have waited for it
            elif now >= child.due:
                self._fail(child, f"was not ready after {child.program.start_seconds:.0f} s")
        if all(child.satisfied for child in self._children.values()):
            self._up.set()

    def _spawn(self, child: Child, now: float) -> None:
        child.due = now + child.program.start_seconds
        child.spawn(
            on_ready_line=lambda process: self._events.put(lambda: self._on_line(child, process)),
            on_exit=lambda code: self._events.put(lambda: self._on_exit(child, code)),
        )
        self._events.put(lambda: None)  # look again at once: it may be ready by having started

    def _on_line(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        if child.process is process:
            child.line_seen = True

    def _is_ready(self, child: Child) -> bool:
        if child.program.once:
            return False
        probe = child.program.ready_probe
        return probe is None or probe()

    def _on_exit(self, child: Child, code: int) -> None:
        child.process = None
        if self._stopping:
            return
        sweep(child.mark)  # what it had started must not outlive it
        if child.program.once and code == 0:
            child.satisfied = True
            return
        child.satisfied = False
        if child.program.once or not child.was_ready:
            self._fail(child, f"ended with {exit_text(code)} before it was ready")
            return
        now = time.monotonic()
        child.deaths.append(now)
        recent = sum(now - death < DEATH_WINDOW_S for death in child.deaths)
        if recent >= MAX_DEATHS:
            self._fail(child, f"died {recent} times within a minute, the last time with {exit_text(code)}")
            return
        child.due = now + min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (recent - 1))
        self._report(
            f"{child.program.name} died with {exit_text(code)}; starting it again.\n{child.last_lines(5)}"
        )

    def _fail(self, child: Child, what: str) -> None:
        self.failure = f"{child.program.name} {what}.\n{child.last_lines()}"
        self._stopping = True
        self._events.put(lambda: None)  # wakes the loop, so that it stops at once

    def _begin_stop(self) -> None:
        self._stopping = True

    def _stop_next(self, now: float) -> bool:
        """Signal the programs that no living one depends on. True once all have ended."""
        alive = [child for child in self._children.values() if child.process is not None]
        for child in alive:
            if self._kill or (child.kill_at is not None and now >= child.kill_at):
                child.signal_group(signal.SIGKILL)
                child.kill_at = now + child.program.stop_seconds
            elif child.kill_at is None and not any(self._needs(other, child) for other in alive):
                child.signal_group(child.program.stop_signal)
                child.kill_at = now + child.program.stop_seconds
        return not alive

    def _needs(self, child: Child, other: Child) -> bool:
        """Whether `child` was started after `other`, directly or through others."""
        names = child.program.after
        return other.program.name in names or any(self._needs(self._children[name], other) for name in names)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let TERM and HUP end the `with` block as Ctrl-C does, by KeyboardInterrupt; main thread only."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
