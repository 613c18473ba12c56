"""Removes jobs that ended long ago, but for those that something still names."""

import datetime as dt
import uuid
from collections.abc import Collection

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.candidates import store as candidate_store
from shared.datasets import store as dataset_store
from shared.jobs import store as job_store
from shared.jobs.kinds import KINDS
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store

# One label is one job of these, and nobody asks for an old one.
INDEX_KINDS = frozenset({"sync_index", "reindex"})
SEARCH_KINDS = frozenset(
    {"search"}
)  # with their trials, whose parameters and results are the search's record


def kept_for(settings: Settings) -> dict[str, dt.timedelta]:
    """How long an ended job is kept, by its kind."""
    days = dict.fromkeys(KINDS, settings.ended_jobs_kept_days)
    days |= dict.fromkeys(INDEX_KINDS, settings.ended_index_jobs_kept_days)
    days |= dict.fromkeys(SEARCH_KINDS, settings.ended_searches_kept_days)
    return {kind: dt.timedelta(days=number) for kind, number in days.items()}


def sweep_jobs(engine: Engine, kept: dict[str, dt.timedelta], *, batch: int) -> int:
    """Remove ended jobs that are older than their kind is kept, in transactions of `batch` jobs; how many.

    A child goes with its parent. A job stays while a model, an evaluation, a dataset or a candidate names it
    or one of its children, so that one can still see how they came about.
    """
    return sum(_sweep_kind(engine, kind, age, batch) for kind, age in kept.items())


def _sweep_kind(engine: Engine, kind: str, kept: dt.timedelta, batch: int) -> int:
    removed, after = 0, None
    while True:
        with transaction(engine) as session:
            ended = job_store.list_ended_before(session, kind, kept=kept, after=after, limit=batch)
            ids = [job_id for _, job_id in ended]
            removed += job_store.remove_ended(session, set(ids) - _named(session, kind, ids))
        if len(ended) < batch:
            return removed
        after = ended[-1]


def _named(session: Session, kind: str, job_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the jobs that rows of other tables name, themselves or one of their children."""
    if kind in INDEX_KINDS or not job_ids:
        return set()  # they make nothing that has a row
    parents = job_store.parents_of_children(session, job_ids)
    family = {*job_ids, *parents}
    stores = (model_store, dataset_store, candidate_store)
    named = {job_id for store in stores for job_id in store.named_jobs(session, family)}
    return {parents.get(job_id, job_id) for job_id in named}
