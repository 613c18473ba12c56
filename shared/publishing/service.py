"""Import models from a hub or a folder, and push models to a hub."""

import uuid
from pathlib import Path

from sqlalchemy.orm import Session

from shared.engines.artifacts import CARD, MANIFEST
from shared.engines.hub import Hub, HubTokenMissing
from shared.jobs import service as jobs
from shared.jobs.kinds import ImportModelParams, PushModelParams
from shared.jobs.run import Effects, Run
from shared.jobs.tables import Job
from shared.kit.errors import Conflict
from shared.kit.pydantic_json import JSONModel
from shared.publishing import model_folders, smoke_test
from shared.registry import cards
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.model_jobs import run_and_register
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from shared.transactions.formats import TextFormat


class PushResult(JSONModel):
    """The result of a job of kind `push_model`."""

    repository: str
    commit: str
    url: str


class NothingToPush(Conflict):
    code = "nothing-to-push"
    message = (
        "This model has no files of its own here: it is a published model, or one that is called over HTTP."
    )


def submit_import(
    session: Session,
    organization_id: uuid.UUID,
    params: ImportModelParams,
    *,
    models_dir: Path | None,
    request_id: str | None = None,
) -> Job:
    """Queue an import: from the hub with a revision, from a folder below `models_dir` without one.

    Raises:
        ModelNameTaken: another version has the name.
        FoldersClosed, BadSource: there is no revision, and the source names no folder that is open.
    """
    registry.check_name(session, organization_id, params.name)
    if params.revision is None:
        model_folders.resolve(models_dir, params.source)
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
    run: Run, params: ImportModelParams, resources: Resources, hub: Hub | None = None
) -> Effects:
    """Fetch or copy the model's files, check that the model works, and register it as a version.

    Raises:
        NotOnHub, HubRefused, HubUnreachable, HubOffline, ModelTooLarge: see `Hub.fetch`.
        FoldersClosed, BadSource, UnsafeModel, UnknownModel: see `model_folders.copy`.
        ModelUnusable, DimensionTooLong: the files do not work as the kind of model that was named.
    """

    def produce(folder: Path) -> ModelVersion:
        folder.mkdir(parents=True)
        if params.revision is None:
            model_folders.copy(
                model_folders.resolve(resources.settings.models_dir, params.source), folder, run.progress
            )
        else:
            (hub or _hub(resources)).fetch(params.source, params.revision, folder, run.progress)
        dimensions = smoke_test.dimensions_of(folder, params.kind, params.matryoshka_dimensions)
        return ModelVersion(
            id=run.job_id,
            organization_id=run.organization_id,
            name=params.name,
            kind="imported" if params.kind == "bi_encoder" else "reranker",
            base_model=params.source,
            base_model_revision=params.revision,
            parameters={**params.model_dump(mode="json"), "texts": TextFormat().as_dict()},
            metrics={"dimensions": list(dimensions)},
            job_id=run.job_id,
        )

    return run_and_register(run, resources.artifacts, produce)


def push_model(run: Run, params: PushModelParams, resources: Resources, hub: Hub | None = None) -> Effects:
    """Send the version's files, with its current card, to a repository on the hub.

    Raises:
        ArtifactMissing, ArtifactCorrupt: files are missing or have changed.
        HubTokenMissing, RepositoryIsPublic, NotOnHub, HubRefused, HubUnreachable, HubOffline: see `Hub.push`.
    """
    with run.reading() as session:
        version = model_store.get(session, run.organization_id, params.model_version_id)
        card = cards.read(session, run.organization_id, params.model_version_id)
    if version.artifact is None:
        raise NothingToPush
    resources.artifacts.verify(version.artifact)
    folder = resources.artifacts.path(version.artifact)
    files: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in {folder / CARD, folder / MANIFEST}
    }
    files[CARD] = card.markdown().encode()
    hub = hub or _hub(resources)
    pushed = hub.push(params.repository, files, is_private=params.is_private, on_progress=run.progress)
    result = PushResult(repository=params.repository, commit=pushed.commit, url=pushed.url)
    return lambda _: result.model_dump(mode="json")


def _hub(resources: Resources) -> Hub:
    return Hub(resources.settings.hub_token)
