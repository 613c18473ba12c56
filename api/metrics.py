"""What Prometheus reads: how long requests took, what encoding took, what the jobs are doing."""

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

from shared.jobs.stats import Measures
from shared.jobs.store import Drift
from shared.kit import metrics as process

__all__ = ["CONTENT_TYPE", "Metrics"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One app's measures, in a registry of its own so that two apps in one process do not mix."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Histogram(
            "outlay_http_request_duration_seconds",
            "From the first byte of the request to the last of the answer.",
            ["method", "route", "status"],
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; labels are bounded, so `route` is a template and strange methods are one."""
        name = method if method in _METHODS else "OTHER"
        self._requests.labels(name, route, str(status)).observe(seconds)

    def render(self, measures: Measures | None, *, database_is_up: bool) -> bytes:
        """Everything in Prometheus's text format; without `measures` nothing of jobs and the index."""
        database = _of_the_database(measures, is_up=database_is_up)
        return b"".join(map(generate_latest, (self._registry, process.REGISTRY, database)))


def _of_the_database(measures: Measures | None, *, is_up: bool) -> CollectorRegistry:
    registry = CollectorRegistry()
    up = Gauge("outlay_database_up", "1: the database answered this scrape.", registry=registry)
    up.set(is_up)
    if measures is not None:
        _add_jobs(registry, measures)
        _add_drift(registry, measures.drift)
    return registry


def _add_jobs(registry: CollectorRegistry, measures: Measures) -> None:
    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=registry)

    count = gauge("outlay_jobs", "Jobs not yet ended, and those of the last day.", "kind", "status")
    age = gauge("outlay_queue_age_seconds", "Age of the oldest queued job.", "kind")
    for kind, status, number, seconds in measures.by_kind:
        count.labels(kind, status).set(number)
        if status == "queued":
            age.labels(kind).set(seconds)
    waiting = gauge(
        "outlay_queue_waiting_seconds", "How long the first job of the queue has been ready.", "queue"
    )
    for queue, seconds in measures.waiting.items():
        waiting.labels(queue).set(seconds)
    lost = gauge("outlay_job_leases_lost", "Leases that ran out, of all jobs that are kept.", "kind")
    for kind, number in measures.leases_lost.items():
        lost.labels(kind).set(number)


def _add_drift(registry: CollectorRegistry, drift: Drift) -> None:
    text = "Points that the last reconcile of each organisation wrote or removed."
    points = Gauge("outlay_index_drift_points", text, ["mended"], registry=registry)
    points.labels("written").set(drift.written)
    points.labels("removed").set(drift.removed)
    Gauge(
        "outlay_index_reconciled_organizations", "Organisations behind that figure.", registry=registry
    ).set(drift.organizations)
