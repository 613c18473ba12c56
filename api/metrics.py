"""What Prometheus reads: how long requests took, and what the jobs are doing."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

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

    def render(self, jobs: Sequence[tuple[str, str, int, float]] | None) -> bytes:
        """Everything in Prometheus's text format; `jobs` as `count_by_kind` gives them, None: no answer."""
        return generate_latest(self._registry) + generate_latest(_job_registry(jobs))


def _job_registry(jobs: Sequence[tuple[str, str, int, float]] | None) -> CollectorRegistry:
    registry = CollectorRegistry()
    up = Gauge("outlay_database_up", "1: the database answered this scrape.", registry=registry)
    up.set(0 if jobs is None else 1)
    if jobs is None:
        return registry
    count = Gauge(
        "outlay_jobs", "Jobs not yet ended, and those of the last day.", ["kind", "status"], registry=registry
    )
    age = Gauge("outlay_queue_age_seconds", "Age of the oldest queued job.", ["kind"], registry=registry)
    for kind, status, number, seconds in jobs:
        count.labels(kind, status).set(number)
        if status == "queued":
            age.labels(kind).set(seconds)
    return registry
