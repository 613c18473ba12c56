"""Jobs under kill -9 of their workers, with a broker that forgets all of them twice: one effect each."""

import itertools
import tempfile
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import redis

from devtools.chaos.material import Tenant, send_freeze, send_import, tenant
from devtools.chaos.scenario import Options, ScenarioResult
from devtools.chaos.stack import Stack

WORKERS = ("worker-1", "worker-2", "worker-3")
KILL_EVERY_S = 2.0
LABELLED = 200  # rows of each dataset
SENDERS = 4
GIVE_UP_S = 300
Sent = list[tuple[str, str, str]]  # kind, job id, prefix of the import's external ids


def jobs(options: Options) -> ScenarioResult:
    """Submit, kill, flush and count."""
    settings = {"job_lease_seconds": str(options.lease_s), "job_heartbeat_seconds": str(options.lease_s / 4)}
    settings |= {"rate_limit": "", "max_queued_jobs": "100000"}
    queues = dict.fromkeys(WORKERS, "default,embedding")
    with (
        tempfile.TemporaryDirectory(prefix="outlay-chaos-") as name,
        Stack(Path(name), workers=queues, settings=settings) as stack,
    ):
        return run(stack, options)


def run(stack: Stack, options: Options) -> ScenarioResult:
    """The same on a stack that is running, with the three workers."""
    datasets, imports = tenant(stack, rows=LABELLED), tenant(stack)
    started = time.monotonic()
    sent: Sent = []
    sending = threading.Thread(target=_send_all, args=(stack, datasets, imports, options, sent), daemon=True)
    sending.start()
    kills = _kill_until_done(stack, sending, sent, options)
    seconds = time.monotonic() - started
    sending.join()
    return _count(stack, sent, options, seconds, kills)


def _send_all(stack: Stack, datasets: Tenant, imports: Tenant, options: Options, sent: Sent) -> None:
    with (
        stack.client(datasets.key) as http,
        stack.client(imports.key) as other,
        ThreadPoolExecutor(SENDERS) as senders,
    ):

        def send(number: int) -> None:
            if number % 2:
                answer = _accepted(lambda: send_freeze(http, f"dataset {number}"))
                sent.append(("freeze_dataset", answer["id"], ""))
            else:
                prefix = f"file{number}"
                answer = _accepted(lambda: send_import(other, prefix, options.rows))
                sent.append(("import", answer["id"], prefix))

        list(senders.map(send, range(options.jobs)))


def _accepted(send: Any) -> dict[str, Any]:
    """The answer once it is 202; nothing was promised before."""
    while True:
        answer: httpx.Response = send()
        if answer.status_code == 202:
            return dict(answer.json())
        if answer.status_code not in {429, 503}:
            raise AssertionError(f"{answer.status_code}: {answer.text}")
        time.sleep(float(answer.headers.get("Retry-After", "1")))


def _kill_until_done(stack: Stack, sending: threading.Thread, sent: Sent, options: Options) -> int:
    """The worker that has been up longest, every two seconds; the broker flushed and killed on the way.

    One that is still starting is left alone: it has nothing to lose. Returns how many were killed.
    """
    started = time.monotonic()
    up = list(WORKERS)
    starting: list[str] = []
    kills = 0
    for number in itertools.count(1):
        while (wait := started + number * KILL_EVERY_S - time.monotonic()) > 0:
            if number > options.broker_kill_at and not sending.is_alive() and not _unended(stack, sent):
                return kills
            time.sleep(min(0.1, wait))
        for name in [name for name in starting if stack.is_ready(name)]:
            starting.remove(name)
            up.append(name)
        if up:
            name = up.pop(0)
            stack.kill(name)
            stack.start(name, wait=False)
            starting.append(name)
            kills += 1
        if number == options.flush_at:
            with redis.Redis.from_url(stack.redis_url) as broker:
                broker.flushall()
        if number == options.broker_kill_at:
            stack.kill("valkey")
            stack.start("valkey", wait=False)
        if time.monotonic() - started > GIVE_UP_S:
            break
    return kills


def _unended(stack: Stack, sent: Sent) -> int:
    ids = [uuid.UUID(job_id) for _, job_id, _ in list(sent)]
    return int(stack.value("SELECT count(*) FROM jobs WHERE id = ANY(:ids) AND finished_at IS NULL", ids=ids))


def _count(stack: Stack, sent: Sent, options: Options, seconds: float, kills: int) -> ScenarioResult:
    ids = [uuid.UUID(job_id) for _, job_id, _ in sent]
    ended = stack.rows("SELECT id, status, attempt, error FROM jobs WHERE id = ANY(:ids)", ids=ids)
    effects = [_effects(stack, *file, rows=options.rows) for file in sent]
    lost, doubled = effects.count(0), sum(count > 1 for count in effects)
    figures = {
        "jobs": len(sent),
        "effects": effects.count(1),
        "without effect": lost,
        "not over when given up": sum(row.status in {"queued", "running"} for row in ended),
        "doubled": doubled,
        "statuses": dict(Counter(row.status for row in ended)),
        "failed": [(str(row.id), row.attempt, row.error["code"]) for row in ended if row.error],
        "attempts lost to kills": sum(max(0, row.attempt - 1) for row in ended),
        "worker kills": kills,
        "lease s": options.lease_s,
        "within 60 s": seconds <= 60,
    }
    promise = (
        f"{options.jobs} jobs, 3 workers, one killed -9 every 2 s, broker flushed and killed: one effect each"
    )
    return ScenarioResult(promise, len(sent), effects.count(1), round(seconds, 1), figures)


def _effects(stack: Stack, kind: str, job_id: str, prefix: str, rows: int) -> int:
    """How often the job had its effect; a part of one counts as none, any more as two."""
    if kind == "freeze_dataset":
        datasets = stack.rows(
            "SELECT d.id, (SELECT count(*) FROM dataset_items i WHERE i.dataset_id = d.id) AS items"
            " FROM datasets d WHERE d.job_id = :id AND d.frozen_at IS NOT NULL",
            id=uuid.UUID(job_id),
        )
        return len(datasets) if all(row.items == LABELLED for row in datasets) else 0
    [counts] = stack.rows(
        "SELECT count(DISTINCT t.id) AS rows, count(l.id) AS labels FROM transactions t"
        " LEFT JOIN labels l ON l.transaction_id = t.id WHERE t.external_id LIKE :prefix",
        prefix=f"{prefix}-%",
    )
    if counts.rows < rows or counts.labels < rows:
        return 0
    return 1 if (counts.rows, counts.labels) == (rows, rows) else 2
