"""`outlay …`: the command line."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from cli.errors import CannotRun, StackFailed

commands = typer.Typer(
    name="outlay",
    help="Outlay files every business transaction under the right expense category.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)

Folder = Annotated[
    Path | None,
    typer.Option("--data-folder", help="Where everything is kept; one stack at a time can use it."),
]


@commands.command()
def up(
    data_folder: Folder = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0: any free port.")] = None,
) -> None:
    """Run Outlay on this machine until Ctrl-C."""
    from cli.client import organization_key
    from cli.ports import DEFAULT_PORT
    from cli.standalone import DEFAULT_FOLDER, Standalone
    from cli.supervisor import ended_by_signals

    stack = Standalone(data_folder or DEFAULT_FOLDER, port=port, report=say)
    with ended_by_signals():
        try:
            say("Starting …")
            with stack:
                if port is None and not stack.url.endswith(f":{DEFAULT_PORT}"):
                    say(f"Port {DEFAULT_PORT} is in use, so another one was taken.")
                welcome(stack.url, organization_key(stack), stack.folder.path)
                stack.supervisor.wait()
            if stack.supervisor.failure is not None:
                raise StackFailed(stack.supervisor.failure)
        except KeyboardInterrupt:
            say("Stopped.")


@commands.command()
def demo(
    data: Annotated[
        Path | None, typer.Option(help="A folder with categories.json and transactions.jsonl; else a sample.")
    ] = None,
    data_folder: Folder = None,
) -> None:
    """Show the whole loop: import, evaluate, fine-tune, evaluate again, categorise."""
    from cli.demo import run

    raise typer.Exit(run(data=data, data_folder=data_folder))


@commands.command()
def doctor(data_folder: Folder = None) -> None:
    """Check this machine, and say what to do where something is wrong."""
    from cli.doctor import examine, show
    from cli.standalone import DEFAULT_FOLDER

    findings = examine(data_folder or DEFAULT_FOLDER)
    show(findings, console)
    raise typer.Exit(any(finding.outcome == "fail" for finding in findings))


@commands.command("check-migrations")
def check_migrations() -> None:
    """Upgrade an empty database and check that the tables and the code agree (`alembic check`)."""
    from cli.connectivity import ROOT
    from cli.servers import Servers

    with (
        tempfile.TemporaryDirectory(prefix="outlay-check-") as folder,
        Servers(Path(folder), only=frozenset({"postgres"}), durable=False) as servers,
    ):
        environment = os.environ | servers.environment()
        for command in (("upgrade", "head"), ("check",)):
            done = subprocess.run(
                (sys.executable, "-m", "alembic", *command), cwd=ROOT, env=environment, check=False
            )
            if done.returncode != 0:
                raise typer.Exit(done.returncode)


def say(message: str) -> None:
    """Print a message for the person at the terminal, as it is."""
    console.print(message, markup=False, soft_wrap=True)


def welcome(url: str, key: str, folder: Path) -> None:
    """Print where everything is, and a command to try."""
    say(
        f"\nOutlay runs at    {url}\n"
        f"Console           {url}/console\n"
        f"Interactive docs  {url}/docs\n"
        f"API key           {key}\n"
        f"Data and logs     {folder}\n\n"
        "Paste this into another terminal:\n\n"
        f"curl -s -H 'Authorization: Bearer {key}' {url}/v1/categories\n\n"
        "Ctrl-C ends it; the data stays."
    )


def app() -> None:
    """Run the command line. What cannot run is reported as a plain message, without a traceback."""
    try:
        commands()
    except CannotRun as error:
        stop(str(error))
    except ValidationError as error:
        # Not the error itself: it repeats the values, and some of them are secrets.
        problems = [
            f"  OUTLAY_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)
        ]
        stop("\n".join(["Wrong settings (see .env.example):", *problems]))


def stop(message: str) -> NoReturn:
    """Print the reason on stderr, and exit with status 1."""
    Console(stderr=True, highlight=False).print(message, markup=False, soft_wrap=True)
    raise SystemExit(1)


if __name__ == "__main__":
    app()
