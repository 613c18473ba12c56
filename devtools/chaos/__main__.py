"""What happens when things go wrong, measured: `python -m devtools.chaos`.

Each scenario is a promise, tried on real processes of its own. Exits with 1 when one is broken.
"""

import argparse
import json
import sys
import traceback
from dataclasses import fields

from rich.console import Console
from rich.table import Table

from devtools.chaos.dependencies import dependencies
from devtools.chaos.jobs import jobs
from devtools.chaos.models import switches, wiped
from devtools.chaos.overload import overload
from devtools.chaos.scenario import Options, Scenario, ScenarioResult
from devtools.chaos.single import frozen, poison, stopped
from devtools.chaos.soak import soak

SCENARIOS: dict[str, Scenario] = {
    "jobs": jobs,
    "frozen": frozen,
    "poison": poison,
    "stopped": stopped,
    "dependencies": dependencies,
    "switches": switches,
    "wiped": wiped,
    "overload": overload,
    "soak": soak,
}

console = Console(highlight=False, width=150)


def main() -> int:
    """Run what was asked for; the exit status."""
    names, options = _arguments()
    results: dict[str, ScenarioResult] = {}
    failed = []
    for name in names:
        console.print(f"[bold]{name}[/bold] …")
        try:
            results[name] = SCENARIOS[name](options)
        except Exception:  # the others are worth knowing all the same
            traceback.print_exc()
            failed.append(name)
            continue
        _show_figures(results[name])
    _show(results)
    print(json.dumps({name: result.as_dict() for name, result in results.items()} | {"failed": failed}))
    return 1 if failed or any(result.lost for result in results.values()) else 0


def _arguments() -> tuple[list[str], Options]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="may be given several times")
    for field in fields(Options):
        name = "--" + field.name.removesuffix("_s").replace("_", "-")
        name += "-seconds" if field.name.endswith("_s") else ""
        kind = type(field.default)
        parser.add_argument(name, dest=field.name, type=kind, default=field.default, help=f"{field.default}")
    given = vars(parser.parse_args())
    return given.pop("only") or list(SCENARIOS), Options(**given)


def _show_figures(result: ScenarioResult) -> None:
    for name, value in result.figures.items():
        console.print(f"  {name}: {value}")


def _show(results: dict[str, ScenarioResult]) -> None:
    table = Table(title="Promises")
    table.add_column("scenario")
    table.add_column("promise")
    for column in ("tried", "held", "lost", "seconds"):
        table.add_column(column, justify="right")
    for name, result in results.items():
        table.add_row(
            name,
            result.promise,
            str(result.tried),
            str(result.held),
            str(result.lost),
            f"{result.seconds:.1f}",
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
