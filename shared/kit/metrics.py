"""What a process counts of its own work, for whichever of its doors shows it to Prometheus.

One registry a process, since that is what the figures are about. Labels only take values that the code lists:
kinds, queues, statuses, codes of errors; never an organisation or an id.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_ENCODING = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_WORKING = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400)

_texts = Histogram("outlay_encode_texts", "Texts in one call.", buckets=_SIZES, registry=REGISTRY)
_seconds = Histogram(
    "outlay_encode_duration_seconds", "One call of an encoder.", buckets=_ENCODING, registry=REGISTRY
)
_reranked = Histogram(
    "outlay_rerank_duration_seconds", "One call of a reranker.", buckets=_ENCODING, registry=REGISTRY
)
_unranked = Counter(
    "outlay_rerank_fallbacks",
    "Questions that a reranker could not help with, by the error's code; they had the first stage's answer.",
    ["code"],
    registry=REGISTRY,
)
_jobs = Histogram(
    "outlay_job_duration_seconds",
    "One attempt at a job, from its claim to its end in this process; the status that it left.",
    ["kind", "status"],
    buckets=_WORKING,
    registry=REGISTRY,
)
_missed = Counter(
    "outlay_heartbeats_missed", "Leases that could not be renewed in time for once.", registry=REGISTRY
)
_published = Counter("outlay_relay_published", "Messages sent to the broker.", registry=REGISTRY)
_resent = Counter(
    "outlay_relay_resent", "Jobs whose message the broker had lost.", ["queue"], registry=REGISTRY
)
_expired = Counter(
    "outlay_relay_leases_expired",
    "Leases that ran out; what became of the job.",
    ["status"],
    registry=REGISTRY,
)
_waits = Counter(
    "outlay_relay_waits",
    "Passes that stopped at a dependency, by the error's code.",
    ["code"],
    registry=REGISTRY,
)


@contextmanager
def encoding(texts: int) -> Iterator[None]:
    """Measure a call that encodes so many texts; one that fails is not counted."""
    started = time.perf_counter()
    yield
    _texts.observe(texts)
    _seconds.observe(time.perf_counter() - started)


@contextmanager
def reranking() -> Iterator[None]:
    """Measure a call of a reranker; one that fails is not counted."""
    started = time.perf_counter()
    yield
    _reranked.observe(time.perf_counter() - started)


def rerank_failed(code: str, questions: int) -> None:
    """Count questions that were answered without the reranker that should have helped."""
    _unranked.labels(code).inc(questions)


def attempt_ended(kind: str, status: str, seconds: float) -> None:
    """Count one attempt at a job; `status` as `execute` gives it."""
    _jobs.labels(kind, status).observe(seconds)


def heartbeat_missed() -> None:
    """Count a heartbeat that the database did not take."""
    _missed.inc()


def published() -> None:
    """Count a message that the relay sent."""
    _published.inc()


def resent(queue: str, jobs: int) -> None:
    """Count jobs that the relay will send again."""
    _resent.labels(queue).inc(jobs)


def lease_expired(status: str) -> None:
    """Count a lease that the relay found dead."""
    _expired.labels(status).inc()


def relay_waited(code: str) -> None:
    """Count a pass of the relay that a silent dependency cut short."""
    _waits.labels(code).inc()
