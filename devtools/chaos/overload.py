"""Ten times what the machine can serve, for a minute."""

import os
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from devtools.chaos.generator import Plan, Sent, generate
from devtools.chaos.material import activate_base, questions, tenant
from devtools.chaos.scenario import Options, ScenarioResult, checks
from devtools.chaos.stack import Stack

TIMES = 10
CLOSED_S = 8.0
NORMAL_AGAIN_S = 10.0
IN_A_ROW = 5
REFUSALS = ("429", "503")


def overload(options: Options) -> ScenarioResult:
    """What is served, then ten times as much."""
    with (
        tempfile.TemporaryDirectory(prefix="outlay-chaos-") as name,
        Stack(Path(name), settings={"rate_limit": ""}) as stack,
    ):
        owner = tenant(stack, rows=200)
        with stack.client(owner.key, timeout_s=60) as http:
            activate_base(stack, http)
            for question in questions(20):
                http.post("/categorize", json=question).raise_for_status()
            return _measure(stack, http, owner.key, options.overload_s)


def _measure(stack: Stack, http: httpx.Client, key: str, seconds: float) -> ScenarioResult:
    port = urlsplit(stack.url).port or 0
    closed = generate(Plan(port, key, questions(20), CLOSED_S))
    served = len(closed.latencies) / CLOSED_S
    alone = percentile([_ask(http)[1] for _ in range(20)], 50)
    before = stack.rss_mib("api")
    rss: list[float] = []
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(stack, rss, over), daemon=True)
    watching.start()
    sent = generate(Plan(port, key, questions(20), seconds, rate=TIMES * served))
    normal = sent.drained + _until_normal(http, alone)
    over.set()
    watching.join()
    return _judge(sent, served, alone, normal, (before, max(rss), stack.rss_mib("api")), seconds)


def _judge(
    sent: Sent, served: float, alone: float, normal: float, rss: tuple[float, float, float], seconds: float
) -> ScenarioResult:
    refused = sum(sent.statuses[status] for status in REFUSALS)
    others = {s: n for s, n in sent.statuses.items() if n and s not in (*REFUSALS, "200")}
    tried, held, broken = checks(
        generator_kept_up=sent.sent >= 0.95 * sent.planned,
        nothing_but_200_and_refusals=not others,
        refusals_say_when=sent.with_retry_after == refused,
        normal_again=normal <= NORMAL_AGAIN_S,
    )
    figures = {
        "served with 4 clients, a second": round(served, 1),
        "alone, median ms": round(alone * 1000, 1),
        "planned, sent": (sent.planned, sent.sent),
        "sender's largest lag s, connections": (round(sent.lag, 2), sent.peak_open),
        "accepted, a second": round(len(sent.latencies) / seconds, 1),
        "accepted p50, p99 s": tuple(round(percentile(sent.latencies, p), 3) for p in (50, 99)),
        "refused share": round(refused / max(1, sent.sent), 4),
        "refused p50, p99 s": tuple(round(percentile(sent.refused_latencies, p), 3) for p in (50, 99)),
        "refused with Retry-After": f"{sent.with_retry_after} of {refused}",
        "other outcomes": others,
        "API's memory MiB before, highest, after": tuple(round(value) for value in rss),
        "normal again after s": round(normal, 1),
        "cores": os.cpu_count(),
        "broken": broken,
    }
    promise = (
        f"{TIMES} times what is served for {seconds:.0f} s: refused with Retry-After, normal again in 10 s"
    )
    return ScenarioResult(promise, tried, held, seconds, figures)


def _ask(http: httpx.Client) -> tuple[int, float]:
    started = time.monotonic()
    try:
        status = http.post("/categorize", json=questions(1)[0]).status_code
    except httpx.HTTPError:
        status = 0
    return status, time.monotonic() - started


def _until_normal(http: httpx.Client, alone: float) -> float:
    """Seconds until five answers in a row are good and take at most twice as long as without load."""
    began = first = time.monotonic()
    good = 0
    while good < IN_A_ROW and time.monotonic() - began < 120:
        if good == 0:
            first = time.monotonic()
        status, seconds = _ask(http)
        good = good + 1 if status == 200 and seconds <= 2 * alone + 0.02 else 0
    return first - began


def _watch(stack: Stack, rss: list[float], over: threading.Event) -> None:
    while not over.wait(0.5):
        rss.append(stack.rss_mib("api"))


def percentile(values: list[float], p: float) -> float:
    """The smallest value that at least p % do not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] if ordered else 0.0
