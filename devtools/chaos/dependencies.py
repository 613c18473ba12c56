"""Postgres, Valkey and the Edge sidecar, each killed under load and each frozen, and brought back."""

import itertools
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from devtools.chaos.load import CLIENT_TIMEOUT_S, Load, Seen, outcomes, unsound
from devtools.chaos.material import activate_base, questions, send_freeze, tenant
from devtools.chaos.scenario import Options, ScenarioResult, checks
from devtools.chaos.stack import Stack
from devtools.waiting import eventually

DEPENDENCIES = ("postgres", "valkey", "edge")
WAYS = ("killed", "frozen")
SAID_WITHIN_S, BACK_WITHIN_S = 5.0, 10.0
WARM_S = 3.0
ENDPOINTS = ("/livez", "/readyz", "/categorize", "label", "job")
LABELLED = 200


def dependencies(options: Options) -> ScenarioResult:
    """All of them, one after the other."""
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="outlay-chaos-") as name,
        Stack(Path(name), threads=2, settings={"rate_limit": "", "max_queued_jobs": "100000"}) as stack,
    ):
        with loaded(stack) as (load, accepted):
            results = {
                f"{dependency} {way}": away(stack, load, dependency, way, options.away_s)
                for dependency, way in itertools.product(DEPENDENCIES, WAYS)
            }
        lost = lost_jobs(stack, accepted)
    tried, held = len(results) + 1, sum(not result["broken"] for result in results.values()) + (not lost)
    promise = "a lost dependency is said, not hung: /livez 200, /readyz 503 in 5 s, back in 10 s; no job lost"
    figures = results | {"jobs accepted": len(accepted), "jobs lost": lost}
    return ScenarioResult(promise, tried, held, round(time.monotonic() - started, 1), figures)


@contextmanager
def loaded(stack: Stack, rows: int = LABELLED) -> Iterator[tuple[Load, list[str]]]:
    """Clients at work; what they have seen, and the ids of the jobs that were accepted."""
    owner = tenant(stack, rows=rows)
    accepted: list[str] = []
    with stack.client(owner.key, timeout_s=CLIENT_TIMEOUT_S) as http:
        activate_base(stack, http)
        ids = [row["id"] for row in http.get("/v1/transactions", params={"limit": 100}).json()["data"]]
        http.post("/categorize", json=questions(1)[0], timeout=60).raise_for_status()  # the model is loaded
        chart = [row["id"] for row in http.get("/v1/categories").json()["data"]]
        next_question, row, category = (itertools.cycle(values) for values in (questions(20), ids, chart))

        def label() -> httpx.Response:
            return http.put(f"/v1/transactions/{next(row)}/label", json={"category_id": next(category)})

        def job() -> httpx.Response:
            answer = send_freeze(http, "under load")
            if answer.status_code == 202:
                accepted.append(answer.json()["id"])
            return answer

        askers = [
            ("/livez", lambda: http.get("/livez"), 0.1),
            *[("/readyz", lambda: http.get("/readyz"), 0.2)] * 2,
            *[("/categorize", lambda: http.post("/categorize", json=next(next_question)), 0.02)] * 2,
            ("label", label, 0.1),
            ("job", job, 0.5),
        ]
        with Load(askers) as load:
            time.sleep(WARM_S)
            yield load, accepted


def away(stack: Stack, load: Load, dependency: str, way: str, away_s: float) -> dict[str, Any]:
    """Take one dependency away for a while: what was answered meanwhile, and how soon all was well again."""
    gone = time.monotonic()
    stack.kill(dependency) if way == "killed" else stack.freeze(dependency)
    time.sleep(away_s)
    eventually(lambda: _said(load, gone), "/readyz says so", within_s=60)
    returned = time.monotonic()
    stack.start(dependency, wait=False) if way == "killed" else stack.thaw(dependency)

    def well(endpoint: str) -> float | None:
        """When the first request begun since then was answered well."""
        answered = [s for s in list(load.seen) if s.endpoint == endpoint and s.started > returned]
        return min((s.ended for s in answered if 0 < s.status < 400), default=None)

    back = {
        name: eventually(partial(well, name), f"{name} is back", within_s=90) - returned for name in ENDPOINTS
    }
    seen = load.between(gone, returned)
    said = [moment - gone for moment in _said(load, gone)]
    figures: dict[str, Any] = {name: _figures([s for s in seen if s.endpoint == name]) for name in ENDPOINTS}
    bad = unsound(load.between(gone, time.monotonic()))
    _, _, broken = checks(
        livez_200=figures["/livez"]["answers"].keys() == {"200"},
        readyz_said=bool(said) and min(said) <= SAID_WITHIN_S,
        back=max(back.values()) <= BACK_WITHIN_S,
        sound=not bad,
    )
    figures["readyz 503 after s"] = round(min(said), 2) if said else None
    figures["back after s"] = {name: round(seconds, 2) for name, seconds in back.items()}
    return figures | {"never": bad, "broken": broken}


def _said(load: Load, gone: float) -> list[float]:
    """When /readyz has said 503 since."""
    return [s.ended for s in load.between(gone, time.monotonic(), "/readyz") if s.status == 503]


def _figures(seen: list[Seen]) -> dict[str, Any]:
    return {"answers": outcomes(seen), "slowest s": round(max((s.seconds for s in seen), default=0.0), 2)}


def lost_jobs(stack: Stack, accepted: list[str]) -> int:
    """How many of the accepted jobs have not succeeded, once all have ended or two minutes are over."""
    ids = [uuid.UUID(job_id) for job_id in accepted]
    open_ = "SELECT count(*) FROM jobs WHERE id = ANY(:ids) AND finished_at IS NULL"
    deadline = time.monotonic() + 120
    while stack.value(open_, ids=ids) and time.monotonic() < deadline:
        time.sleep(0.2)
    done = "SELECT count(*) FROM jobs WHERE id = ANY(:ids) AND status = 'succeeded'"
    return len(ids) - int(stack.value(done, ids=ids))
