"""The installer, with commands that only say what they were called with."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from devtools import install
from devtools.install import CannotInstall, Installer

ROOT = Path(__file__).parents[2]
Fails = Callable[[str], bool]


class Commands:
    """Stands in for `subprocess.run`: notes every command, and lets those fail that `fails` picks."""

    def __init__(self, fails: Fails = lambda _: False, *, find_links: str = "", torch: str = "") -> None:
        self.lines: list[str] = []
        self._fails = fails
        self._find_links = find_links
        self._torch = torch

    def __call__(self, command: Sequence[object], **_: Any) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        if "list" in words:
            return subprocess.CompletedProcess(words, 0, f"global.find-links='{self._find_links}'\n")
        if "-c" in words:
            return subprocess.CompletedProcess(words, 0, f"{self._torch}\n")
        line = " ".join(words[2:]).replace(f"{install.REQUIREMENTS}/", "")
        self.lines.append(line)
        return subprocess.CompletedProcess(words, int(self._fails(line)), "")

    def of(self, *words: str) -> list[str]:
        """The commands with all of these words in them."""
        return [line for line in self.lines if all(word in line for word in words)]


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment's folder that looks as if it had been made."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def installer(monkeypatch: pytest.MonkeyPatch, environment: Path, commands: Commands) -> Installer:
    monkeypatch.setattr(subprocess, "run", commands)
    return Installer(environment)


def machine(monkeypatch: pytest.MonkeyPatch, system: str, *, has_gpu: bool) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/nvidia-smi" if has_gpu else None)


def is_uv(line: str) -> bool:
    return line.startswith("uv pip")


def test_uv_installs_by_hash_and_pip_only_fetches_uv(
    monkeypatch: pytest.MonkeyPatch, environment: Path
) -> None:
    commands = Commands()
    installer(monkeypatch, environment, commands).install(
        "All.", *install.HASHED, *install.files("base", "umap")
    )
    [fetched, installed] = commands.lines
    assert fetched.endswith("install -qq --require-hashes --no-deps -r uv.txt")
    assert installed.startswith("uv pip install --require-hashes --no-deps -r base.txt -r umap.txt --python ")


@pytest.mark.parametrize("broken", [is_uv, lambda line: "uv.txt" in line], ids=["uv", "fetching uv"])
def test_where_uv_fails_pip_installs_the_same_and_says_so(
    monkeypatch: pytest.MonkeyPatch, environment: Path, capsys: pytest.CaptureFixture[str], broken: Fails
) -> None:
    commands = Commands(broken)
    installer(monkeypatch, environment, commands).install("All.", *install.HASHED, *install.files("base"))
    assert (
        commands.lines[-1] == "pip --disable-pip-version-check install --require-hashes --no-deps -r base.txt"
    )
    assert "pip" in capsys.readouterr().out


def test_where_both_fail_it_says_what_failed(monkeypatch: pytest.MonkeyPatch, environment: Path) -> None:
    commands = Commands(lambda line: "base.txt" in line)
    with pytest.raises(CannotInstall, match="Neither uv nor pip could do this: All"):
        installer(monkeypatch, environment, commands).install("All.", *install.files("base"))


@pytest.mark.parametrize(("system", "has_gpu"), [("Linux", True), ("Darwin", False)])
def test_torch_of_the_package_index_is_verified(
    monkeypatch: pytest.MonkeyPatch, environment: Path, system: str, has_gpu: bool
) -> None:
    machine(monkeypatch, system, has_gpu=has_gpu)
    commands = Commands()
    installer(monkeypatch, environment, commands).install_torch()
    assert commands.of("--require-hashes", "-r torch.txt", "uv pip")
    assert not commands.of("--torch-backend")


def test_without_a_gpu_torch_is_the_build_for_cpus(
    monkeypatch: pytest.MonkeyPatch, environment: Path
) -> None:
    machine(monkeypatch, "Linux", has_gpu=False)
    commands = Commands(lambda line: "--dry-run" in line)
    installer(monkeypatch, environment, commands).install_torch()
    assert f"--torch-backend cpu torch=={install.torch_version()} " in commands.lines[-1]


def test_wheels_that_pip_is_configured_with_are_used_by_uv(
    monkeypatch: pytest.MonkeyPatch, environment: Path
) -> None:
    machine(monkeypatch, "Linux", has_gpu=False)
    commands = Commands(find_links="/a /b")
    installer(monkeypatch, environment, commands).install_torch()
    wanted = f"--no-deps --no-index --find-links=/a --find-links=/b torch=={install.torch_version()}+cpu"
    assert wanted in commands.lines[-1]


def test_where_uv_gets_no_torch_pip_takes_what_it_is_configured_with(
    monkeypatch: pytest.MonkeyPatch, environment: Path
) -> None:
    machine(monkeypatch, "Linux", has_gpu=False)
    commands = Commands(is_uv)
    installer(monkeypatch, environment, commands).install_torch()
    assert commands.lines[-1] == f"pip --disable-pip-version-check install torch=={install.torch_version()}"


def test_torch_that_is_there_is_left_alone(monkeypatch: pytest.MonkeyPatch, environment: Path) -> None:
    machine(monkeypatch, "Linux", has_gpu=False)
    commands = Commands(torch=f"{install.torch_version()}+cpu")
    installer(monkeypatch, environment, commands).install_torch()
    assert not commands.of("torch==")


def test_an_unknown_extra_is_refused_before_anything_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["umpa"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "'umpa'" in captured.err
    assert "umap" in captured.err


def test_the_installer_runs_on_a_bare_python() -> None:
    """Before anything is installed: neither a site-packages folder nor the checkout on the path."""
    command = [sys.executable, "-I", "-S", str(ROOT / "devtools" / "install.py"), "umpa"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no extra 'umpa'" in done.stderr
