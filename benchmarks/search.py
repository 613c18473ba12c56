"""Compares a search that is killed with one that is not.

    python -m benchmarks.search ../shared/data/tech_expenses --rows 120

Runs the same search twice in real processes, on rows of the folder (see `benchmarks/recipe.py`). In the
second run all workers are killed with SIGKILL and restarted, twice: while trials are running, and while the
search takes a step. Prints whether both runs had the same trials and winner; exits with 1 where they had not.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from cli.demo_data import COLUMNS, DemoData, read
from devtools.chaos.single import leases
from devtools.chaos.stack import Stack
from devtools.waiting import eventually

OPEN = {"queued", "running"}


@dataclass(frozen=True)
class Searched:
    """A finished search: its duration, the leases that ran out, and the trials of each gpu worker."""

    job: Any
    seconds: float
    leases_lost: int
    trials_by_worker: dict[str, int]
    training: str

    @property
    def table(self) -> list[dict[str, Any]]:
        """The trials, without what differs between runs."""
        return [{key: row[key] for key in row if key != "job_id"} for row in self.job.result["trials"]]


def main() -> int:
    """Run both searches in a new folder; the exit status."""
    options = _arguments()
    workers = [f"gpu-{number}" for number in range(1, options.workers + 1)]
    with (
        tempfile.TemporaryDirectory(prefix="outlay-search-") as name,
        Stack(
            Path(name),
            workers={"worker": "default,embedding", "evaluation": "evaluation"}
            | dict.fromkeys(workers, "gpu"),
            settings=leases(options.lease),
        ) as stack,
        stack.client(stack.new_organization()[1]) as http,
    ):
        dataset_id = _prepare(stack, http, read(options.data), options.rows)
        whole = _search(stack, http, dataset_id, options, "unbroken", workers, kills=False)
        killed = _search(stack, http, dataset_id, options, "killed", workers, kills=True)
    return _show(whole, killed, options)


def _prepare(stack: Stack, http: httpx.Client, material: DemoData, rows: int | None) -> str:
    """Import and freeze the folder's rows, or a random sample of this size; the dataset's id."""
    http.put("/v1/categories", json={"categories": material.categories}).raise_for_status()
    chosen = material.labelled
    if rows is not None:
        chosen = random.Random(0).sample(chosen, min(rows, len(chosen)))  # a draw, not a secret
    mapping = {ours: theirs for ours, theirs in COLUMNS.items() if any(theirs in row for row in chosen)}
    lines = "\n".join(json.dumps(row) for row in chosen).encode()
    form = {"format": "jsonl", "mapping": json.dumps(mapping)}
    sent = http.post("/v1/imports", data=form, files={"file": ("rows.jsonl", lines)})
    stack.ended(sent.raise_for_status().json()["id"])
    # Nearly all rows are for training: this tests the search, not the model.
    ratios = {"train": 0.9, "test": 0.05, "eval": 0.05}
    frozen = http.post("/v1/datasets", json={"name": "search", "seed": 0, "ratios": ratios})
    ended = stack.ended(frozen.raise_for_status().json()["id"])
    assert ended.status == "succeeded", ended.error
    print(f"{ended.result['counts']} rows of {len(material.categories)} categories", flush=True)
    return str(ended.result["dataset_id"])


def _search(
    stack: Stack,
    http: httpx.Client,
    dataset_id: str,
    options: argparse.Namespace,
    name: str,
    workers: list[str],
    *,
    kills: bool,
) -> Searched:
    """Run a search, from the request to the end of the winner's training."""
    low, high = options.epochs
    body = {
        "dataset_id": dataset_id,
        "name": name,
        "trials": options.trials,
        "parallel": options.parallel,
        "folds": options.folds,
        "seed": options.seed,
        "space": {"epochs": {"low": low, "high": high}},
    }
    begun = {worker: _trials_begun(stack, worker) for worker in workers}
    started = time.monotonic()
    search_id = str(http.post("/v1/searches", json=body).raise_for_status().json()["id"])
    if kills:
        _await_ended(stack, search_id, options.trials // 3)
        _kill_at_trial(stack, search_id, workers)
        _await_ended(stack, search_id, 2 * options.trials // 3)
        _kill_at_step(stack, search_id, workers)
    job = stack.ended(search_id, within_s=options.patience)
    seconds = time.monotonic() - started
    assert job.status == "succeeded", job.error
    training = stack.ended(job.result["training_job_id"], within_s=options.patience)
    lost = stack.value("SELECT sum(leases_lost) FROM jobs WHERE :id IN (id, parent_id)", id=search_id)
    trials = {worker: _trials_begun(stack, worker) - begun[worker] for worker in workers}
    print(f"{name}: {seconds:.0f} s, winner {job.result['best']['number']}, {trials}", flush=True)
    return Searched(job, seconds, int(lost), trials, training.status)


def _kill_at_trial(stack: Stack, search_id: str, workers: list[str]) -> None:
    """Kill all workers at once while a trial is running."""
    query = (
        "SELECT count(*) FROM jobs WHERE parent_id = :id AND status = 'running' "
        "AND (progress->>'done')::int > 0"
    )
    eventually(lambda: stack.value(query, id=search_id), "a trial is at work", within_s=600)
    _kill(stack, "a trial at work", ["evaluation", *workers])


def _kill_at_step(stack: Stack, search_id: str, workers: list[str]) -> None:
    """Kill all workers at once while the search takes a step."""
    eventually(
        lambda: stack.job(search_id).status != "queued",
        "the search takes a step",
        within_s=600,
        every_s=0.002,
    )
    _kill(stack, f"the search {stack.job(search_id).status}", ["evaluation", *workers])


def _kill(stack: Stack, when: str, names: list[str]) -> None:
    for name in names:
        stack.kill(name)
    print(f"killed {', '.join(names)}, with {when}", flush=True)
    stack.start(*names)


def _await_ended(stack: Stack, search_id: str, count: int) -> None:
    query = "SELECT count(*) FROM jobs WHERE parent_id = :id AND kind = 'trial' AND finished_at IS NOT NULL"
    eventually(
        lambda: stack.value(query, id=search_id) >= count,
        f"{count} trials have ended",
        within_s=3600,
        every_s=0.1,
    )


def _trials_begun(stack: Stack, worker: str) -> int:
    return sum(
        '"kind": "trial"' in line and '"job started"' in line for line in stack.log(worker).splitlines()
    )


def _show(whole: Searched, killed: Searched, options: argparse.Namespace) -> int:
    same_trials = whole.table == killed.table
    same_winner = whole.job.result["best"]["number"] == killed.job.result["best"]["number"]
    table = Table(title=f"A search of {options.trials} trials over {options.folds} folds")
    for column in ("", "unbroken", "killed"):
        table.add_column(column, justify="right" if column else "left")
    both = (whole, killed)
    rows: dict[str, list[Any]] = {
        "seconds": [f"{run.seconds:.0f}" for run in both],
        "trials": [len(run.table) for run in both],
        **{
            status: [sum(row["status"] == status for row in run.table) for run in both]
            for status in ("complete", "pruned", "failed")
        },
        "steps of the search": [run.job.attempt for run in both],
        "attempts lost": [run.leases_lost for run in both],
        "winner": [run.job.result["best"]["number"] for run in both],
        "MRR@5 of the winner": [f"{run.job.result['best']['value']:.4f}" for run in both],
        "trials started by worker": [str(run.trials_by_worker) for run in both],
        "training of the winner": [run.training for run in both],
    }
    for name, values in rows.items():
        table.add_row(name, *map(str, values))
    Console(width=120).print(table)
    print(f"same trials: {same_trials}; same winner: {same_winner}")
    result = {
        "same_trials": same_trials,
        "same_winner": same_winner,
        **{
            name: {"seconds": run.seconds, "leases_lost": run.leases_lost, "result": run.job.result}
            for name, run in (("unbroken", whole), ("killed", killed))
        },
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), "utf-8")
    return 0 if same_trials and same_winner and killed.leases_lost > whole.leases_lost else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, help="how many of the folder's rows to use, drawn by seed")
    parser.add_argument("--epochs", type=int, nargs=2, default=(1, 2), metavar=("LOW", "HIGH"))
    parser.add_argument("--workers", type=int, default=2, help="gpu workers side by side")
    parser.add_argument("--lease", type=float, default=12, help="seconds until a dead worker is noticed")
    parser.add_argument("--patience", type=float, default=7200, help="seconds to wait for a search")
    parser.add_argument("--json", type=Path, help="write all figures here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
