"""What nobody names any more goes, and nothing that somebody may still need."""

import datetime as dt
import os
import uuid
from pathlib import Path

from sqlalchemy import text
from starlette.testclient import TestClient

from shared.erasing import garbage_collection
from shared.kit.unit_of_work import transaction
from shared.registry.collections import evaluation_name, serving_name
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from tests.erasing.household import add_job, delete, state_of, work
from tests.erasing.test_service import write_stray
from tests.factories import OrganizationClient, new_organization
from tests.indexing.checks import serving

DAYS_2 = dt.timedelta(days=2).total_seconds()


def put(resources: Resources, name: str, *, is_old: bool = True) -> Path:
    """A folder of a model, or an upload; two days old unless it is new."""
    path = resources.artifacts.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.startswith("uploads"):
        path.write_bytes(b"a\n")
    else:
        path.mkdir()
    if is_old:
        then = path.stat().st_mtime - DAYS_2
        os.utime(path, (then, then))
    return path


def end(resources: Resources, job_id: uuid.UUID, days_ago: float) -> None:
    statement = "UPDATE jobs SET finished_at = now() - :time WHERE id = :id"
    with transaction(resources.engine) as session:
        session.execute(text(statement), {"time": dt.timedelta(days=days_ago), "id": job_id})


def test_uploads_stay_as_long_as_a_retry_may_need_them(
    resources: Resources, organization: OrganizationClient
) -> None:
    paths = {}
    for label, status, days_ago in (
        ("waiting", "queued", None),
        ("at work", "running", None),
        ("failed today", "failed", 0.9),
        ("failed long ago", "failed", 1.1),
        ("done long ago", "succeeded", 1.1),
    ):
        name = f"uploads/{organization.id}/{uuid.uuid4()}"
        paths[label] = put(resources, name)
        job_id = add_job(resources, organization, "import", status, params={"upload": name})
        if days_ago is not None:
            end(resources, job_id, days_ago)
    paths["of a request at work"] = put(resources, f"uploads/{organization.id}/{uuid.uuid4()}", is_old=False)
    paths["of nobody"] = put(resources, f"uploads/{organization.id}/{uuid.uuid4()}")
    paths["half-written"] = put(resources, f"uploads/{organization.id}/.{uuid.uuid4()}.{uuid.uuid4().hex}")
    paths["of one who left"] = put(resources, f"uploads/{uuid.uuid4()}/{uuid.uuid4()}", is_old=False)
    garbage_collection.sweep_uploads(resources.engine, resources.artifacts)
    assert {label for label, path in paths.items() if path.exists()} == {
        *("waiting", "at work", "failed today", "of a request at work")
    }


def test_models_stay_while_a_version_or_a_training_names_them(
    resources: Resources, organization: OrganizationClient
) -> None:
    version_id, training = uuid.uuid4(), add_job(resources, organization, "train", "running")
    kept = {
        "of a version": f"models/{version_id}-2",
        "being saved": f"models/{training}-1",
        "being trained": f"staging/{training}-1",
    }
    gone = {
        "of an attempt that died": f"models/{version_id}-1",
        "of nobody": f"models/{uuid.uuid4()}-1",
        "half-written": f"models/.{version_id}-2.{uuid.uuid4().hex}",
        "of an older attempt": f"staging/{training}-0",
    }
    with transaction(resources.engine) as session:
        fields = {"kind": "fine_tuned", "base_model": "x", "fingerprint": uuid.uuid4().hex * 2, "name": "a"}
        owner = {"organization_id": organization.id, "artifact": kept["of a version"]}
        session.add(ModelVersion(id=version_id, **fields, **owner, parameters={}, metrics={}))
    paths = {label: put(resources, name) for label, name in (kept | gone).items()}
    paths["new"] = put(resources, f"models/{uuid.uuid4()}-1", is_old=False)
    garbage_collection.sweep_models(resources.engine, resources.artifacts)
    assert {label for label, path in paths.items() if path.exists()} == {*kept, "new"}


def test_collections_stay_while_a_version_or_an_evaluation_can_mean_them(
    resources: Resources, leaving: OrganizationClient
) -> None:
    evaluation = add_job(resources, leaving, "evaluate", "running")
    model = serving(resources, leaving)
    kept = [
        model.collection,
        f"{model.collection.rpartition('-t')[0]}-t0-c0",  # served by processes of an older release
        evaluation_name(evaluation, 1),
        f"somebody-elses-{uuid.uuid4().hex}",
    ]
    gone = [serving_name(uuid.uuid4().hex), evaluation_name(evaluation, 0), evaluation_name(uuid.uuid4(), 1)]
    for name in kept + gone:
        resources.index.ensure_collection(name, 384)
    garbage_collection.sweep_collections(resources.engine, resources.index)
    assert {name for name in kept + gone if resources.index.has_collection(name)} == set(kept)
    resources.index.drop_collection(kept[-1])


def test_points_written_after_the_organization_had_gone_go_too(
    client: TestClient, resources: Resources, leaving: OrganizationClient, staying: OrganizationClient
) -> None:
    kept = state_of(resources, staying.id)
    shared = serving(resources, staying).collection
    assert work(resources, delete(client, leaving)) == "succeeded"
    write_stray(resources, shared, leaving.id)
    assert resources.index.count(shared, leaving.id) == 1
    garbage_collection.sweep_points(resources.engine, resources.index)
    assert resources.index.count(shared, leaving.id) == 0
    assert state_of(resources, staying.id) == kept


def test_the_rows_are_read_after_the_index(resources: Resources, leaving: OrganizationClient) -> None:
    """Whoever is in the index had a row before: the other way round a new organisation would look gone."""
    fresh: list[OrganizationClient] = []

    class Interrupted:
        """The real index, with an organisation that comes into being while it is read."""

        def __getattr__(self, name: str) -> object:
            return getattr(resources.index, name)

        def collections(self) -> list[str]:
            if not fresh:
                fresh.append(new_organization(leaving.client))
                write_stray(resources, serving(resources, leaving).collection, fresh[0].id)
            return resources.index.collections()

    garbage_collection.sweep_points(resources.engine, Interrupted())  # type: ignore[arg-type]  # it is a VectorIndex
    assert resources.index.count(serving(resources, leaving).collection, fresh[0].id) == 1
