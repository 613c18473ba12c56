"""How the index's collections are named, and who needs which: they are shared by organisations."""

import uuid
from collections.abc import Collection

from sqlalchemy.orm import Session

from shared.categories import text as category_text
from shared.jobs import service as jobs
from shared.jobs import store as job_store
from shared.jobs.kinds import ReindexParams
from shared.organizations import store as organization_store
from shared.registry import store
from shared.transactions import text as transaction_text
from shared.transactions.formats import TextFormat

_SERVING, _EVALUATION = "outlay-", "evaluation-"
_DIGITS = 24  # of the fingerprint


def serving_name(fingerprint: str, texts: TextFormat | None = None) -> str:
    """One collection for equal weights and equal texts; another text format is another collection."""
    formats = f"t{transaction_text.TEXT_VERSION}-c{category_text.TEXT_VERSION}"
    tag = texts.tag if texts else ""
    return f"{_SERVING}{fingerprint[:_DIGITS]}-{formats}{f'-{tag}' if tag else ''}"


def evaluation_name(job_id: uuid.UUID, attempt: int) -> str:
    """The collection of one attempt at an evaluation."""
    return f"{_EVALUATION}{job_id.hex}-{attempt}"


def is_ours(name: str) -> bool:
    """Whether Outlay made the collection: a server may hold those of others."""
    return name.startswith((_SERVING, _EVALUATION))


def is_evaluation_of(name: str, job_ids: Collection[uuid.UUID]) -> bool:
    """Whether an attempt at one of these jobs made the collection."""
    job, _, _ = name.removeprefix(_EVALUATION).rpartition("-")
    return name.startswith(_EVALUATION) and job in {job_id.hex for job_id in job_ids}


def unused(session: Session, names: Collection[str]) -> list[str]:
    """Those of our collections among `names` that no model version and no running evaluation can mean.

    One of a known model in another text format stays: while an upgrade goes on, older processes serve it.
    The names have to be older than the transaction: a collection that is made now may be for a row made now.
    """
    known = {fingerprint[:_DIGITS] for fingerprint in store.fingerprints(session)}
    at_work = {evaluation_name(*attempt) for attempt in job_store.list_running(session)}
    return [
        name
        for name in names
        if (name.startswith(_SERVING) and name.removeprefix(_SERVING).split("-")[0] not in known)
        or (name.startswith(_EVALUATION) and name not in at_work)
    ]


def heal(session: Session, name: str, *, but: uuid.UUID) -> int:
    """Queue a reindex for each organisation but this one that is served from a collection that was lost.

    Whoever has one waiting for the same model gets no other; returns how many were queued.
    """
    if not name.startswith(_SERVING):
        return 0
    digits = name.removeprefix(_SERVING).split("-")[0]
    waiting = {
        (job.organization_id, job.params["model_version_id"])
        for job in job_store.list_queued(session, "reindex")
    }
    live = set(organization_store.list_ids(session, is_deleted=False))
    queued = 0
    for organization_id, version_id in store.active_with(session, digits):
        if organization_id in live - {but} and (organization_id, str(version_id)) not in waiting:
            jobs.submit(session, organization_id, ReindexParams(model_version_id=version_id))
            queued += 1
    return queued
