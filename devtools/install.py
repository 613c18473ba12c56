"""Installs Outlay into .venv and says what it does: `make install`.

    python3 devtools/install.py model standalone tracing

Runs on a bare Python 3.11 or later. Every package comes in the version and with the hash that requirements/
names. The one exception is PyTorch's build for CPUs, which is not on the package index
(docs/decisions/0022-locked-and-hashed.md). uv installs. Where uv fails, pip goes on: slower, but with pip's
own configuration, which uv does not read.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
HASHED = ("--require-hashes", "--no-deps")


class CannotInstall(Exception):
    """An installation that failed; the message says what to do."""


class Installer:
    """Installs into the virtual environment at `folder`, which it makes where it is missing."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        if not self.python.exists():
            say(f"Making {folder.name} with Python {platform.python_version()}.")
            venv.create(folder, with_pip=True)
        self.has_uv = self._run(self._pip("install", "-qq", *HASHED, *files("uv")))
        if not self.has_uv:
            say("uv cannot be installed here: pip does the work. Expect some minutes.")

    def install(self, what: str, *arguments: str) -> None:
        """Install with uv, or with pip where uv fails.

        Raises:
            CannotInstall: both failed.
        """
        say(what)
        if self.has_uv and self._run(self._uv("install", *arguments)):
            return
        if self.has_uv:
            say("uv failed (see above). Once more with pip, which takes longer.")
        if not self._run(self._pip("install", *arguments)):
            raise CannotInstall(f"Neither uv nor pip could do this: {what} The lines above say why.")

    def install_torch(self) -> None:
        """Install PyTorch, in the build for this machine.

        Raises:
            CannotInstall: no attempt succeeded.
        """
        version = torch_version()
        if self._installed_torch().partition("+")[0] == version:
            say(f"PyTorch {self._installed_torch()} is installed already.")
        elif needs_cpu_build():
            self._install_torch_for_cpus(version)
        else:
            what = f"PyTorch {version} for this machine: {count('torch')} packages."
            self.install(what, *HASHED, *files("torch"))

    def _install_torch_for_cpus(self, version: str) -> None:
        say(f"PyTorch {version} for CPUs, since there is no NVIDIA GPU: some 200 MB.")
        if self.has_uv:
            configured = ("--no-index", *self._find_links(), f"torch=={version}+cpu")
            if self._run(self._uv("install", "--no-deps", "--dry-run", *configured), quiet=True):
                wanted = configured
            else:
                wanted = ("--torch-backend", "cpu", f"torch=={version}")
            if self._run(self._uv("install", "--no-deps", *wanted)):
                return
            say("uv failed (see above). Once more with pip.")
        say("pip takes the build that its configuration offers: by default one with CUDA, some 3 GB.")
        if not self._run(self._pip("install", f"torch=={version}")):
            raise CannotInstall(f"PyTorch {version} cannot be installed. The lines above say why.")

    def _installed_torch(self) -> str:
        code = "import importlib.metadata as m; print(m.version('torch'))"
        done = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def _find_links(self) -> list[str]:
        """The wheels' folders and pages that pip is configured with, as options."""
        command = self._pip("config", "list")
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        values = re.findall(r"^[^=]*\.find-links='(.*)'$", listed, re.MULTILINE)
        return [f"--find-links={link}" for link in dict.fromkeys(" ".join(values).split())]

    def _pip(self, *arguments: str) -> list[str]:
        return [str(self.python), "-m", "pip", "--disable-pip-version-check", *arguments]

    def _uv(self, *arguments: str) -> list[str]:
        return [str(self.python), "-m", "uv", "pip", *arguments, "--python", str(self.python)]

    def _run(self, command: Sequence[str], *, quiet: bool = False) -> bool:
        """Whether the command succeeded. It prints for itself, but for `quiet` ones."""
        output = subprocess.DEVNULL if quiet else None
        return subprocess.run(command, cwd=ROOT, check=False, stdout=output, stderr=output).returncode == 0


def say(sentence: str) -> None:
    """Print a step at once."""
    print(f"==> {sentence}", flush=True)


def files(*names: str) -> list[str]:
    """The options that name files of requirements/.

    Raises:
        CannotInstall: there is no such file.
    """
    for name in names:
        if not (REQUIREMENTS / f"{name}.txt").is_file():
            known = ", ".join(sorted(path.stem for path in REQUIREMENTS.glob("*.txt")))
            raise CannotInstall(f"There is no extra {name!r}. There are: {known}.")
    return [part for name in names for part in ("-r", str(REQUIREMENTS / f"{name}.txt"))]


def count(*names: str) -> int:
    """How many packages the files of requirements/ name together."""
    text = "".join((REQUIREMENTS / f"{name}.txt").read_text("utf-8") for name in names)
    return len(set(re.findall(r"^([A-Za-z0-9][^=\s]*)==", text, re.MULTILINE)))


def torch_version() -> str:
    """The version of PyTorch that requirements/torch.txt names."""
    match = re.search(r"^torch==(\S+)", (REQUIREMENTS / "torch.txt").read_text("utf-8"), re.MULTILINE)
    assert match is not None
    return match[1]


def needs_cpu_build() -> bool:
    """Whether the package index's build of PyTorch would bring a CUDA for which there is no GPU here."""
    return platform.system() == "Linux" and shutil.which("nvidia-smi") is None


def main(extras: Sequence[str]) -> int:
    """Install the service and these extras; the exit status."""
    began = time.monotonic()
    try:
        names = ("base", *dict.fromkeys(extras))
        options = files(*names)
        installer = Installer(ROOT / ".venv")
        installer.install_torch()
        installer.install(f"{count(*names)} packages: {', '.join(names)}.", *HASHED, *options)
        installer.install("Outlay itself.", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    except CannotInstall as error:
        print(error, file=sys.stderr)
        return 1
    say(f"Installed in {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
