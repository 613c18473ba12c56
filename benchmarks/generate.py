"""Three rounds of the data flywheel on the whole stack, against a scripted LLM: `make demo-generate`.

Each round is a generation, reviewed by script through the public API: a row is approved where it shows the
category that it is filed under, which the scripted LLM knows, and rejected otherwise. The later rounds are
fed with what was approved, the last one also with what the base model confuses. Exits 1 if anything is off.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from rich import box
from rich.console import Console
from rich.table import Table

from cli.client import organization_key
from cli.demo import RATIOS, Client
from cli.demo_data import SEED, read, write_sample
from cli.standalone import Standalone
from cli.supervisor import ended_by_signals
from devtools.scripted_llm import ScriptedLLM
from devtools.scripted_llm.rows import key_of

ROUNDS = ("plain", "ambiguous", "adversarial")
COUNT = 100
REVIEWER = "script"
SECONDS = 300  # for one job

console = Console(highlight=False, width=110)


def main() -> int:
    """Run the rounds; the exit status."""
    folder = Path(tempfile.mkdtemp(prefix="outlay-generate-"))
    with ScriptedLLM(seed=SEED) as llm, ended_by_signals():
        os.environ |= {
            "OUTLAY_LLM_BASE_URL": llm.url,
            "OUTLAY_LLM_MODEL": "scripted",
            "OUTLAY_LLM_INPUT_PRICE": "0.5",
            "OUTLAY_LLM_OUTPUT_PRICE": "1.5",
        }
        console.print(f"Starting the stack in {folder} …")
        with Standalone(folder, port=0) as stack:
            key = organization_key(stack, name="Rounds")
            with httpx.Client(
                base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=60
            ) as http:
                _prepare(http, Client(stack.url, key), folder)
                rounds = [_round(http, llm, style, seed) for seed, style in enumerate(ROUNDS, start=1)]
                labelled = _count(http, "/v1/transactions", {"source": "synthetic", "unlabelled": "false"})
    _show(rounds)
    wrong = _wrong(rounds, labelled)
    for sentence in wrong:
        console.print(f"[red]{sentence}[/red]")
    return 1 if wrong else 0


def _prepare(http: httpx.Client, client: Client, folder: Path) -> None:
    """The bundled chart and its labelled rows; the base model serves and is evaluated."""
    material = read(write_sample(folder / "sample"))
    http.put("/v1/categories", json={"categories": material.categories}).raise_for_status()
    with client.progress():
        client.import_rows(material.labelled)
    dataset = _job(http, "/v1/datasets", {"name": "rounds", "seed": SEED, "ratios": RATIOS})
    base = http.get("/v1/models").json()["data"][0]["id"]
    _job(http, f"/v1/models/{base}/activate", None)
    body = {"dataset_id": dataset["dataset_id"], "model_version_id": base, "split": "eval"}
    _job(http, "/v1/evaluations", body)


def _round(http: httpx.Client, llm: ScriptedLLM, style: str, seed: int) -> dict[str, Any]:
    """One generation and its review."""
    started = time.monotonic()
    body = {"style": style, "count": COUNT, "seed": seed, "choice": "by_need", "max_cost": 1.0}
    result = _job(http, "/v1/generations", body)
    generated = time.monotonic() - started
    decided = {"approve": 0, "reject": 0}
    while True:
        held = _post(http, "/v1/candidates/next", {"reviewer": REVIEWER, "order": "hardest", "count": 50})[
            "data"
        ]
        if not held:
            break
        for candidate in held:
            shown = llm.truth.get(key_of(candidate))
            decision = "approve" if shown == candidate["category"]["code"] else "reject"
            decided_body = {"reviewer": REVIEWER}
            if decision == "reject":
                decided_body["reason"] = "shows another category"
            _post(http, f"/v1/candidates/{candidate['id']}/{decision}", decided_body)
            decided[decision] += 1
    return {**result, "style": style, "seconds": generated, **decided}


def _wrong(rounds: list[dict[str, Any]], labelled: int) -> list[str]:
    """What is not as it should be, as sentences."""
    faults = []
    for summary in rounds:
        if summary["received"] != summary["valid"] + sum(summary["refused"].values()):
            faults.append(f"{summary['style']}: rows received are not those valid and refused")
        decided = summary["approve"] + summary["reject"]
        if summary["valid"] != decided:
            faults.append(f"{summary['style']}: {summary['valid']} candidates, but {decided} decided")
        if summary["valid"] < COUNT // 2 or not summary["approve"]:
            faults.append(f"{summary['style']}: too few candidates")
        if summary["difficulty"] is None or summary["stopped_by"] is not None:
            faults.append(f"{summary['style']}: no difficulty, or stopped by {summary['stopped_by']}")
    approved = sum(summary["approve"] for summary in rounds)
    if labelled != approved:
        faults.append(f"{approved} approved, but {labelled} labelled synthetic transactions")
    return faults


def _show(rounds: list[dict[str, Any]]) -> None:
    title = "Rounds against the scripted LLM; recall under the base model, of each batch before its review"
    table = Table(title=title, box=box.SIMPLE)
    columns = (
        "round",
        "asked",
        "valid",
        "duplicates",
        "approved",
        "recall@1",
        "MRR@5",
        "tokens",
        "cost",
        "s",
    )
    for name in columns:
        table.add_column(name, justify="left" if name == "round" else "right")
    for number, summary in enumerate(rounds, start=1):
        duplicates = sum(count for reason, count in summary["refused"].items() if "duplicate" in reason)
        usage, hard = summary["usage"], summary["difficulty"] or {}
        table.add_row(
            f"{number} {summary['style']}",
            str(summary["asked"]),
            str(summary["valid"]),
            str(duplicates),
            str(summary["approve"]),
            f"{hard.get('recall', {}).get('1', float('nan')):.3f}",
            f"{hard.get('mrr', {}).get('5', float('nan')):.3f}",
            f"{usage['prompt_tokens'] + usage['completion_tokens']:,}",
            f"{summary['cost']:.4f}",
            f"{summary['seconds']:.1f}",
        )
    console.print(table)
    console.print("The scripted LLM files some 12 % of its rows wrongly and repeats some 6 %, on purpose.")


def _count(http: httpx.Client, path: str, query: dict[str, Any]) -> int:
    """How many rows a list has, all pages."""
    total, cursor = 0, None
    while True:
        params = {**query, "limit": 200, **({"cursor": cursor} if cursor else {})}
        page = http.get(path, params=params).raise_for_status().json()
        total += len(page["data"])
        cursor = page["page"]["next"]
        if cursor is None:
            return total


def _job(http: httpx.Client, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    """The result of the job that a POST starts."""
    job = _post(http, path, body)
    deadline = time.monotonic() + SECONDS
    while job["status"] in {"queued", "running"} and time.monotonic() < deadline:
        time.sleep(0.2)
        job = http.get(f"/v1/jobs/{job['id']}").raise_for_status().json()
    if job["status"] != "succeeded":
        sys.exit(f"{path}: the job is {job['status']}: {(job['error'] or {}).get('message', '')}")
    result: dict[str, Any] = job["result"]
    return result


def _post(http: httpx.Client, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    answer = http.post(path, json=body)
    if answer.is_error:
        sys.exit(f"POST {path}: {answer.status_code} {answer.text}")
    data: dict[str, Any] = answer.json()
    return data


if __name__ == "__main__":
    sys.exit(main())
