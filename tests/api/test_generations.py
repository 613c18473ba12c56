"""Starting generations through the API."""

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.main import create_app
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_organization

PLAIN = {"style": "plain", "count": 10}


@pytest.fixture(scope="module")
def with_llm(resources: Resources) -> Iterator[TestClient]:
    """The app of somebody who has set an LLM; nothing here calls it."""
    values = {"llm_base_url": "http://127.0.0.1:9/v1", "llm_model": "scripted"}
    settings = resources.settings.model_copy(update=values)
    with TestClient(create_app(resources=dataclasses.replace(resources, settings=settings))) as running:
        yield running


@pytest.mark.parametrize("style", ["plain", "ambiguous", "adversarial", "paraphrase"])
def test_without_an_llm_the_answer_says_what_to_set(organization: OrganizationClient, style: str) -> None:
    new_category(organization)
    answer = organization.post("/v1/generations", {"style": style, "count": 10})
    assert (answer.status_code, answer.json()["code"]) == (409, "llm-not-configured")
    assert "OUTLAY_LLM_BASE_URL and OUTLAY_LLM_MODEL" in answer.json()["detail"]
    assert organization.get("/v1/jobs?kind=generate").json()["data"] == []


def test_a_generation_is_a_job(with_llm: TestClient) -> None:
    organization = new_organization(with_llm)
    category = new_category(organization)["id"]
    body = {**PLAIN, "category_ids": [category], "choice": "by_need", "max_cost": 1.5, "seed": 3}
    answer = organization.post("/v1/generations", body)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["status"]) == ("generate", "queued")
    assert job["params"] == {**body, "max_tokens": None}


@pytest.mark.parametrize(
    "change",
    [
        {"style": "rude"},
        {"count": 0},
        {"count": 2001},
        {"choice": "none"},
        {"seed": -1},
        {"max_tokens": 0},
        {"max_cost": 0},
        {"base_url": "http://elsewhere.example/v1"},
        {"model": "another"},
        {"category_ids": [str(uuid.uuid4())]},
    ],
)
def test_what_does_not_fit_is_refused(with_llm: TestClient, change: dict[str, Any]) -> None:
    organization = new_organization(with_llm)
    new_category(organization)
    assert organization.post("/v1/generations", PLAIN | change).status_code == 422


def test_a_foreign_or_archived_category_is_unknown(with_llm: TestClient) -> None:
    organization, other = new_organization(with_llm), new_organization(with_llm)
    archived = new_category(organization)["id"]
    new_category(organization)
    organization.delete(f"/v1/categories/{archived}")
    for category in (archived, new_category(other)["id"]):
        answer = organization.post("/v1/generations", PLAIN | {"category_ids": [category]})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown-category")


@pytest.mark.parametrize(
    ("style", "has_category", "code"),
    [
        ("plain", False, "no-categories"),
        ("offline", True, "not-in-the-bundled-chart"),
        ("adversarial", True, "never-evaluated"),
    ],
)
def test_what_is_missing_is_said(with_llm: TestClient, style: str, has_category: bool, code: str) -> None:
    organization = new_organization(with_llm)
    if has_category:
        new_category(organization)
    answer = organization.post("/v1/generations", {"style": style, "count": 10})
    assert (answer.status_code, answer.json()["code"]) == (409, code)


def test_offline_works_without_an_llm(organization: OrganizationClient) -> None:
    new_category(organization, name="Lodging")
    assert organization.post("/v1/generations", {"style": "offline", "count": 10}).status_code == 202
