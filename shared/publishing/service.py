"""Models that come in from a hub or a folder, and models that go out to a hub."""

import uuid
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from shared.engines.artifacts import CARD, MANIFEST, Artifacts
from shared.engines.hub import Hub, HubTokenMissing
from shared.jobs import service as jobs
from shared.jobs.kinds import ImportModelParams, PushModelParams
from shared.jobs.run import Finish, Run
from shared.jobs.tables import Job
from shared.kit.errors import Conflict
from shared.publishing import model_folders
from shared.publishing.smoke_test import dimensions_of
from shared.registry import cards
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.tables import ModelVersion
from shared.transactions.formats import TextFormat

STAGING = "staging"


class NothingToPush(Conflict):
    code = "nothing-to-push"
    message = (
        "This model has no files of its own here: it is a published one, or one that is asked over HTTP."
    )


def submit_import(
    session: Session,
    organization_id: uuid.UUID,
    params: ImportModelParams,
    *,
    models_dir: Path | None,
    request_id: str | None = None,
) -> Job:
    """Queue an import: with a revision from the hub, without one from a folder below `models_dir`.

    Raises:
        ModelNameTaken: another version has the name.
        FoldersClosed, BadSource: there is no revision, and no such folder can be meant.
    """
    registry.check_name(session, organization_id, params.name)
    if params.revision is None:
        model_folders.named(models_dir, params.source)
    return jobs.submit(session, organization_id, params, request_id=request_id)


def submit_push(
    session: Session,
    organization_id: uuid.UUID,
    params: PushModelParams,
    *,
    has_token: bool,
    request_id: str | None = None,
) -> Job:
    """Queue a push.

    Raises:
        ModelNotFound: not the organisation's.
        NothingToPush: it has no weights of its own.
        HubTokenMissing: no token is set.
    """
    version = model_store.get(session, organization_id, params.model_version_id)
    if version.artifact is None:
        raise NothingToPush
    if not has_token:
        raise HubTokenMissing
    return jobs.submit(session, organization_id, params, request_id=request_id)


def import_model(
    run: Run, params: ImportModelParams, artifacts: Artifacts, hub: Hub, models_dir: Path | None
) -> Finish:
    """Copy the model's files into the artifacts, see that they load, and register a version.

    Its id is the job's, and each attempt has an artifact of its own, as with a training.

    Raises:
        NotOnHub, HubRefused, HubUnreachable, HubOffline, ModelTooLarge: see `Hub.fetch`.
        FoldersClosed, BadSource, UnsafeModel, UnknownModel: see `folders.copy`.
        ModelUnusable, DimensionTooLong: what came does not work as what it was said to be.
    """
    for attempt in range(1, run.attempt):  # what they left when they died
        artifacts.delete(f"{STAGING}/{run.job_id}-{attempt}")
        artifacts.delete(f"models/{run.job_id}-{attempt}")
    staged, name = f"{STAGING}/{run.job_id}-{run.attempt}", f"models/{run.job_id}-{run.attempt}"
    folder = artifacts.path(staged)
    version = _version(run, params)
    try:
        folder.mkdir(parents=True)
        if params.revision is None:
            model_folders.copy(model_folders.named(models_dir, params.source), folder, run.progress)
        else:
            hub.fetch(params.source, params.revision, folder, run.progress)
        version.metrics = {
            "dimensions": list(dimensions_of(folder, params.kind, params.matryoshka_dimensions))
        }
        cards.write(folder, version, None)
        version.artifact, version.fingerprint = name, artifacts.save(name, folder)
    finally:
        artifacts.delete(staged)

    def finish(session: Session) -> dict[str, Any]:
        model_store.add(session, version)
        return {"model_version_id": str(version.id)}

    return finish


def push_model(run: Run, params: PushModelParams, artifacts: Artifacts, hub: Hub) -> Finish:
    """Send the version's files with its card of now to a repository of the hub.

    Raises:
        ArtifactMissing, ArtifactCorrupt: the files are not what they were.
        HubTokenMissing, RepositoryIsPublic, NotOnHub, HubRefused, HubUnreachable, HubOffline: see `Hub.push`.
    """
    with run.reading() as session:
        version = model_store.get(session, run.organization_id, params.model_version_id)
        card = cards.of(session, run.organization_id, params.model_version_id)
    if version.artifact is None:
        raise NothingToPush
    artifacts.verify(version.artifact)
    folder = artifacts.path(version.artifact)
    files: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in {folder / CARD, folder / MANIFEST}
    }
    files[CARD] = card.encode()
    pushed = hub.push(params.repository, files, is_private=params.is_private, on_progress=run.progress)
    return lambda _: {"repository": params.repository, "commit": pushed.commit, "url": pushed.url}


def _version(run: Run, params: ImportModelParams) -> ModelVersion:
    """What is registered, but for its files and what they say."""
    return ModelVersion(
        id=run.job_id,
        organization_id=run.organization_id,
        name=params.name,
        kind="imported" if params.kind == "bi_encoder" else "reranker",
        base_model=params.source,
        base_model_revision=params.revision,
        parameters={**params.model_dump(mode="json"), "texts": TextFormat().as_dict()},
        metrics={},
        job_id=run.job_id,
    )
