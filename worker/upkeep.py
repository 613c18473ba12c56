"""What keeps the house clean: done by the relay, on a slow clock, in a thread of its own."""

import threading
from collections.abc import Callable
from functools import partial

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from shared import bootstrap
from shared.bootstrap import NotConfigured
from shared.erasing import garbage_collection, job_retention
from shared.idempotency import store as idempotency_store
from shared.indexing import daily_reindex as reconciling
from shared.jobs import store as job_store
from shared.kit.errors import Retryable, Unavailable
from shared.kit.logging import get_logger
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.organizations import service as organizations
from shared.organizations import store as organization_store
from shared.resources import Resources

logger = get_logger(__name__)

EVERY_S = 600.0
CALLS_A_DAY = int(86400 / EVERY_S)
BATCH = 1000
_LOCK = 0x6F75746C6179  # "outlay", among the database's advisory locks


class Upkeep:
    """One pass over everything. Any number of relays may run side by side."""

    def __init__(self, resources: Resources) -> None:
        self._engine: Engine = resources.engine
        self._parts: dict[str, Callable[[], int]] = {
            "idempotency keys": lambda: self._in_batches(idempotency_store.delete_old),
            "jobs": lambda: job_retention.sweep_jobs(
                self._engine, job_retention.kept_for(resources.settings), batch=BATCH
            ),
            "erasures": lambda: self._alone(_resume_erasing),
            "reconciliations": lambda: self._alone(partial(reconciling.submit_due, calls_a_day=CALLS_A_DAY)),
            "uploads": lambda: garbage_collection.sweep_uploads(self._engine, resources.artifacts),
            "models": lambda: garbage_collection.sweep_models(self._engine, resources.artifacts),
            "collections": lambda: garbage_collection.sweep_collections(self._engine, resources.index),
            "points": lambda: garbage_collection.sweep_points(self._engine, resources.index),
        }

    def run_once(self) -> dict[str, int]:
        """Every part, whether or not another one failed: how much each that did not fail has done."""
        done = {}
        for name, part in self._parts.items():
            try:
                done[name] = part()
            except (Unavailable, Retryable) as error:
                logger.warning("upkeep waits", part=name, error=error.code)
            except Exception:  # the next pass tries again, and the relay goes on relaying
                logger.exception("upkeep failed", part=name)
        logger.info("upkeep done", **{name.replace(" ", "_"): count for name, count in done.items() if count})
        return done

    def run_until(self, stop: threading.Event, every_s: float = EVERY_S) -> None:
        """A pass after each pause: not at the start, when everything else starts too."""
        while not stop.wait(every_s):
            self.run_once()

    def _in_batches(self, sweep: Callable[[Session, int], int]) -> int:
        total, removed = 0, BATCH
        while removed == BATCH:
            with transaction(self._engine) as session:
                removed = sweep(session, BATCH)
            total += removed
        return total

    def _alone(self, submit: Callable[[Session], int]) -> int:
        """Submit jobs, unless another relay is doing so: each of the two would find the same ones missing."""
        with transaction(self._engine) as session:
            is_ours = session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK})
            return submit(session) if is_ours else 0


def _resume_erasing(session: Session) -> int:
    """Again for those whose job was cancelled by a request that had begun, or failed too often."""
    pending = [
        organization_id
        for organization_id in organization_store.list_ids(session, is_deleted=True)
        if not job_store.has_open(session, organization_id, organizations.ERASING)
    ]
    for organization_id in pending:
        organizations.delete(session, organization_id)
    return len(pending)


def start(settings: Settings, stop: threading.Event) -> None:
    """Keep the house clean in a thread until `stop`; connections of its own, so that it delays no job."""
    try:
        resources = bootstrap.build(settings.model_copy(update={"database_pool_size": 1}))
    except NotConfigured as error:
        logger.warning("no upkeep", error=error.code)
        return
    upkeep = Upkeep(resources)
    threading.Thread(target=upkeep.run_until, args=(stop,), name="upkeep", daemon=True).start()
