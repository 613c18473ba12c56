"""Ties a child to its supervisor: `<this file> <parent pid> <signal> <command…>` becomes the command.

Run as a script of its own with `-I -S` (about 20 ms), because code between fork and exec in a process with
threads may deadlock. On Linux the kernel sends the child `signal` when the supervisor dies, however it dies
(prctl(2), PR_SET_PDEATHSIG); elsewhere the supervisor's next start finds what was left by its mark.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the signal, make sure the parent has not died before that, and become the command."""
    parent, signum, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signum))
    if os.getppid() != int(parent):
        sys.exit("The supervisor is gone.")
    try:
        os.execvp(command[0], command)  # noqa: S606 - a fixed argument list, and no shell is wanted
    except OSError as error:
        sys.exit(f"Cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
