"""One job at a time, and a worker that is frozen, killed or told to stop while it is at it."""

import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from devtools.chaos.material import Tenant, activate_base, send_freeze, tenant
from devtools.chaos.scenario import Options, ScenarioResult, checks
from devtools.chaos.stack import Stack
from devtools.waiting import eventually

# Enough rows that a freezing takes longer than it takes to see that it runs.
FREEZE_ROWS = 3000
ATTEMPTS = 3
STOP_SECONDS = 30


def leases(seconds: float) -> dict[str, str]:
    """Settings for a lease this long, renewed as often as the default is by its own measure."""
    return {"job_lease_seconds": str(seconds), "job_heartbeat_seconds": str(seconds / 6)}


def frozen(options: Options) -> ScenarioResult:
    """A worker stopped for twice its lease writes nothing when it goes on."""
    with (
        tempfile.TemporaryDirectory(prefix="outlay-chaos-") as name,
        Stack(Path(name), settings=leases(options.frozen_lease_s)) as stack,
    ):
        stack.add_worker("second", "default")
        owner = tenant(stack, rows=FREEZE_ROWS)
        return run_frozen(stack, owner, options.frozen_lease_s, "worker", "second")


def run_frozen(stack: Stack, owner: Tenant, lease_s: float, first: str, second: str) -> ScenarioResult:
    """The same on a stack where only the first of the two workers runs; in the end again."""
    with stack.client(owner.key) as http:
        job_id = str(send_freeze(http, "frozen").raise_for_status().json()["id"])
    running(stack, job_id, 1)
    stack.freeze(first)
    stopped = time.monotonic()
    assert stack.job(job_id).finished_at is None, "the job was over before its worker was frozen"
    stack.start(second)
    ended = stack.ended(job_id, within_s=lease_s + 120)
    again = time.monotonic() - stopped
    time.sleep(max(0.0, 2 * lease_s - again))
    kept = time.monotonic() - stopped
    before = effects(stack, job_id)
    stack.thaw(first)
    mark = f'"job_id": "{job_id}"'
    words = eventually(
        lambda: _lines(stack, first, mark, '"job ended"'), "the frozen worker ends its attempt", within_s=60
    )
    stack.kill(second)
    tried, held, broken = checks(
        done_by_another=(ended.status, ended.attempt) == ("succeeded", 2),
        lost_in_its_log='"status": "lost"' in words[-1],
        one_effect=len(before) == 1,
        wrote_nothing=effects(stack, job_id) == before and stack.job(job_id) == ended,
    )
    figures = {"lease s": lease_s, "frozen s": round(kept, 1), "done by another after s": round(again, 1)}
    promise = f"a worker frozen for twice its lease ({kept:.0f} s) and thawed writes nothing"
    return ScenarioResult(
        promise, tried, held, round(time.monotonic() - stopped, 1), figures | {"broken": broken}
    )


def poison(options: Options) -> ScenarioResult:
    """A job whose worker dies whenever it runs is tried three times and then failed."""
    with (
        tempfile.TemporaryDirectory(prefix="outlay-chaos-") as name,
        Stack(Path(name), settings=leases(options.lease_s)) as stack,
    ):
        return run_poison(stack, tenant(stack, rows=FREEZE_ROWS), "worker")


def run_poison(stack: Stack, owner: Tenant, worker: str) -> ScenarioResult:
    """The same on a stack where only this worker runs; in the end it runs again."""
    started = time.monotonic()
    with stack.client(owner.key) as http:
        job_id = str(send_freeze(http, "poison").raise_for_status().json()["id"])
    deaths = 0
    while (now := after_claim(stack, job_id, deaths)).finished_at is None and deaths < 2 * ATTEMPTS:
        stack.kill(worker)
        deaths += 1
        stack.start(worker)
    tried, held, broken = checks(
        three_attempts=(now.attempt, deaths) == (ATTEMPTS, ATTEMPTS),
        failed=now.status == "failed",
        says_worker_lost=(now.error or {}).get("code") == "worker_lost",
        no_effect=not effects(stack, job_id),
    )
    figures = {"attempts": now.attempt, "status": now.status, "error": (now.error or {}).get("code")}
    promise = "a job that kills its worker: three attempts, then failed with worker_lost"
    return ScenarioResult(
        promise, tried, held, round(time.monotonic() - started, 1), figures | {"broken": broken}
    )


def stopped(_: Options) -> ScenarioResult:
    """A worker told to stop while it trains gives the job back, and that costs no attempt."""
    workers = {"worker": "default,embedding", "gpu": "gpu"}
    with (
        tempfile.TemporaryDirectory(prefix="outlay-chaos-") as name,
        Stack(Path(name), workers=workers) as stack,
    ):
        owner = tenant(stack, rows=200)
        with stack.client(owner.key) as http:
            activate_base(stack, http)
            dataset = send_freeze(http, "stopped").raise_for_status().json()["id"]
            assert stack.ended(dataset).status == "succeeded"
            body = {"dataset_id": dataset, "name": "stopped", "epochs": 2, "batch_size": 16}
            job_id = str(http.post("/v1/trainings", json=body).raise_for_status().json()["id"])
        return run_stopped(stack, job_id, "gpu")


def run_stopped(stack: Stack, job_id: str, worker: str) -> ScenarioResult:
    """TERM to the worker as soon as the job reports progress; the same worker starts again to finish it."""
    eventually(
        lambda: stack.job(job_id).progress, f"job {job_id} reports progress", within_s=120, every_s=0.05
    )
    before, began = stack.job(job_id), time.monotonic()
    stack.send_one(worker, signal.SIGTERM)
    stack.wait_exit(worker, within_s=STOP_SECONDS + 30)
    seconds = time.monotonic() - began
    after = stack.job(job_id)
    stack.start(worker)
    ended = stack.ended(job_id, within_s=300)
    tried, held, broken = checks(
        exits_in_30_s=seconds <= STOP_SECONDS,
        queued_again=after.status == "queued",
        costs_no_attempt=_left(after) == _left(before) + 1 and after.leases_lost == 0,
        finished_by_another=ended.status == "succeeded" and ended.attempt == before.attempt + 1,
    )
    figures = {"seconds until it had exited": round(seconds, 1), "status then": after.status}
    promise = "TERM to a worker at work: it exits within 30 s and the job is queued again at no attempt"
    total = round(time.monotonic() - began, 1)
    return ScenarioResult(
        promise, tried, held, total, figures | {"status at last": ended.status, "broken": broken}
    )


def _left(job: Any) -> int:
    """Attempts that the job may still begin; while one runs it is not among them."""
    return int(job.max_attempts - job.attempt)


def running(stack: Stack, job_id: str, attempt: int) -> None:
    """Return as soon as the attempt has begun."""
    eventually(
        lambda: stack.job(job_id).attempt == attempt, f"attempt {attempt} begins", within_s=120, every_s=0.002
    )


def after_claim(stack: Stack, job_id: str, deaths: int) -> Any:
    """The job's row once it runs in its next attempt, or has ended."""

    def seen() -> Any:
        job = stack.job(job_id)
        return job if job.finished_at or (job.status == "running" and job.attempt > deaths) else None

    return eventually(seen, f"attempt {deaths + 1} begins, or none", within_s=180, every_s=0.002)


def effects(stack: Stack, job_id: str) -> list[Any]:
    """The datasets that the job has made, as the database has them."""
    statement = (
        "SELECT d.*, d.xmin::text AS version FROM datasets d WHERE job_id = :id AND frozen_at IS NOT NULL"
    )
    return list(stack.rows(statement, id=job_id))


def _lines(stack: Stack, name: str, *parts: str) -> list[str]:
    return [line for line in stack.log(name).splitlines() if all(part in line for part in parts)]
