"""From labels to a dataset, an evaluation and an active model, over HTTP."""

from typing import Any

import pytest

from shared.resources import Resources
from tests.factories import (
    OrganizationClient,
    new_category,
    new_labelled,
    new_organization,
    run_jobs,
)

UNKNOWN = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"
MERCHANTS = {"Lodging": ("Marriott", "Hilton", "Hyatt"), "Software": ("GitHub", "GitLab", "Figma")}


def label_some(organization: OrganizationClient) -> None:
    """Two categories with nine labelled transactions each."""
    for name, merchants in MERCHANTS.items():
        rows = [{"merchant_name": merchant, "merchant_category": [name]} for merchant in merchants * 3]
        new_labelled(organization, new_category(organization, name=name)["id"], rows)


def base_of(organization: OrganizationClient) -> dict[str, Any]:
    """The organisation's base model."""
    [base] = organization.get("/v1/models").json()["data"]
    assert isinstance(base, dict)
    return base


def submitted(response: Any, kind: str) -> dict[str, Any]:
    """The job that a 202 answers with."""
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json()
    assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["status"]) == (kind, "queued")
    return job


@pytest.fixture
def frozen(organization: OrganizationClient, resources: Resources) -> dict[str, Any]:
    """A dataset of eighteen rows."""
    label_some(organization)
    ratios = {"train": 0.5, "test": 0.25, "eval": 0.25}
    body = {"name": "May", "seed": 7, "ratios": ratios, "remove_duplicates": False}
    job = submitted(organization.post("/v1/datasets", body), "freeze_dataset")
    assert run_jobs(resources, organization)["freeze_dataset"] == ["succeeded"]
    dataset_id = organization.get(f"/v1/jobs/{job['id']}").json()["result"]["dataset_id"]
    dataset: dict[str, Any] = organization.get(f"/v1/datasets/{dataset_id}").json()
    return dataset


def test_a_dataset_is_frozen_and_paged(organization: OrganizationClient, frozen: dict[str, Any]) -> None:
    assert (frozen["name"], frozen["seed"], frozen["category_count"]) == ("May", 7, 2)
    assert sum(frozen["counts"].values()) == 18
    assert organization.get("/v1/datasets").json()["data"] == [frozen]
    items = organization.get(f"/v1/datasets/{frozen['id']}/items?split=eval&limit=200").json()["data"]
    assert len(items) == frozen["counts"]["eval"] > 0
    assert {item["split"] for item in items} == {"eval"}
    assert "merchant_name" in items[0]["fields"]


@pytest.mark.parametrize(
    "ratios", [{"train": 0.5, "test": 0.5, "eval": 0.5}, {"train": 2}, {"train": 0, "test": 0.5, "eval": 0.5}]
)
def test_ratios_that_make_no_whole_are_a_422(
    organization: OrganizationClient, ratios: dict[str, float]
) -> None:
    assert organization.post("/v1/datasets", {"name": "a", "ratios": ratios}).status_code == 422


def test_a_model_is_evaluated_row_by_row(
    organization: OrganizationClient, resources: Resources, frozen: dict[str, Any]
) -> None:
    base = base_of(organization)
    body = {"dataset_id": frozen["id"], "model_version_id": base["id"]}
    job = submitted(organization.post("/v1/evaluations", body), "evaluate")
    assert run_jobs(resources, organization)["evaluate"] == ["succeeded"]
    done = organization.get(f"/v1/jobs/{job['id']}").json()
    evaluation = organization.get(f"/v1/evaluations/{done['result']['evaluation_id']}").json()
    assert evaluation["metrics"]["n"] == frozen["counts"]["eval"]
    assert (evaluation["split"], evaluation["model_version_id"]) == ("eval", base["id"])
    listed = organization.get(f"/v1/evaluations?model_version_id={base['id']}").json()["data"]
    assert listed == [{name: value for name, value in evaluation.items() if name != "report"}]
    assert organization.get(f"/v1/evaluations?model_version_id={UNKNOWN}").json()["data"] == []
    rows = organization.get(f"/v1/evaluations/{evaluation['id']}/rows?limit=2").json()
    assert len(rows["data"]) == 2
    assert {row["rank"] for row in rows["data"]} <= {1, 2}
    assert rows["page"]["next"]


def test_a_model_is_activated_reindexed_and_not_rolled_back_to_nothing(
    organization: OrganizationClient, resources: Resources
) -> None:
    base = base_of(organization)
    assert (base["kind"], base["is_active"]) == ("base", False)
    assert organization.post("/v1/models/rollback").json()["code"] == "no-active-model"
    assert organization.post("/v1/reindex", {}).json()["code"] == "no-active-model"
    submitted(organization.post(f"/v1/models/{base['id']}/activate"), "activate")
    assert run_jobs(resources, organization)["activate"] == ["succeeded"]
    assert organization.get(f"/v1/models/{base['id']}").json()["is_active"] is True
    assert organization.post("/v1/models/rollback").json()["code"] == "nothing-to-roll-back-to"
    job = submitted(organization.post("/v1/reindex", {"rebuild": True}), "reindex")
    assert job["params"] == {"model_version_id": base["id"], "rebuild": True}


def test_a_training_is_queued_with_the_measured_defaults(
    organization: OrganizationClient, frozen: dict[str, Any]
) -> None:
    job = submitted(
        organization.post("/v1/trainings", {"dataset_id": frozen["id"], "name": "tuned", "epochs": 1}),
        "train",
    )
    params = job["params"]
    assert params["base_model_version_id"] == base_of(organization)["id"]
    assert (params["loss"], params["epochs"], params["seed"]) == ("mnrl", 1, 0)
    taken = organization.post("/v1/trainings", {"dataset_id": frozen["id"], "name": "base"})
    assert (taken.status_code, taken.json()["code"]) == (409, "model-name-taken")


def test_ids_of_another_organization_in_a_body_are_a_404(
    organization: OrganizationClient, frozen: dict[str, Any]
) -> None:
    stranger = new_organization(organization.client)
    own, foreign = base_of(stranger)["id"], base_of(organization)["id"]
    questions = [
        ("/v1/evaluations", {"dataset_id": frozen["id"], "model_version_id": own}),
        ("/v1/trainings", {"dataset_id": frozen["id"], "name": "x"}),
        ("/v1/trainings", {"dataset_id": frozen["id"], "name": "x", "base_model_version_id": foreign}),
        ("/v1/reindex", {"model_version_id": foreign}),
    ]
    for path, body in questions:
        assert stranger.post(path, body).status_code == 404, (path, body)


@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0},
        {"warmup_ratio": 1},
        {"loss": "arcface"},
        {"seed": -1},
        {"seed": 2**31},
        {"base_model": "../../etc"},
        {"epochs": 1.5},
        {"name": ""},
    ],
    ids=repr,
)
def test_a_training_that_makes_no_sense_is_a_422(
    organization: OrganizationClient, fields: dict[str, Any]
) -> None:
    body = {"dataset_id": UNKNOWN, "name": "x", **fields}
    assert organization.post("/v1/trainings", body).status_code == 422
