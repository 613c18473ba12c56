"""Keeps the index equal to Postgres: small changes at once, everything on reindex and activation."""

import uuid
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from shared.categories import store as category_store
from shared.categorization.points import entry_point_id, to_points
from shared.engines.vectors import CollectionMissing, CollectionUnreadable, VectorIndex
from shared.indexing.entries import RowIds, entries_of, pages
from shared.jobs import service as jobs
from shared.jobs.kinds import ActivateParams, ReindexParams, SyncIndexParams
from shared.jobs.run import Effects, Run
from shared.jobs.tables import Job
from shared.kit.errors import Retryable
from shared.kit.logging import get_logger
from shared.kit.pydantic_json import JSONModel
from shared.registry import collections
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.serving import Serving, find_active, get_active, serving_of
from shared.resources import Resources
from shared.transactions import store as transaction_store

logger = get_logger(__name__)

# A row that changes while its point is written is written again; this often only under a bug.
MAX_ROUNDS = 10


class SyncIndexResult(JSONModel):
    """The result of a job of kind `sync_index`; where all rows had to be compared, a `ReindexResult`."""

    written: int = Field(description="Rows that belong in the index and were written.")


class ReindexResult(JSONModel):
    """The result of a job of kind `reindex`."""

    points: int = Field(description="Points of the organisation in the index afterwards.")
    written: int
    removed: int


class ActivationResult(JSONModel):
    """The result of a job of kind `activate`."""

    model_version_id: uuid.UUID
    counter: int = Field(description="Activations of the organisation so far.")
    points: int
    written: int
    removed: int


class IndexNotConverging(Retryable):
    code = "index-not-converging"
    message = "Rows kept changing while they were written to the index. Retry the job."


def submit(
    session: Session,
    organization_id: uuid.UUID,
    version_id: uuid.UUID | None,
    *,
    rebuild: bool,
    request_id: str | None = None,
) -> Job:
    """Queue a reindex of a model version; None: of the active one.

    Raises:
        ModelNotFound: no such model version.
        NoActiveModel: none was named and none is active.
    """
    if version_id is None:
        version_id = get_active(session, organization_id).version_id
    else:
        model_store.get(session, organization_id, version_id)
    params = ReindexParams(model_version_id=version_id, rebuild=rebuild)
    return jobs.submit(session, organization_id, params, request_id=request_id)


def sync(run: Run, params: SyncIndexParams, resources: Resources) -> Effects:
    """Bring the points of some rows in line with Postgres, in the active model's collection."""
    with run.reading() as session:
        serving = find_active(session, run.organization_id)
    if serving is None:
        return lambda _: SyncIndexResult(written=0).model_dump(mode="json")
    rows = RowIds(tuple(params.category_ids), tuple(params.transaction_ids))
    try:
        if not _needs_all(run, rows) and resources.index.count(serving.collection, run.organization_id):
            written = _converge(run, serving, resources, rows)
            return lambda _: SyncIndexResult(written=written).model_dump(mode="json")
    except (CollectionMissing, CollectionUnreadable):
        pass
    # The index was lost, perhaps made anew by another organisation's job: mend all of it, not these rows.
    result = _reconcile(run, serving, resources, rebuild=False)
    return lambda _: result.model_dump(mode="json")


def reindex(run: Run, params: ReindexParams, resources: Resources) -> Effects:
    """Bring every point of a model version in line with Postgres."""
    with run.reading() as session:
        serving = serving_of(model_store.get(session, run.organization_id, params.model_version_id))
    result = _reconcile(run, serving, resources, rebuild=params.rebuild)
    return lambda _: result.model_dump(mode="json")


def activate(run: Run, params: ActivateParams, resources: Resources) -> Effects:
    """Build the model version's index beside the present one, then switch in the job's last transaction.

    Changes that came while it was built were written to the old collection only, so a reindex follows.
    """
    with run.reading() as session:
        serving = serving_of(model_store.get(session, run.organization_id, params.model_version_id))
    result = _reconcile(run, serving, resources, rebuild=False)

    def apply_effects(session: Session) -> dict[str, Any]:
        counter = registry.activate(session, run.organization_id, serving.version_id, params.counter)
        submit(session, run.organization_id, serving.version_id, rebuild=False)
        activated = ActivationResult(
            model_version_id=serving.version_id, counter=counter, **result.model_dump()
        )
        return activated.model_dump(mode="json")

    return apply_effects


def _reconcile(run: Run, serving: Serving, resources: Resources, *, rebuild: bool) -> ReindexResult:
    """Write what is missing or differs, remove what should not be there."""
    index = resources.index
    dimension = resources.encoders.get(serving.model).dimension
    present = _present(run, serving, index, dimension, rebuild=rebuild)
    with run.reading() as session:
        total = transaction_store.count_labelled(session, run.organization_id)
    written = done = 0
    for entries in pages(run, serving.texts):
        ids = [entry_point_id(serving.fingerprint, entry) for entry in entries]
        stale = [e for e, i in zip(entries, ids, strict=True) if present.pop(i, None) != e.digest]
        written += _converge(run, serving, resources, RowIds.of(stale))
        done += sum(entry.kind == "transaction" for entry in entries)
        run.progress(done, max(total, done), "indexing")
    index.delete(serving.collection, list(present))
    return ReindexResult(
        points=index.count(serving.collection, run.organization_id), written=written, removed=len(present)
    )


def _needs_all(run: Run, rows: RowIds) -> bool:
    """Whether one of the categories was archived, so that the points of all its transactions have to go."""
    if not rows.category_ids:
        return False
    with run.reading() as session:
        changed = category_store.by_ids(session, run.organization_id, rows.category_ids)
    return any(row.archived_at is not None for row in changed)


def _present(
    run: Run, serving: Serving, index: VectorIndex, dimension: int, *, rebuild: bool
) -> dict[uuid.UUID, str]:
    """Digest by point id of what the collection, made where it is missing, holds of the organisation."""
    name = serving.collection
    try:
        if not index.has_collection(name):
            _heal_others(run, name)
        index.ensure_collection(name, dimension)
        if rebuild:
            index.delete_organization(name, serving.organization_id)
        return dict(index.digests(name, serving.organization_id))
    except CollectionUnreadable:
        # The files are unrecoverable, for every tenant; Postgres has everything.
        _heal_others(run, name)
        index.drop_collection(name)
        index.ensure_collection(name, dimension)
        return {}


def _heal_others(run: Run, name: str) -> None:
    """Queue the repair of all others' points, while the next attempt would still see that they are lost."""
    with run.transaction() as session:
        queued = collections.heal(session, name, but=run.organization_id)
    if queued:
        logger.warning("collection lost", collection=name, reindexes=queued)


def _converge(run: Run, serving: Serving, resources: Resources, rows: RowIds) -> int:
    """Write or remove the rows' points until they match Postgres; returns how many rows belong in the index.

    Two jobs may write the same row at once. Each reads again after writing and goes on until what it wrote is
    what Postgres says, so whichever writes last leaves the truth.

    Raises:
        IndexNotConverging: still not after `MAX_ROUNDS` rounds.
    """
    written: dict[uuid.UUID, str] | None = None
    for _ in range(MAX_ROUNDS):
        run.checkpoint()
        with run.reading() as session:
            entries = entries_of(session, run.organization_id, rows, serving.texts)
        wanted = {entry_point_id(serving.fingerprint, entry): entry.digest for entry in entries}
        if wanted == written:
            return len(written)
        if entries:
            encoder = resources.encoders.get(serving.model)
            points = to_points(serving.fingerprint, run.organization_id, entries, encoder)
            resources.index.upsert(serving.collection, points)
        gone = rows.point_ids(serving.fingerprint) - wanted.keys()
        if gone:
            resources.index.delete(serving.collection, list(gone))
        written = wanted
    logger.error("index does not converge", collection=serving.collection, rounds=MAX_ROUNDS)
    raise IndexNotConverging
