"""An organisation may have so many jobs waiting and no more, so that its neighbours get their turn."""

from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from api.deps import JobRoom
from api.main import create_app
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction

ROOM = 2


@pytest.fixture(scope="module")
def narrow(resources: Resources) -> Iterator[TestClient]:
    """The app with little room."""
    settings = resources.settings.model_copy(update={"max_queued_jobs": ROOM})
    with TestClient(create_app(resources=replace(resources, settings=settings))) as client:
        yield client


@pytest.fixture
def busy(narrow: TestClient) -> OrganizationClient:
    """An organisation that has all the jobs it may have."""
    organization = new_organization(narrow)
    for _ in range(ROOM):
        assert start_job(organization).status_code == 202
    return organization


def start_job(organization: OrganizationClient) -> httpx2.Response:
    """One more job, whose kind does not matter."""
    [base] = organization.get("/v1/models").json()["data"]
    return organization.post(f"/v1/models/{base['id']}/activate")


def test_one_job_too_many_is_a_429_until_another_has_ended(busy: OrganizationClient) -> None:
    refused = start_job(busy)
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-jobs")
    assert int(refused.headers["Retry-After"]) > 0
    first = busy.get("/v1/jobs").json()["data"][0]
    assert busy.post(f"/v1/jobs/{first['id']}/cancel").status_code == 200
    assert start_job(busy).status_code == 202
    assert busy.post(f"/v1/jobs/{first['id']}/retry").status_code == 429


def test_a_request_that_was_answered_is_answered_again_without_room(narrow: TestClient) -> None:
    organization = new_organization(narrow)
    [base] = organization.get("/v1/models").json()["data"]
    path, headers = f"/v1/models/{base['id']}/activate", {"Idempotency-Key": "first"}
    first = organization.post(path, headers=headers)
    assert [start_job(organization).status_code for _ in range(ROOM)] == [202, 429]
    again = organization.post(path, headers=headers)
    assert (again.status_code, again.content) == (202, first.content)


def test_others_have_room_of_their_own(busy: OrganizationClient) -> None:
    other = new_organization(busy.client)
    assert start_job(other).status_code == 202


def test_what_changes_cause_by_themselves_is_not_counted(narrow: TestClient) -> None:
    organization = new_organization(narrow)
    category = new_category(organization)["id"]
    for _ in range(2 * ROOM):
        row = new_transaction(organization)["id"]
        assert organization.put(f"/v1/transactions/{row}/label", {"category_id": category}).status_code == 200
    assert len(organization.get("/v1/jobs?status=queued").json()["data"]) > ROOM
    assert start_job(organization).status_code == 202


def test_every_route_that_starts_a_job_looks_for_room(client: TestClient) -> None:
    without, counted = [], 0
    for route in iter_route_contexts(client.app.routes):  # type: ignore[attr-defined]  # it is the FastAPI app
        path = route.path or ""
        if "POST" in (route.methods or ()) and (route.status_code == 202 or path.endswith("/retry")):
            counted += 1
            if JobRoom.dependency not in {dependency.dependency for dependency in route.dependencies}:
                without.append(path)
    assert without == []
    assert counted >= 8
