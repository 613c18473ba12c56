"""Switching a second stage on and off, and registering a hosted one, over HTTP."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from api.main import create_app
from devtools.scripted_reranker import MODEL
from shared.kit.settings import Settings
from shared.resources import Resources
from tests.factories import OrganizationClient, new_organization, run_jobs

UNKNOWN = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"
OFF = {"reranker_version_id": None, "reranker_version": None, "top_n": None}


@pytest.fixture
def hosting(resources: Resources) -> Iterator[OrganizationClient]:
    """An organisation of an app whose settings name a hosted reranker; nobody answers there."""
    values = resources.settings.model_dump() | {
        "rerank_base_url": "http://127.0.0.1:9",
        "rerank_model": MODEL,
    }
    settings = Settings(_env_file=None, **values)
    with TestClient(create_app(resources=replace(resources, settings=settings))) as client:
        yield new_organization(client)


def test_without_a_model_nothing_can_stand_behind_it(hosting: OrganizationClient) -> None:
    assert hosting.get("/v1/reranking").json() == OFF
    reranker = hosting.post("/v1/rerankers", {"name": "hosted"}).json()
    for version_id in (reranker["id"], None):
        answer = hosting.put("/v1/reranking", {"reranker_version_id": version_id})
        assert (answer.status_code, answer.json()["code"]) == (409, "no-active-model")


def test_a_hosted_reranker_is_registered_once_and_switched_on(
    hosting: OrganizationClient, resources: Resources
) -> None:
    answer = hosting.post("/v1/rerankers", {"name": "hosted"})
    assert answer.status_code == 201, answer.text
    reranker = answer.json()
    assert (reranker["kind"], reranker["base_model"], reranker["is_active"]) == (
        "hosted_reranker",
        MODEL,
        False,
    )
    assert hosting.post("/v1/rerankers", {"name": "hosted"}).json()["code"] == "model-name-taken"
    [base] = [model for model in hosting.get("/v1/models").json()["data"] if model["kind"] == "base"]
    hosting.post(f"/v1/models/{base['id']}/activate")
    run_jobs(resources, hosting)
    on = {"reranker_version_id": reranker["id"], "reranker_version": "hosted", "top_n": 10}
    for _ in range(2):
        answer = hosting.put("/v1/reranking", {"reranker_version_id": reranker["id"]})
        assert (answer.status_code, answer.json()) == (200, on)
    assert hosting.get("/v1/reranking").json() == on
    wrong = hosting.put("/v1/reranking", {"reranker_version_id": base["id"]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "no-reranker")
    assert hosting.put("/v1/reranking", {"reranker_version_id": UNKNOWN}).json()["code"] == "model-not-found"
    assert hosting.get("/v1/reranking").json() == on
    assert hosting.put("/v1/reranking", {"reranker_version_id": None}).json() == OFF


@pytest.mark.parametrize("top_n", [1, 51, 2.5, "10", None])
def test_a_number_that_makes_no_sense_is_a_422(organization: OrganizationClient, top_n: object) -> None:
    answer = organization.put("/v1/reranking", {"reranker_version_id": UNKNOWN, "top_n": top_n})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/top_n")


def test_who_may_only_read_switches_nothing(organization: OrganizationClient) -> None:
    reader = organization.with_key("read")
    assert reader.get("/v1/reranking").json() == OFF
    assert reader.put("/v1/reranking", {"reranker_version_id": None}).status_code == 403
    assert reader.post("/v1/rerankers", {"name": "hosted"}).status_code == 403


def test_settings_without_a_hosted_reranker_say_what_to_set(organization: OrganizationClient) -> None:
    answer = organization.post("/v1/rerankers", {"name": "hosted"})
    assert (answer.status_code, answer.json()["code"]) == (409, "reranker-not-configured")
    assert "OUTLAY_RERANK_BASE_URL" in answer.json()["detail"]
