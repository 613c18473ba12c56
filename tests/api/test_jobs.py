"""Jobs over HTTP, and their stream of states."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api import job_events
from api.connections import Connections
from api.schemas.jobs import JobProgressOut
from shared.jobs import store
from shared.jobs.states import Transition
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient, new_category


@pytest.fixture
def job(organization: OrganizationClient) -> dict[str, Any]:
    """A queued job."""
    new_category(organization)
    [queued] = organization.get("/v1/jobs").json()["data"]
    assert isinstance(queued, dict)
    return queued


def test_a_job_is_cancelled_retried_and_listed(organization: OrganizationClient, job: dict[str, Any]) -> None:
    path = f"/v1/jobs/{job['id']}"
    assert set(job) == {
        *("id", "parent_id", "kind", "status", "progress", "result", "error", "attempt", "params"),
        *("created_at", "started_at", "finished_at"),
    }
    assert organization.post(f"{path}/retry").json()["code"] == "job-not-retryable"
    assert organization.post(f"{path}/cancel").json()["status"] == "cancelled"
    assert organization.post(f"{path}/cancel").status_code == 409
    assert organization.get("/v1/jobs?status=cancelled").json()["data"][0]["id"] == job["id"]
    assert organization.get("/v1/jobs?status=queued").json()["data"] == []
    assert organization.post(f"{path}/retry").json()["status"] == "queued"
    assert organization.get(path).json()["finished_at"] is None


def test_the_stream_of_a_finished_job_is_its_last_state(
    organization: OrganizationClient, job: dict[str, Any]
) -> None:
    cancelled = organization.post(f"/v1/jobs/{job['id']}/cancel").json()
    response = organization.get(f"/v1/jobs/{job['id']}/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = response.text.strip().splitlines()
    assert lines[0] == "event: job"
    assert json.loads(lines[1].removeprefix("data: ")) == cancelled
    assert "\n\n" not in response.text.strip()


def test_a_stream_tells_each_change_and_ends_with_the_job(
    organization: OrganizationClient, engine: Engine, job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "POLL_SECONDS", 0.01)
    job_id = uuid.UUID(job["id"])

    async def follow() -> list[tuple[str, Any]]:
        connections = Connections(engine, 1)
        first = await job_events.read_job(connections, organization.id, job_id)
        seen: list[tuple[str, Any]] = []
        async for state in job_events.states(connections, organization.id, job_id, first):
            seen.append((state.status, state.progress))
            assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # it is a QueuePool
            with transaction(engine) as session:
                if state.status == "queued":
                    store.claim(session, job_id, 60)
                elif state.progress is None:
                    store.renew_lease(session, job_id, 1, 60, {"done": 1, "total": 2, "note": "half"})
                elif state.status == "running":
                    store.end_attempt(session, Transition.SUCCEED, job_id, 1)
        return seen

    half = JobProgressOut(done=1, total=2, note="half")
    expected = [("queued", None), ("running", None), ("running", half), ("succeeded", half)]
    assert anyio.run(follow) == expected


def test_more_requests_at_once_than_connections_all_succeed(
    client: TestClient, organization: OrganizationClient
) -> None:
    new_category(organization)

    def ask(_: int) -> int:
        return client.get("/v1/categories", headers=organization.headers).status_code

    with ThreadPoolExecutor(40) as threads:
        assert set(threads.map(ask, range(200))) == {200}


def test_metrics_count_requests_by_route_and_jobs_by_kind(
    client: TestClient, organization: OrganizationClient, job: dict[str, Any]
) -> None:
    organization.get(f"/v1/jobs/{job['id']}")
    client.request("BREW", "/nowhere/at/all")
    text = client.get("/metrics").text
    assert (
        'outlay_http_request_duration_seconds_count{method="GET",route="/v1/jobs/{job_id}",status="200"}'
        in text
    )
    assert 'method="OTHER",route="unmatched",status="404"' in text
    assert 'outlay_jobs{kind="sync_index",status="queued"}' in text
    assert 'outlay_queue_age_seconds{kind="sync_index"}' in text
    assert "outlay_database_up 1.0" in text
    assert job["id"] not in text
