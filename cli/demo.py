"""`make demo`: import, evaluate, fine-tune and evaluate again, through the public API as any client would."""

import json
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.client import organization_key
from cli.demo_data import COLUMNS, SEED, DemoData, read, without_label, write_sample
from cli.errors import CannotRun
from cli.ports import DEFAULT_PORT, HOST
from cli.standalone import DEFAULT_FOLDER, Standalone
from cli.supervisor import ended_by_signals

RATIOS = {"train": 0.75, "test": 0.05, "eval": 0.2}
POLL_SECONDS = 0.2
CHANCE = 0.05  # the p below which a difference is called more than chance, as on the console's compare page

console = Console(highlight=False)


def run(*, data: Path | None, data_folder: Path | None) -> int:
    """Run the demo and return the exit status. The data folder stays, with a report; no process does."""
    DEFAULT_FOLDER.parent.mkdir(parents=True, exist_ok=True)
    folder = data_folder or Path(tempfile.mkdtemp(prefix="demo-", dir=DEFAULT_FOLDER.parent))
    try:
        with ended_by_signals():
            demo_data = read(data or write_sample(folder / "sample"))
            started = time.monotonic()
            console.print(f"Starting the stack in {folder} …")
            with Standalone(folder, port=0) as stack:
                console.print(f"Ready at {stack.url} after {time.monotonic() - started:.0f} s.")
                report = Client(stack.url, organization_key(stack, name="Demo")).go_through(demo_data)
    except CannotRun as error:
        console.print(f"[red]{error}[/red]")
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    report["seconds"] = round(time.monotonic() - started, 1)
    path = folder / "report.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False))
    show(report)
    console.print(f"Done in {report['seconds']:.0f} s. Report: {path}", soft_wrap=True)
    console.print(how_to_look_further(folder, report), markup=False, soft_wrap=True)
    return 0


class Client:
    """A client like any user's: HTTP and an organisation's API key."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Show each job's progress until the block ends, and the connection with it."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with self._http, Progress(*columns, console=console) as self._bar:
            yield

    def go_through(self, demo_data: DemoData) -> dict[str, Any]:
        """Run the whole loop and return its report."""
        with self.progress():
            self._call("PUT", "/v1/categories", json={"categories": demo_data.categories})
            imported = self.import_rows(demo_data.labelled)
            bodies = [without_label(row) for row in demo_data.unlabelled]
            stored = self._call("POST", "/v1/transactions/batch", json={"transactions": bodies})["results"]
            dataset = self._job(
                "Freezing a dataset", "/v1/datasets", {"name": "demo", "seed": SEED, "ratios": RATIOS}
            )
            models = self._call("GET", "/v1/models")["data"]
            base = next(model["id"] for model in models if model["kind"] == "base")
            self._job("Indexing with the base model", f"/v1/models/{base}/activate", None)
            before = self._evaluate("Evaluating the base model", dataset["dataset_id"], base)
            body = {"dataset_id": dataset["dataset_id"], "name": "demo", "seed": SEED}
            trained = self._job("Fine-tuning", "/v1/trainings", body)
            tuned = trained["model_version_id"]
            after = self._evaluate("Evaluating the fine-tuned model", dataset["dataset_id"], tuned)
            pair = {"baseline": before["evaluation_id"], "candidate": after["evaluation_id"]}
            comparison = self._call("GET", "/v1/evaluations/compare", params=pair)
            winner = tuned if _recall_1(after) >= _recall_1(before) else base
            self._job("Activating the winner", f"/v1/models/{winner}/activate", None)
            answers = [
                self._call("POST", "/categorize", json={"transaction_id": row["id"], "top_k": 3})
                for row in stored
            ]
        return {
            "rows": imported["rows"],
            "dataset": dataset,
            "base": before["metrics"],
            "fine_tuned": after["metrics"],
            "comparison": {**pair, "n": comparison["n"], "differences": comparison["differences"]},
            "training": {name: trained[name] for name in ("seconds", "best_epoch", "device", "precision")},
            "activated": "fine-tuned" if winner == tuned else "base",
            "answers": [
                {"transaction": row, **answer}
                for row, answer in zip(demo_data.unlabelled, answers, strict=True)
            ],
        }

    def import_rows(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Import the rows with their labels as a JSONL file and return the job's result."""
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        mapping = {ours: theirs for ours, theirs in COLUMNS.items() if any(theirs in row for row in rows)}
        form = {"format": "jsonl", "mapping": json.dumps(mapping)}
        answer = self._http.post(
            "/v1/imports", data=form, files={"file": ("transactions.jsonl", text.encode())}
        )
        result = self._wait("Importing transactions", _checked(answer))
        if result["failed"]:
            raise CannotRun(f"{result['failed']} rows could not be imported: {result['errors'][:3]}")
        return result

    def _evaluate(self, title: str, dataset_id: str, version_id: str) -> dict[str, Any]:
        body = {"dataset_id": dataset_id, "model_version_id": version_id, "split": "eval"}
        return self._job(title, "/v1/evaluations", body)

    def _job(self, title: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        return self._wait(title, self._call("POST", path, json=body))

    def _wait(self, title: str, job: dict[str, Any]) -> dict[str, Any]:
        """Show the job's progress until it has ended, and return its result."""
        bar = self._bar.add_task(title, total=None, note="")
        while job["status"] in {"queued", "running"}:
            progress = job["progress"] or {"done": 0, "total": None, "note": job["status"]}
            self._bar.update(bar, completed=progress["done"], total=progress["total"], note=progress["note"])
            time.sleep(POLL_SECONDS)
            job = self._call("GET", f"/v1/jobs/{job['id']}")
        self._bar.update(bar, completed=1, total=1, note=job["status"])
        if job["status"] != "succeeded":
            raise CannotRun(f"{title}: the job {job['status']}: {(job['error'] or {}).get('message', '')}")
        result: dict[str, Any] = job["result"]
        return result

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        return _checked(self._http.request(method, path, **arguments))


def _checked(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise CannotRun(
            f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
        )
    return answer.json()


def _recall_1(evaluation: dict[str, Any]) -> float:
    return float(evaluation["metrics"]["recall"]["1"]["value"])


def show(report: dict[str, Any]) -> None:
    """Print the figures before and after, whether the gain is more than chance, and the answers."""
    n = report["base"]["n"]
    table = Table(title=f"Before and after fine-tuning, {n} rows that no model learnt from", box=box.SIMPLE)
    table.add_column("model, by", no_wrap=True)
    for name in ("recall@1", "recall@3", "recall@5", "MRR@1", "MRR@3", "MRR@5"):
        table.add_column(name, justify="right", no_wrap=True)
    for title, key in (("base", "base"), ("tuned", "fine_tuned")):
        metrics = report[key]
        _add_row(table, f"{title}, texts", metrics["without_history"])
        _add_row(table, f"{title}, + history", metrics)
    console.print(table)
    console.print("texts: by the categories' own texts; + history: and by labelled rows, as in production")
    console.print(f"{verdict(report['comparison'])} Activated: the {report['activated']} model.\n")
    are_right = [_is_right(answer) for answer in report["answers"]]
    console.print(
        f"Rows whose labels were kept back: {are_right.count(True)} of {len(are_right)} answers are right."
    )
    for answer in report["answers"]:
        _print_answer(answer)


def verdict(comparison: dict[str, Any]) -> str:
    """Whether fine-tuning changed recall@1, and by more than chance: by a paired permutation test."""
    [recall] = [
        difference
        for difference in comparison["differences"]
        if (difference["metric"], difference["k"]) == ("recall", 1)
    ]
    if not recall["difference"]:
        return f"Fine-tuning left recall@1 as it was, on {comparison['n']} rows."
    change = "raised" if recall["difference"] > 0 else "lowered"
    figures = f"95 % interval {recall['low']:+.3f} to {recall['high']:+.3f}, p = {recall['p']:.2g}"
    if recall["p"] < CHANCE:
        conclusion = "This is more than chance."
    else:
        conclusion = f"With {comparison['n']} rows, this may be chance."
    return f"Fine-tuning {change} recall@1 by {abs(recall['difference']):.3f} ({figures}). {conclusion}"


def how_to_look_further(folder: Path, report: dict[str, Any]) -> str:
    """The command that serves the data folder again, and where to look then."""
    command = shlex.join([sys.argv[0], "up", "--data-folder", str(folder)])
    console_url = f"http://{HOST}:{DEFAULT_PORT}/console"
    pair = f"baseline={report['comparison']['baseline']}&candidate={report['comparison']['candidate']}"
    return (
        "\nTo look further, start the stack again on the same data:\n\n"
        f"  {command}\n\n"
        "It prints an API key. Sign in with it:\n\n"
        f"  Console          {console_url}\n"
        f"  Both models      {console_url}/compare?{pair}"
    )


def _is_right(answer: dict[str, Any]) -> bool:
    return bool(answer["suggestions"][0]["category"]["name"] == answer["transaction"]["expense_category"])


def _print_answer(answer: dict[str, Any]) -> None:
    row, (best, *others) = answer["transaction"], answer["suggestions"]
    console.print(f"{escape(row['merchant_name'])} [dim]{escape(row.get('spend_program_name') or '')}[/dim]")
    names = ", ".join(escape(suggestion["category"]["name"]) for suggestion in others)
    outcome = "[green]right[/green]" if _is_right(answer) else "[red]wrong[/red]"
    console.print(
        f"  {outcome}: [bold]{escape(best['category']['name'])}[/bold] ({best['score']:.2f}), then {names}"
    )
    if not _is_right(answer):
        console.print(f"         labelled as {escape(row['expense_category'])}")


def _add_row(table: Table, title: str, metrics: dict[str, Any]) -> None:
    figures = [f"{metrics[name][k]['value']:.3f}" for name in ("recall", "mrr") for k in ("1", "3", "5")]
    table.add_row(title, *figures)
