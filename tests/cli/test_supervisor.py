"""The supervisor, with small real processes."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cli import supervisor as supervisor_module
from cli.errors import StackFailed
from cli.process import MARK, Program, marked, sweep
from cli.supervisor import Supervisor

# Says that it is ready, waits for TERM, and notes its end.
SERVER = """
import signal, sys
def end(*_):
    with open({log!r}, "a") as file: file.write({name!r} + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True: signal.pause()
"""

# Starts another process in a session of its own, says its id, and waits.
PARENT = """
import signal, subprocess, sys
command = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
print("ready", subprocess.Popen(command, start_new_session=True).pid, flush=True)
signal.pause()
"""

# Does not end by TERM, and has a child in its group.
DEAF = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    while True: signal.pause()
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
print("ready", flush=True)
while True: time.sleep(0.05)  # a signal just before pause() would be noticed only at the next one
"""


def python(code: str, name: str = "child", **options: object) -> Program:
    return Program(name, (sys.executable, "-S", "-c", code), **options)  # type: ignore[arg-type]


def server(name: str, log: Path, **options: object) -> Program:
    return python(SERVER.format(log=str(log), name=name), name, ready_line="ready", **options)


class Reports:
    """What a supervisor reported, and a way to wait for it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._arrived = threading.Condition()

    def __call__(self, message: str) -> None:
        with self._arrived:
            self.said.append(message)
            self._arrived.notify_all()

    def wait_for(self, condition: Callable[[list[str]], bool]) -> None:
        with self._arrived:
            assert self._arrived.wait_for(lambda: condition(self.said), timeout=30), self.said


@contextmanager
def running(tmp_path: Path, *programs: Program, report: Reports | None = None) -> Iterator[Supervisor]:
    mark = f"test-{tmp_path}"
    with Supervisor(programs, logs=tmp_path / "logs", mark=mark, report=report or Reports()) as stack:
        yield stack
    assert marked(mark) == []


def test_programs_start_after_what_they_need_and_stop_before_it(tmp_path: Path) -> None:
    log = tmp_path / "ends"
    once = python("import pathlib, sys; pathlib.Path(sys.argv[0])", "once", once=True, after=("base",))
    with running(
        tmp_path,
        server("last", log, after=("middle",)),
        server("middle", log, after=("once",)),
        once,
        server("base", log),
    ) as stack:
        pids = [stack.pid(name) or 0 for name in ("base", "middle", "last")]
        assert all(pids)
        assert sorted(pids) == pids  # started in this order
        assert stack.pid("once") is None
    assert log.read_text().split() == ["last", "middle", "base"]


def test_environment_and_working_directory_reach_the_child(tmp_path: Path) -> None:
    code = "import os; print(os.environ['COLOUR'], os.environ.get('HOME'), os.getcwd())"
    with running(tmp_path, python(code, once=True, environment={"COLOUR": "green"}, cwd=tmp_path)):
        pass
    assert (tmp_path / "logs" / "child.log").read_text().split() == ["green", "None", str(tmp_path)]


def test_probe_is_asked_until_it_agrees(tmp_path: Path) -> None:
    answers = iter([False, False, True])
    with running(tmp_path, server("api", tmp_path / "ends", ready_probe=lambda: next(answers))):
        assert next(answers, "used up") == "used up"


def test_dead_child_is_reported_with_its_last_lines_and_started_again(tmp_path: Path) -> None:
    reports = Reports()
    worker = server("worker", tmp_path / "ends")
    with running(tmp_path, worker, report=reports) as stack:
        first = stack.pid("worker")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        reports.wait_for(lambda said: any("worker died with signal SIGKILL" in line for line in said))
        assert "    ready" in reports.said[-1]
        wait_for_new_pid(stack, "worker", first)
    assert (tmp_path / "logs" / "worker.log").read_text() == "ready\nready\n"


def wait_for_new_pid(stack: Supervisor, name: str, old: int) -> None:
    """Until the next process has said that it is ready: its log line is what we look at."""
    turn = threading.Event()
    for _ in range(600):
        child = stack._children[name]
        if child.satisfied and stack.pid(name) not in (None, old):
            return
        turn.wait(0.05)
    pytest.fail("it was not started again")


def test_orphans_of_a_dead_child_are_ended(tmp_path: Path) -> None:
    reports = Reports()
    with running(tmp_path, python(PARENT, "worker", ready_line="ready"), report=reports) as stack:
        orphan = psutil.Process(int((tmp_path / "logs" / "worker.log").read_text().split()[1]))
        pid = stack.pid("worker")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        reports.wait_for(bool)
        orphan.wait(timeout=10)


def test_gives_up_on_a_child_that_keeps_dying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_BACKOFF_S", 0.001)
    reports = Reports()
    code = "import sys; print('ready', flush=True); sys.exit('no luck') if sys.stdin.read() == '' else None"
    with running(
        tmp_path, server("base", tmp_path / "ends"), python(code, "weak", ready_line="ready"), report=reports
    ) as stack:
        stack.wait()
        assert stack.failure is not None
        assert "weak died 5 times within a minute, the last time with exit code 1" in stack.failure
        assert "    no luck" in stack.failure
    assert len(reports.said) == 4
    assert (tmp_path / "ends").read_text() == "base\n"  # the others were ended too


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (python("raise SystemExit('broken')", ready_line="ready"), "exit code 1 before it was ready"),
        (python("raise SystemExit('broken')", once=True), "exit code 1 before it was ready"),
        (
            python(
                "print('broken', flush=True); import signal; signal.pause()",
                ready_line="up",
                start_seconds=0.5,
            ),
            "was not ready after",
        ),
        (Program("child", ("no-such-command-broken",), ready_line="ready"), "Cannot run"),
    ],
)
def test_failure_in_start_up_ends_everything(tmp_path: Path, program: Program, why: str) -> None:
    stack = Supervisor(
        [server("base", tmp_path / "ends"), program], logs=tmp_path / "logs", mark=f"test-{tmp_path}"
    )
    with pytest.raises(StackFailed, match=why) as caught:
        stack.start()
    assert "broken" in str(caught.value)
    assert marked(f"test-{tmp_path}") == []


def test_child_that_ignores_term_is_killed_with_its_group(tmp_path: Path) -> None:
    with running(tmp_path, python(DEAF, "deaf", ready_line="ready", stop_seconds=0.2)) as stack:
        pid = stack.pid("deaf")
    assert pid is not None
    assert not psutil.pid_exists(pid)


def test_second_interrupt_kills_at_once(tmp_path: Path) -> None:
    stack = Supervisor(
        [python(DEAF, "deaf", ready_line="ready", stop_seconds=600)], logs=tmp_path, mark=f"test-{tmp_path}"
    )
    stack.start()
    main = threading.main_thread().ident
    assert main is not None

    def interrupt_when_asked() -> None:
        child = stack._children["deaf"]
        turn = threading.Event()
        while "asked" not in child.lines:
            turn.wait(0.02)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt_when_asked)
    # Whatever this process does with the signal, here it shall interrupt.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread.start()
        stack.stop()
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()
    assert stack.pid("deaf") is None


def test_leftovers_of_an_earlier_run_are_ended_first(tmp_path: Path) -> None:
    mark = f"test-{tmp_path}"
    left = subprocess.Popen(
        [sys.executable, "-S", "-c", "print(flush=True); import signal; signal.pause()"],
        env={MARK: f"{mark}/worker"},
        stdout=subprocess.PIPE,
    )
    assert left.stdout is not None
    left.stdout.readline()
    reports = Reports()
    with Supervisor([server("worker", tmp_path / "ends")], logs=tmp_path, mark=mark, report=reports):
        assert not psutil.pid_exists(left.pid)
    left.wait()
    left.stdout.close()
    assert reports.said == ["Ended 1 processes that an earlier run had left behind."]


def test_sweep_spares_other_marks(tmp_path: Path) -> None:
    with running(tmp_path, server("worker", tmp_path / "ends")) as stack:
        assert sweep(f"test-{tmp_path}"[:-1]) == 0
        pid = stack.pid("worker")
        assert pid is not None
        assert psutil.pid_exists(pid)


def test_log_is_kept_once(tmp_path: Path) -> None:
    for text in ("first", "second", "third"):
        with running(tmp_path, python(f"print({text!r})", once=True)):
            pass
    logs = tmp_path / "logs"
    assert [(logs / name).read_text() for name in ("child.log.1", "child.log")] == ["second\n", "third\n"]
