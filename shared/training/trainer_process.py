"""Runs the trainer in a process of its own and watches it: progress and result in, cancellation out."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, Any

from shared.jobs.run import Run
from shared.kit.errors import AppError

_TRAINER = "worker.trainer"  # started as a process of its own; nothing here imports it
TERM_SECONDS = 30
POLL_SECONDS = 0.5


class TrainingFailed(AppError):
    code = "training-failed"
    message = "The training failed. The worker's log has the details under this job's id."

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:  # of an error that the trainer foresaw: `untrainable`, `artifact-corrupt`, …
            self.code = code


class TrainerDied(AppError):
    code = "trainer-died"
    message = (
        "The trainer's process died, most likely for want of memory. Try a smaller batch or a larger machine."
    )


def trainer_command(processes: int = 1) -> tuple[str, ...]:
    """What starts a trainer, or several that share the batches, each on a GPU of its own."""
    if processes == 1:
        return (sys.executable, "-m", _TRAINER)
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    return (*launcher, "--nproc-per-node", str(processes), "-m", _TRAINER)


def train_in_subprocess(run: Run, command: Sequence[str]) -> dict[str, Any]:
    """Run the trainer in a process group of its own; the result that it reports.

    It writes one JSON object per line: {"progress": {done, total, note}}, and at last {"result": …} or
    {"error": {code, message}}. It ends when its standard input closes, so it never outlives its worker.

    Raises:
        JobCancelled, LeaseLost: the run should stop; the group was sent TERM, and KILL after 30 s.
        TrainingFailed: the trainer reported an error, whose code and message it has.
        TrainerDied: the trainer ended without a result or an error.
    """
    process = subprocess.Popen(
        list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    lines: queue.Queue[str | None] = queue.Queue()
    assert process.stdout is not None
    reader = threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        result = _read_messages(run, lines)
        process.wait()
    finally:
        _end(process)
        reader.join()
        process.stdout.close()
    if result is None:
        raise TrainerDied(
            f"The trainer's process ended with exit status {process.returncode}. {TrainerDied.message}"
        )
    return result


def _read_messages(run: Run, lines: "queue.Queue[str | None]") -> dict[str, Any] | None:
    """Pass on the progress until the output ends; the result, or None where there was none."""
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
            raise TrainingFailed(**message["error"])
        else:
            result = message["result"]


def _read_lines(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    """Read in a thread, since a read from a pipe has no timeout; None marks the end."""
    for line in stream:
        lines.put(line)
    lines.put(None)


def _end(process: "subprocess.Popen[str]") -> None:
    """Make sure that no process of the group is left."""
    assert process.stdin is not None
    if process.poll() is None:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TERM_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()
    process.stdin.close()


def _signal_group(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the whole group may be gone already
        os.killpg(process.pid, number)
