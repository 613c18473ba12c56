"""What operators see of the jobs of all organisations, straight from their rows."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.jobs import store
from shared.jobs.kinds import QUEUES
from shared.jobs.store import Drift


@dataclass(frozen=True)
class Measures:
    """Figures of one moment; ages in seconds."""

    by_kind: list[tuple[str, str, int, float]]  # kind, status, how many, age of the oldest queued one
    waiting: dict[str, float]  # queue -> how long its first job has been ready and not started; 0: none is
    leases_lost: dict[str, int]  # kind -> how often the lease of a job that is still kept has run out
    drift: Drift


def measure(session: Session) -> Measures:
    """Everything in one transaction."""
    return Measures(
        by_kind=store.count_by_kind(session),
        waiting=dict.fromkeys(QUEUES, 0.0) | store.seconds_waiting(session),
        leases_lost=store.count_leases_lost(session),
        drift=store.index_drift(session),
    )
