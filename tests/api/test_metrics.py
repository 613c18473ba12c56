"""What Prometheus reads at the API: the real application over real rows."""

import uuid
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from api.main import create_app
from shared.jobs import run, store
from shared.jobs import service as jobs
from shared.jobs.exceptions import WorkerLost
from shared.jobs.kinds import KINDS, QUEUES, ReindexParams, SyncIndexParams
from shared.jobs.states import JobStatus
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction, run_jobs
from tests.silence import silent_port

# `code` is the relay's, whose measures are in the registry too where another test has loaded it.
LABELS = {"method", "route", "status", "kind", "queue", "mended", "code", "le", "version", "implementation"}


def scrape(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Value by name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(client: TestClient, name: str, **labels: str) -> float:
    return scrape(client)[name, frozenset(labels.items())]


def submit(engine: Engine, organization: OrganizationClient, **values: Any) -> uuid.UUID:
    with transaction(engine) as session:
        params = SyncIndexParams()
        job = jobs.submit(session, organization.id, params)
        for name, given in values.items():
            setattr(job, name, given)
        return job.id


def reconcile(
    engine: Engine, organization: OrganizationClient, result: dict[str, int], *, rebuild: bool = False
) -> None:
    """A reindex that ended with this result."""
    with transaction(engine) as session:
        params = ReindexParams(model_version_id=uuid.uuid4(), rebuild=rebuild)
        job = jobs.submit(session, organization.id, params)
        job.status, job.result = JobStatus.SUCCEEDED, {"points": 9, **result}


@pytest.fixture
def empty(engine: Engine, client: TestClient) -> OrganizationClient:
    """An organisation, and no job at all."""
    organization = new_organization(client)
    with transaction(engine) as session:
        session.execute(text("DELETE FROM jobs"))
    return organization


def test_requests_are_counted_by_route_and_status(client: TestClient, empty: OrganizationClient) -> None:
    for _ in range(3):
        empty.get(f"/v1/transactions/{uuid.uuid4()}")
    client.get("/no/such/path")
    count = "outlay_http_request_duration_seconds_count"
    route = "/v1/transactions/{transaction_id}"
    assert value(client, count, method="GET", route=route, status="404") == 3
    assert value(client, count, method="GET", route="unmatched", status="404") >= 1


def test_jobs_are_counted_by_kind_and_status_and_queues_have_an_age(
    client: TestClient, engine: Engine, empty: OrganizationClient
) -> None:
    assert value(client, "outlay_queue_waiting_seconds", queue="embedding") == 0
    first = submit(engine, empty)
    submit(engine, empty)
    with transaction(engine) as session:
        hour = text("UPDATE jobs SET created_at = now() - interval '1 hour' WHERE id = :id")
        session.execute(hour, {"id": first})
        half = text("UPDATE jobs SET available_at = now() - interval '30 minutes' WHERE id = :id")
        session.execute(half, {"id": first})
    assert value(client, "outlay_jobs", kind="sync_index", status="queued") == 2
    assert 3600 <= value(client, "outlay_queue_age_seconds", kind="sync_index") < 4000
    assert 1800 <= value(client, "outlay_queue_waiting_seconds", queue="embedding") < 2200
    assert {
        dict(labels)["queue"] for name, labels in scrape(client) if name == "outlay_queue_waiting_seconds"
    } == set(QUEUES)


def test_a_job_that_is_put_off_does_not_make_its_queue_old(
    client: TestClient, engine: Engine, empty: OrganizationClient
) -> None:
    submit(engine, empty)
    with transaction(engine) as session:
        session.execute(text("UPDATE jobs SET available_at = now() + interval '1 hour'"))
    assert value(client, "outlay_queue_waiting_seconds", queue="embedding") == 0


def test_lost_leases_are_counted_by_kind(
    client: TestClient, engine: Engine, empty: OrganizationClient
) -> None:
    job = submit(engine, empty)
    for _ in range(2):
        with transaction(engine) as session:
            assert store.claim(session, job, lease_s=-1) is not None
        with transaction(engine) as session:
            assert store.expire_leases(session, WorkerLost().as_dict()) == [(job, "queued")]
    assert value(client, "outlay_job_leases_lost", kind="sync_index") == 2


def test_index_drift_is_what_the_last_reconcile_of_each_organisation_mended(
    client: TestClient, engine: Engine, empty: OrganizationClient
) -> None:
    assert value(client, "outlay_index_reconciled_organizations") == 0
    assert value(client, "outlay_index_drift_points", mended="written") == 0
    other = new_organization(client)
    reconcile(engine, empty, {"written": 100, "removed": 100})
    reconcile(engine, empty, {"written": 3, "removed": 1})
    reconcile(engine, empty, {"written": 500, "removed": 0}, rebuild=True)
    reconcile(engine, other, {"written": 4, "removed": 0})
    assert value(client, "outlay_index_drift_points", mended="written") == 7
    assert value(client, "outlay_index_drift_points", mended="removed") == 1
    assert value(client, "outlay_index_reconciled_organizations") == 2


def test_a_real_reconcile_shows_as_drift(
    client: TestClient, resources: Resources, empty: OrganizationClient
) -> None:
    category = new_category(empty)["id"]
    row = new_transaction(empty)["id"]
    empty.put(f"/v1/transactions/{row}/label", {"category_id": category})
    [base] = empty.get("/v1/models").json()["data"]
    empty.post(f"/v1/models/{base['id']}/activate")
    run_jobs(resources, empty)
    [version] = [model for model in empty.get("/v1/models").json()["data"] if model["is_active"]]
    collection = _collection(resources, empty)
    resources.index.delete_organization(collection, empty.id)
    assert empty.post("/v1/reindex", {"model_version_id": version["id"]}).status_code == 202
    run_jobs(resources, empty)
    assert value(client, "outlay_index_drift_points", mended="written") == 2


def _collection(resources: Resources, organization: OrganizationClient) -> str:
    from shared.registry.serving import get_active

    with transaction(resources.engine) as session:
        return get_active(session, organization.id).collection


def test_encoding_is_counted_in_texts_and_calls(client: TestClient, resources: Resources) -> None:
    from shared.engines.encoder_cache import ModelRef

    before = scrape(client)
    resources.encoders.get(ModelRef("all-MiniLM-L6-v2")).encode(["one", "two", "three"])
    after = scrape(client)

    def grown(name: str, **labels: str) -> float:
        key = name, frozenset(labels.items())
        return after[key] - before[key]

    assert grown("outlay_encode_texts_count") == 1
    assert grown("outlay_encode_texts_sum") == 3
    assert grown("outlay_encode_texts_bucket", le="2.0") == 0
    assert grown("outlay_encode_texts_bucket", le="4.0") == 1
    assert grown("outlay_encode_duration_seconds_count") == 1


def test_attempts_are_counted_by_kind_and_what_became_of_them(
    client: TestClient, engine: Engine, empty: OrganizationClient
) -> None:
    job = submit(engine, empty)
    labels = {"kind": "sync_index", "status": "succeeded"}
    key = "outlay_job_duration_seconds_count", frozenset(labels.items())
    before = scrape(client).get(key, 0)
    lease = run.Lease(60, 10)
    assert run.execute(engine, job, lambda _: lambda *_: lambda _: {}, lease) == "succeeded"
    assert scrape(client)[key] == before + 1


def test_labels_are_bounded(client: TestClient, empty: OrganizationClient) -> None:
    """No label takes what a caller chooses, and none is an organisation."""
    client.request("BREW", "/v1/jobs")
    for name, labels in scrape(client):
        assert {key for key, _ in labels} <= LABELS, name
        assert not {label for _, label in labels} & {str(empty.id), "BREW"}
        assert dict(labels).get("kind", "import") in KINDS


@pytest.mark.timeout(60)
def test_a_silent_database_leaves_the_rest(settings: Settings) -> None:
    from shared import bootstrap

    with silent_port() as port:
        url = f"postgresql://outlay@127.0.0.1:{port}/outlay"
        resources = bootstrap.build(settings.model_copy(update={"database_url": url}))
        with TestClient(create_app(resources=resources)) as client:
            samples = scrape(client)
        resources.close()
    assert samples["outlay_database_up", frozenset()] == 0
    assert ("outlay_encode_texts_count", frozenset()) in samples
    assert not any(name == "outlay_jobs" for name, _ in samples)
