"""What ties a child to its supervisor's life."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cli.process import PARENT_DEATH_SIGNAL

# A supervisor with one child; says the child's id, and waits.
SUPERVISOR = """
import pathlib, signal, sys
from cli.process import Program
from cli.supervisor import Supervisor
folder = pathlib.Path(sys.argv[1])
code = "print('ready', flush=True); import signal; signal.pause()"
child = Program("child", (sys.executable, "-S", "-c", code), ready_line="ready")
stack = Supervisor([child], logs=folder, mark=str(folder))
stack.start()
print(stack.pid("child"), flush=True)
signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        process.kill()
        child.wait(timeout=10)


def test_it_refuses_to_run_for_a_parent_that_is_gone() -> None:
    command = [
        sys.executable,
        "-I",
        "-S",
        str(PARENT_DEATH_SIGNAL),
        "1" if os.getpid() != 1 else "2",
        "15",
        "true",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, "The supervisor is gone.")
