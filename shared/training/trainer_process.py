"""Watches over the trainer's process: progress in, cancel and death out."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, Any

from shared.jobs.run import Run
from shared.kit.errors import AppError

TERM_SECONDS = 30
POLL_SECONDS = 0.5


class TrainingFailed(AppError):
    code = "training-failed"
    message = "The training failed. The worker's log has the details under this job's id."


class TrainerDied(AppError):
    code = "trainer-died"
    message = (
        "The trainer's process died, most likely for want of memory. Try a smaller batch or a larger machine."
    )


def supervise(run: Run, command: Sequence[str]) -> dict[str, Any]:
    """Run the trainer in a process group of its own until it reports its result.

    It writes a JSON object a line: {"progress": {done, total, note}}, at last {"result": …} or {"error": …}.
    It ends when its standard input does, so it never outlives the worker that would take its result.

    Raises:
        JobCancelled, LeaseLost: the run should stop; the group was sent TERM, and KILL after 30 s.
        TrainingFailed, TrainerDied: it reported an error, or ended without a word.
    """
    child = subprocess.Popen(
        list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    lines: queue.Queue[str | None] = queue.Queue()
    assert child.stdout is not None
    reader = threading.Thread(target=_read, args=(child.stdout, lines), daemon=True)
    reader.start()
    try:
        result = _follow(run, lines)
        child.wait()
    finally:
        _end(child)
        reader.join()
        child.stdout.close()
    if result is None:
        raise TrainerDied(
            f"The trainer's process ended with exit status {child.returncode}. {TrainerDied.message}"
        )
    return result


def _follow(run: Run, lines: "queue.Queue[str | None]") -> dict[str, Any] | None:
    """The result, or None when the output ended without one."""
    result: dict[str, Any] | None = None
    while True:
        run.checkpoint()
        try:
            line = lines.get(timeout=POLL_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            return result
        message = json.loads(line)
        if "progress" in message:
            run.progress(**message["progress"])
        elif "error" in message:
            raise TrainingFailed(message["error"])
        else:
            result = message["result"]


def _read(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _end(child: "subprocess.Popen[str]") -> None:
    """Make sure that nothing of the process group is left."""
    assert child.stdin is not None
    if child.poll() is None:
        _signal(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(TERM_SECONDS)
    _signal(child, signal.SIGKILL)
    child.wait()
    child.stdin.close()


def _signal(child: "subprocess.Popen[str]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all of it may be gone already
        os.killpg(child.pid, number)
