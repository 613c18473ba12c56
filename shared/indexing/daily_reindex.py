"""Compares every organisation's index with Postgres once a day, whatever happened to either."""

import datetime as dt
import math

from sqlalchemy.orm import Session

from shared.jobs import service as jobs
from shared.jobs import store as job_store
from shared.jobs.kinds import ReindexParams
from shared.organizations import store as organization_store
from shared.registry import service as registry

EVERY = dt.timedelta(days=1)
PRIORITY = 9  # after everything that somebody waits for


def submit_due(session: Session, calls_a_day: int) -> int:
    """Queue a reindex for organisations whose last one is a day old; how many.

    At most twice an equal share of a day's, so that those that became due together spread out over the day.
    """
    active = registry.list_active(session)
    live = set(organization_store.list_ids(session, is_deleted=False))
    recent = job_store.submitted_within(session, ("reindex", "activate"), EVERY)
    due = [(owner, version) for owner, version in active if owner in live - recent]
    share = math.ceil(2 * len(active) / calls_a_day)
    for organization_id, version_id in due[:share]:
        params = ReindexParams(model_version_id=version_id)
        jobs.submit(session, organization_id, params, priority=PRIORITY)
    return len(due[:share])
