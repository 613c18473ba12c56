"""Two promises, shown on the whole stack: `python -m benchmarks.promises`.

A worker that is killed during a training loses nothing: the job is queued again and ends once. An index that
is wiped while the stack is stopped comes back from Postgres with the same answers.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from cli.client import organization_key
from cli.demo import Client
from cli.demo_data import SEED, DemoData, read, write_sample
from cli.standalone import Standalone

ASKED = 50
Answer = dict[str, float]  # score by category, best first

TITLES = {
    "killed": "kill -9 of the worker's process group while it trains",
    "wiped": "index wiped while the stack is stopped",
}
HELD: dict[str, Callable[[dict[str, Any]], bool]] = {
    "killed": lambda facts: (
        (facts["status"], facts["attempt"], facts["model versions"]) == ("succeeded", 2, 1)
        and facts["seconds until queued again"] <= 75
    ),
    "wiped": lambda facts: facts["same top 5"] == ASKED,
}


def main() -> int:
    """One promise, or both, in a fresh folder; exit 1 when one is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(TITLES))
    only = parser.parse_args().only
    chosen = [only] if only else list(TITLES)
    folder = Path(tempfile.mkdtemp(prefix="outlay-promises-"))
    facts: dict[str, dict[str, Any]] = {}
    with Standalone(folder, port=0) as stack, _client(stack) as http:
        dataset_id = _prepare(http, stack, read(write_sample(folder / "sample")))
        if "killed" in chosen:
            facts["killed"] = _kill_while_training(http, stack, dataset_id)
        before = _ask(http)
    if "wiped" in chosen:
        shutil.rmtree(folder / "index")
        with Standalone(folder, port=0) as stack, _client(stack) as http:
            facts["wiped"] = _ask_again(http, before)
    shutil.rmtree(folder)
    for name, figures in facts.items():
        _show(TITLES[name], figures)
    print(json.dumps(facts))
    return 0 if all(HELD[name](figures) for name, figures in facts.items()) else 1


def _ask_again(http: httpx.Client, before: list[Answer]) -> dict[str, Any]:
    """What becomes of the answers when the index is gone and made anew."""
    unindexed = http.post("/categorize", json=_questions(http)[0]).status_code
    reindex = _wait(http, http.post("/v1/reindex", json={}).json())
    after = _ask(http)
    return {
        "categorize while the index is gone": unindexed,
        "reindex": reindex["status"],
        "points": (reindex["result"] or {}).get("points"),
        "transactions asked": len(before),
        "same top 5": sum(list(a) == list(b) for a, b in zip(before, after, strict=True)),
        # A text's vector depends in its last bits on which others share its batch.
        "largest change of a score": max(
            abs(a[category] - b.get(category, 0.0))
            for a, b in zip(before, after, strict=True)
            for category in a
        ),
    }


def _client(stack: Standalone) -> httpx.Client:
    headers = {"Authorization": f"Bearer {organization_key(stack)}"}
    return httpx.Client(base_url=stack.url, headers=headers, timeout=60)


def _prepare(http: httpx.Client, stack: Standalone, material: DemoData) -> str:
    """Import, freeze and activate the base model; the dataset's id."""
    http.put("/v1/categories", json={"categories": material.categories}).raise_for_status()
    client = Client(stack.url, organization_key(stack))
    with client.progress():
        client.import_rows(material.labelled)
    body = {"name": "promises", "seed": SEED}
    dataset_id = _wait(http, http.post("/v1/datasets", json=body).json())["result"]["dataset_id"]
    base = http.get("/v1/models").json()["data"][0]["id"]
    _wait(http, http.post(f"/v1/models/{base}/activate").json())
    return str(dataset_id)


def _kill_while_training(http: httpx.Client, stack: Standalone, dataset_id: str) -> dict[str, Any]:
    body = {"dataset_id": dataset_id, "name": "killed once", "epochs": 2, "seed": SEED}
    job = http.post("/v1/trainings", json=body).json()
    while not ((job["progress"] or {}).get("done") or job["status"] in {"failed", "succeeded"}):
        job = _look(http, job)
    worker = stack.supervisor.pid("worker-gpu")
    assert worker is not None
    os.killpg(os.getpgid(worker), signal.SIGKILL)
    killed_at = time.monotonic()
    while job["status"] == "running" and job["attempt"] == 1:
        job = _look(http, job)
    again = time.monotonic() - killed_at
    job = _wait(http, job)
    models = [m for m in http.get("/v1/models").json()["data"] if m["job_id"] == job["id"]]
    return {
        "seconds until queued again": round(again, 1),
        "status": job["status"],
        "attempt": job["attempt"],
        "model versions": len(models),
    }


def _ask(http: httpx.Client) -> list[Answer]:
    """The top five categories of each transaction asked for."""
    answers = [
        http.post("/categorize", json=question).raise_for_status().json() for question in _questions(http)
    ]
    return [
        {suggestion["category"]["id"]: suggestion["score"] for suggestion in answer["suggestions"]}
        for answer in answers
    ]


def _questions(http: httpx.Client) -> list[dict[str, Any]]:
    rows = http.get("/v1/transactions", params={"limit": ASKED}).json()["data"]
    return [{"transaction_id": row["id"], "top_k": 5} for row in rows]


def _look(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    time.sleep(0.2)
    return dict(http.get(f"/v1/jobs/{job['id']}").raise_for_status().json())


def _wait(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    while job["status"] in {"queued", "running"}:
        job = _look(http, job)
    return job


def _show(title: str, facts: dict[str, Any]) -> None:
    table = Table(title=title)
    table.add_column("what")
    table.add_column("measured", justify="right")
    for name, value in facts.items():
        table.add_row(name, str(value))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
