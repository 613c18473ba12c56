"""An organisation with a row in every table, points in several collections and files in every folder."""

import datetime as dt
import json
import uuid
from typing import Any

from sqlalchemy import select
from starlette.testclient import TestClient

from shared.candidates.tables import CandidateDecision
from shared.datasets.tables import Dataset, DatasetItem
from shared.erasing import service as erasing
from shared.jobs import store as job_store
from shared.jobs.handlers import bind, load_handlers
from shared.jobs.run import Lease, execute
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from shared.registry.collections import evaluation_name
from shared.registry.reports import EvaluationMetrics
from shared.registry.tables import Evaluation, EvaluationRow, ModelVersion
from shared.resources import Resources
from tests.factories import (
    ROOT_KEY,
    OrganizationClient,
    new_candidates,
    new_category,
    new_organization,
    new_transaction,
)
from tests.indexing.checks import activate, labelled, tuned

ROOT = {"Authorization": f"Bearer {ROOT_KEY}"}
State = dict[str, Any]


def furnish(client: TestClient, machines: Resources) -> OrganizationClient:
    """A new organisation that has something of everything."""
    organization = new_organization(client)
    organization.post("/v1/categories", {"name": "Meals"}, headers={"Idempotency-Key": "the same for all"})
    category = new_category(organization, name="Lodging")
    labelled(organization, category["id"], merchant_name="Marriott")
    labelled(organization, category["id"], merchant_name="Hilton")
    new_transaction(organization)
    organization.post("/v1/transactions/next", {"reviewer": "Jane"})
    activate(organization, machines)
    activate(organization, machines, tuned(machines.engine, organization, "in a collection of its own"))
    organization.with_key("read")
    _add_rows(machines, organization, uuid.UUID(category["id"]))
    _add_files(machines, organization)
    return organization


def _add_rows(machines: Resources, organization: OrganizationClient, category_id: uuid.UUID) -> None:
    """What only long jobs make."""
    owner = {"organization_id": organization.id}
    model_id = uuid.UUID(organization.get("/v1/models").json()["data"][0]["id"])
    [candidate_id] = new_candidates(machines.engine, organization, 1, category_id=category_id)
    with transaction(machines.engine) as session:
        frozen = {"name": "frozen", "seed": 0, "frozen_at": dt.datetime.now(dt.UTC), "job_id": uuid.uuid4()}
        dataset = Dataset(**owner, **frozen, parameters={}, counts={}, categories={})
        session.add(dataset)
        session.add(
            CandidateDecision(**owner, candidate_id=candidate_id, decision="skip", actor="x", changes={})
        )
        session.flush()
        ids = {"dataset_id": dataset.id, "transaction_id": uuid.uuid4(), "category_id": category_id}
        item = DatasetItem(**owner, **ids, split="eval", fields={})
        evaluation = Evaluation(
            **owner,
            dataset_id=dataset.id,
            model_version_id=model_id,
            split="eval",
            metrics=EvaluationMetrics(n=0, recall={}, mrr={}),
            per_category={},
            job_id=uuid.uuid4(),
        )
        session.add_all([item, evaluation])
        session.flush()
        session.add(EvaluationRow(**owner, evaluation_id=evaluation.id, dataset_item_id=item.id))


def _add_files(machines: Resources, organization: OrganizationClient) -> None:
    """A model and what dead attempts left: a model, a trainer's folder, an evaluation's collection."""
    train, evaluate = (add_job(machines, organization, kind) for kind in ("train", "evaluate"))
    root = machines.artifacts.root
    for name in (f"models/{train}-1", f"models/.{train}-2.{uuid.uuid4().hex}", f"staging/{train}-1"):
        (root / name).mkdir(parents=True)
        (root / name / "model.safetensors").write_bytes(b"weights")
    with transaction(machines.engine) as session:
        fields = {"kind": "fine_tuned", "base_model": "x", "parameters": {}, "metrics": {}}
        names = {"fingerprint": uuid.uuid4().hex * 2, "artifact": f"models/{train}-1", "name": "on disk"}
        session.add(ModelVersion(id=train, organization_id=organization.id, **fields, **names))
    machines.index.ensure_collection(evaluation_name(evaluate, 1), 384)
    form = {"format": "csv", "mapping": json.dumps({"merchant_name": "merchant"})}
    upload = organization.post("/v1/imports", data=form, files={"file": ("a.csv", b"merchant\nUber\n")})
    assert upload.status_code == 202, upload.text


def add_job(
    machines: Resources, organization: OrganizationClient, kind: str, status: str = "failed", **values: Any
) -> uuid.UUID:
    """A job's row as an attempt left it; its id."""
    job = Job(
        organization_id=organization.id,
        kind=kind,
        queue="default",
        priority=3,
        status=status,
        attempt=1,
        **{"max_attempts": 3, "params": {}, **values},
    )
    with transaction(machines.engine) as session:
        session.add(job)
        session.flush()
        return job.id


def state_of(machines: Resources, organization_id: uuid.UUID) -> State:
    """Every row, point and file of an organisation, by table, collection or path; without empty ones."""
    state: State = {}
    with transaction(machines.engine) as session:
        for table in erasing.owned_tables():
            query = select(table).where(table.c.organization_id == organization_id)
            state[table.name] = sorted(map(repr, session.execute(query)))
    for name in machines.index.collections():
        state[name] = sorted(machines.index.digests(name, organization_id))
    jobs = state["jobs"]
    models = state["model_versions"]
    for path in sorted(machines.artifacts.root.rglob("*")):
        known = path.name.lstrip(".")[:36]
        if path.is_file() and str(organization_id) in str(path):
            state[str(path)] = path.read_bytes()
        elif path.is_dir() and len(known) == 36 and any(known in row for row in jobs + models):
            state[str(path)] = [inner.name for inner in path.iterdir()]
    return {name: contents for name, contents in state.items() if contents}


def delete(client: TestClient, organization: OrganizationClient) -> uuid.UUID:
    """Ask for the deletion; the id of its job."""
    answer = client.delete(f"/v1/organizations/{organization.id}", headers=ROOT)
    assert answer.status_code == 202, answer.text
    assert answer.json()["deleted_at"] is not None
    return erasing_job(client.app.state.resources, organization)  # type: ignore[attr-defined]  # the FastAPI app


def erasing_job(machines: Resources, organization: OrganizationClient) -> uuid.UUID:
    """The id of the one job that erases the organisation."""
    with transaction(machines.engine) as session:
        query = select(Job.id).where(
            Job.organization_id == organization.id, Job.kind == "delete_organization"
        )
        return session.scalars(query).one()


def work(machines: Resources, job_id: uuid.UUID) -> str | None:
    """One attempt at erasing."""
    work_of = bind(load_handlers(), machines)
    return execute(machines.engine, job_id, work_of, Lease(60, 10))


def expire(machines: Resources, job_id: uuid.UUID) -> None:
    """What the relay does once the lease of a killed worker has run out."""
    with transaction(machines.engine) as session:
        job = session.get_one(Job, job_id)
        job.lease_until = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        session.flush()
        job_store.expire_leases(session, {})
