"""Garbage-collects files, points and collections that nothing in Postgres names any more.

Each function looks at what is there first and asks Postgres afterwards, so that what is made in between is
never taken for a leftover. Removing is idempotent, so several processes may do this at once.
"""

import datetime as dt
import uuid
from collections.abc import Callable

from sqlalchemy import Engine

from shared.engines.artifact_listing import ArtifactEntry, listing
from shared.engines.artifacts import Artifacts
from shared.engines.vectors import CollectionMissing, CollectionUnreadable, VectorIndex
from shared.jobs import store as job_store
from shared.kit.unit_of_work import transaction
from shared.organizations import store as organization_store
from shared.registry import collections
from shared.registry import store as model_store

# A retry within this time finds the upload; a folder that is being written is never so old.
KEPT = dt.timedelta(days=1)


def sweep_uploads(engine: Engine, artifacts: Artifacts) -> int:
    """Remove the uploads of organisations that are gone, and those older than a day that no import needs.

    An import needs its upload until it ends, and for a day after that: it may be retried. Returns how many.
    """
    folders = {folder.key: folder for folder in listing(artifacts, "uploads") if _is_id(folder.key)}
    files = {key: listing(artifacts, f"uploads/{key}") for key in folders}
    with transaction(engine) as session:
        known = set(map(str, organization_store.list_ids(session)))
        needed = {job.params["upload"] for job in job_store.list_open_or_recent(session, "import", kept=KEPT)}
    removed = 0
    for key, folder in folders.items():
        if key not in known:
            folder.remove()
            removed += 1
        else:
            removed += _remove(files[key], lambda entry: entry.name not in needed)
    return removed


def sweep_models(engine: Engine, artifacts: Artifacts) -> int:
    """Remove folders of models and trainings older than a day that no version and no running job names."""
    models, staging = listing(artifacts, "models"), listing(artifacts, "staging")
    with transaction(engine) as session:
        at_work = {f"{job_id}-{attempt}" for job_id, attempt in job_store.list_running(session)}
        named = model_store.list_artifacts(session)
    return _remove(models, lambda entry: entry.name not in named and entry.key not in at_work) + _remove(
        staging, lambda entry: entry.key not in at_work
    )


def sweep_collections(engine: Engine, index: VectorIndex) -> int:
    """Drop the collections that no model version and no running evaluation can mean; how many."""
    names = [name for name in index.collections() if collections.is_ours(name)]
    with transaction(engine) as session:
        unused = collections.unused(session, names)
    for name in unused:
        index.drop_collection(name)
    return len(unused)


def sweep_points(engine: Engine, index: VectorIndex) -> int:
    """Remove the points of organisations that are gone, which a worker wrote after it had been given up.

    Returns in how many places there were some.
    """
    places: list[tuple[str, uuid.UUID]] = []  # collection, organisation
    for name in filter(collections.is_ours, index.collections()):
        try:
            places += [(name, organization_id) for organization_id in index.organizations(name)]
        except (CollectionMissing, CollectionUnreadable):
            continue  # gone by now, or for the next job to make anew
    with transaction(engine) as session:
        known = set(organization_store.list_ids(session))
    strays = [(name, organization_id) for name, organization_id in places if organization_id not in known]
    for name, organization_id in strays:
        index.delete_organization(name, organization_id)
    return len(strays)


def _remove(entries: list[ArtifactEntry], is_leftover: Callable[[ArtifactEntry], bool]) -> int:
    """Remove leftovers that are a day old; hidden entries are half-written or half-removed. How many."""
    old = [entry for entry in entries if entry.age_s > KEPT.total_seconds()]
    leftovers = [entry for entry in old if entry.is_hidden or is_leftover(entry)]
    for entry in leftovers:
        entry.remove()
    return len(leftovers)


def _is_id(key: str) -> bool:
    try:
        return str(uuid.UUID(key)) == key
    except ValueError:
        return False
