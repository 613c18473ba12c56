"""Two promises, shown on the whole stack: `python -m benchmarks.promises`.

A worker that is killed during a training loses nothing: the job is queued again and ends once. An index that
is wiped while the stack is stopped comes back from Postgres with the same answers.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from cli.client import organization_key
from cli.demo import Client
from cli.material import SEED, Material, read, write_sample
from cli.standalone import Standalone

ASKED = 50


def main() -> int:
    """Both promises in a fresh folder; exit 1 when one is broken."""
    folder = Path(tempfile.mkdtemp(prefix="outlay-promises-"))
    material = read(write_sample(folder / "sample"))
    with Standalone(folder, port=0) as stack, _client(stack) as http:
        dataset_id = _prepare(http, stack, material)
        killed = _kill_while_training(http, stack, dataset_id)
        before = _ask(http)
        index_folder = folder / "index"
    shutil.rmtree(index_folder)
    with Standalone(folder, port=0) as stack, _client(stack) as http:
        unindexed = http.post("/categorize", json=_question(http)[0]).status_code
        reindex = _wait(http, http.post("/v1/reindex", json={}).json())
        after = _ask(http)
    wiped = {
        "categorize while the index is gone": unindexed,
        "reindex": reindex["status"],
        "points": (reindex["result"] or {}).get("points"),
        "transactions asked": len(before),
        "same top 5": sum(a == b for a, b in zip(before, after, strict=True)),
    }
    shutil.rmtree(folder)
    _show("kill -9 of the worker's process group while it trains", killed)
    _show("index wiped while the stack is stopped", wiped)
    print(json.dumps({"killed": killed, "wiped": wiped}))
    held = killed["status"] == "succeeded" and killed["attempt"] == 2 and killed["model versions"] == 1
    held = held and killed["seconds until queued again"] <= 75 and wiped["same top 5"] == ASKED
    return 0 if held else 1


def _client(stack: Standalone) -> httpx.Client:
    headers = {"Authorization": f"Bearer {organization_key(stack)}"}
    return httpx.Client(base_url=stack.url, headers=headers, timeout=60)


def _prepare(http: httpx.Client, stack: Standalone, material: Material) -> str:
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
    group = os.getpgid(stack.supervisor.pid("worker-gpu"))
    os.killpg(group, signal.SIGKILL)
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


def _ask(http: httpx.Client) -> list[list[tuple[str, float]]]:
    """The top five categories, with scores, of each transaction asked for."""
    answers = [
        http.post("/categorize", json=question).raise_for_status().json() for question in _question(http)
    ]
    return [[(one["category"]["id"], one["score"]) for one in answer["suggestions"]] for answer in answers]


def _question(http: httpx.Client) -> list[dict[str, Any]]:
    rows = http.get("/v1/transactions", params={"limit": ASKED}).json()["data"]
    return [{"transaction_id": row["id"], "top_k": 5} for row in rows]


def _look(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    time.sleep(0.2)
    return dict(http.get(f"/v1/jobs/{job['id']}").raise_for_status().json())


def _wait(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    while job["status"] in {"queued", "running"}:
        job = _look(http, job)
    return job


def _show(title: str, found: dict[str, Any]) -> None:
    table = Table(title=title)
    table.add_column("what")
    table.add_column("measured", justify="right")
    for name, value in found.items():
        table.add_row(name, str(value))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
