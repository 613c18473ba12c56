"""Removes everything of an organisation: its points, files and rows, and in the end its own row."""

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, delete, select, tuple_
from sqlalchemy.orm import Session

from shared.engines.artifact_listing import listing
from shared.engines.vectors import CollectionMissing, CollectionUnreadable, VectorIndex
from shared.jobs import store as job_store
from shared.jobs.kinds import KINDS, DeleteOrganizationParams
from shared.jobs.run import Effects, Run
from shared.kit.db import Base
from shared.kit.errors import Unavailable
from shared.organizations import store as organization_store
from shared.organizations.service import ERASING
from shared.registry import collections
from shared.registry import store as model_store
from shared.resources import Resources

# One statement's share: well within statement_timeout, also where each row has several foreign keys.
BATCH = 2000
# For other jobs of the organisation; after that this one gives its worker's place to others, and comes back.
PATIENCE_S = 5.0
_LOOK_EVERY_S = 0.1

_NEVER = threading.Event()


class OthersAtWork(Unavailable):
    code = "others-at-work"
    message = "Other jobs of the organisation have not stopped yet."


@dataclass(frozen=True)
class Traces:
    """By what points and files are known, once the rows that say so are gone."""

    organization_id: uuid.UUID
    evaluations: frozenset[uuid.UUID]
    models: frozenset[str]  # ids of versions and trainings: a folder is "<id>-<attempt>"
    artifacts: frozenset[str]

    def has_file(self, name: str) -> bool:
        """Whether a file or folder of this name is the organisation's."""
        folder, _, key = name.partition("/")
        if folder == "uploads":
            return key == str(self.organization_id)
        return name in self.artifacts or key.rpartition("-")[0] in self.models


def erase(run: Run, _params: DeleteOrganizationParams, resources: Resources) -> Effects:
    """Remove everything, in steps that may each be repeated: an attempt goes on where another was killed.

    Points and files go first, while rows still tell which they are, and once more at the end, for what a
    worker was still writing. `garbage_collection` finds what a worker writes even later.
    """
    _stop_others(run)
    with run.reading() as session:
        traces = _traces(session, run.organization_id)
    _erase_outside(run, traces, resources)
    rows = 0
    for table in owned_tables():
        for removed in _erase_rows(run, table):
            rows += removed
            run.progress(rows, rows, f"{table.name}: removed")
    _stop_others(run)
    _erase_outside(run, traces, resources)
    return lambda session: _erase_rest(session, run)


def owned_tables() -> list[Table]:
    """Every table whose rows name their organisation, children before parents: new ones are found too."""
    return [table for table in reversed(Base.metadata.sorted_tables) if "organization_id" in table.c]


def _stop_others(run: Run) -> None:
    """Return once no other job of the organisation is queued or at work.

    Its keys open nothing: another comes only from a job that ends, or a request that began before.

    Raises:
        OthersAtWork: one still is; a dead one's lease has to run out first.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        run.checkpoint()
        with run.transaction() as session:
            left = job_store.cancel_all_but(session, run.organization_id, ERASING)
        if not left:
            return
        if time.monotonic() >= deadline:
            raise OthersAtWork
        _NEVER.wait(_LOOK_EVERY_S)


def _traces(session: Session, organization_id: uuid.UUID) -> Traces:
    versions = model_store.list_owned(session, organization_id)
    models = {version for version, _ in versions}
    with_models = [kind.name for kind in KINDS.values() if kind.leaves_models]
    with_collections = [kind.name for kind in KINDS.values() if kind.leaves_collections]
    models |= set(job_store.list_ids(session, organization_id, with_models))
    return Traces(
        organization_id,
        evaluations=frozenset(job_store.list_ids(session, organization_id, with_collections)),
        models=frozenset(map(str, models)),
        artifacts=frozenset(artifact for _, artifact in versions if artifact is not None),
    )


def _erase_outside(run: Run, traces: Traces, resources: Resources) -> None:
    """Remove the organisation's points from every collection, and its files."""
    for name in filter(collections.is_ours, resources.index.collections()):
        run.checkpoint()
        if collections.is_evaluation_of(name, traces.evaluations):
            resources.index.drop_collection(name)
        else:
            _erase_points(run, resources.index, name)
    for folder in ("uploads", "models", "staging"):
        for entry in listing(resources.artifacts, folder):
            if traces.has_file(entry.name):
                entry.remove()
                run.checkpoint()


def _erase_points(run: Run, index: VectorIndex, name: str) -> None:
    try:
        index.delete_organization(name, run.organization_id)
    except CollectionMissing:
        return
    except CollectionUnreadable:
        # Its files may hold the organisation's points, and only all of them can be removed.
        with run.transaction() as session:
            collections.heal(session, name, but=run.organization_id)
        index.drop_collection(name)


def _erase_rows(run: Run, table: Table) -> Iterator[int]:
    """Remove the organisation's rows of the table, but for this job's: how many, batch by batch."""
    key = tuple_(*table.primary_key.columns)
    chosen = select(*table.primary_key.columns).where(table.c.organization_id == run.organization_id)
    if table.name == "jobs":
        chosen = chosen.where(table.c.id != run.job_id)
    statement = delete(table).where(key.in_(chosen.limit(BATCH)))
    removed = BATCH
    while removed == BATCH:
        with run.transaction() as session:
            removed = session.connection().execute(statement).rowcount
        yield removed


def _erase_rest(session: Session, run: Run) -> dict[str, Any]:
    """The organisation itself, and with it this job and whatever came since; nothing comes any more."""
    if organization_store.lock_out(session, run.organization_id):
        if job_store.cancel_all_but(session, run.organization_id, ERASING):
            raise OthersAtWork
        organization_store.remove(session, run.organization_id)
    return {}
