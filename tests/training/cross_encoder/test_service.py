"""A reranker's life: trained, switched on, asked, evaluated, and refused elsewhere."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.registry.serving import reranking_of
from shared.resources import Resources
from tests.factories import OrganizationClient, run_jobs
from tests.training.trainings import WORDS, freeze, label_rows, run_job, trained_here

UNKNOWN = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"


@pytest.fixture
def dataset_id(organization: OrganizationClient, resources: Resources) -> uuid.UUID:
    """Nine rows to learn from and three to watch; the base model answers."""
    label_rows(organization, WORDS)
    [base] = organization.get("/v1/models").json()["data"]
    organization.post(f"/v1/models/{base['id']}/activate")
    return freeze(organization, resources)


def test_a_reranker_is_trained_switched_on_asked_and_evaluated(
    organization: OrganizationClient, resources: Resources, dataset_id: uuid.UUID, tmp_path: Path
) -> None:
    [base] = organization.get("/v1/models").json()["data"]
    body = {"dataset_id": str(dataset_id), "name": "second", "epochs": 1, "batch_size": 4}
    job = organization.post("/v1/trainings/rerankers", body)
    assert job.status_code == 202, job.text
    assert job.json()["params"]["miner_version_id"] == base["id"]
    job_id = uuid.UUID(job.json()["id"])
    trainer = trained_here(resources, job_id, tmp_path / "model")
    assert run_job(resources, job_id, trainer).status == "succeeded"
    trained = organization.get(f"/v1/models/{job.json()['id']}").json()
    assert (trained["kind"], trained["name"], trained["base_model"]) == (
        "reranker",
        "second",
        base["base_model"],
    )
    assert trained["parameters"]["texts"]["category"] == "name_examples_description"
    assert [epoch["epoch"] for epoch in trained["metrics"]["epochs"]] == [0, 1]
    with transaction(resources.engine) as session:
        reranker = reranking_of(model_store.get(session, organization.id, uuid.UUID(trained["id"])), 10)
    folder = resources.encoders.folder(reranker.reranker.model)
    assert (folder / "README.md").is_file()

    # It stands behind whichever model is active.
    on = organization.put("/v1/reranking", {"reranker_version_id": trained["id"], "top_n": 5})
    assert on.json() == {"reranker_version_id": trained["id"], "reranker_version": "second", "top_n": 5}
    organization.post(f"/v1/models/{base['id']}/activate")
    assert set(run_jobs(resources, organization)["activate"]) == {"succeeded"}
    assert organization.get("/v1/reranking").json() == on.json()
    answer = organization.post("/categorize", {"transaction": {"merchant_name": "Delta"}}).json()
    assert (answer["model_version"], answer["reranker_version"]) == ("base", "second")
    assert "did not answer" not in answer["reason"]

    body = {"dataset_id": str(dataset_id), "model_version_id": base["id"], "split": "test"}
    both = organization.post("/v1/evaluations", body | {"reranker_version_id": trained["id"]}).json()
    assert run_jobs(resources, organization)["evaluate"] == ["succeeded"]
    result = organization.get(f"/v1/jobs/{both['id']}").json()["result"]
    evaluation = organization.get(f"/v1/evaluations/{result['evaluation_id']}").json()
    assert evaluation["reranker_version_id"] == trained["id"]
    rows = organization.get(f"/v1/evaluations/{evaluation['id']}/rows").json()["data"]
    first = [row["rank_without_reranker"] for row in rows]
    assert None not in first
    assert evaluation["metrics"]["without_reranker"]["n"] == len(rows)
    shares = [
        sum(rank == 1 for rank in ranks) / len(rows) for ranks in (first, [row["rank"] for row in rows])
    ]
    metrics = [evaluation["metrics"]["without_reranker"], evaluation["metrics"]]
    assert [figures["recall"]["1"]["value"] for figures in metrics] == pytest.approx(shares)

    # A reranker finds nothing by itself, and a bi-encoder puts nothing in order.
    assert organization.post(f"/v1/models/{trained['id']}/activate").json()["code"] == "no-bi-encoder"
    refused = organization.post("/v1/evaluations", body | {"model_version_id": trained["id"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "no-bi-encoder")
    tuned = {"dataset_id": str(dataset_id), "name": "x", "base_model_version_id": trained["id"]}
    assert organization.post("/v1/trainings", tuned).json()["code"] == "no-bi-encoder"
    refused = organization.post("/v1/evaluations", body | {"reranker_version_id": base["id"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "no-reranker")
    off = organization.put("/v1/reranking", {"reranker_version_id": None})
    assert off.json() == {"reranker_version_id": None, "reranker_version": None, "top_n": None}
    answer = organization.post("/categorize", {"transaction": {"merchant_name": "Delta"}}).json()
    assert answer["reranker_version"] is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "base"}, "model-name-taken"),
        ({"dataset_id": UNKNOWN}, "dataset-not-found"),
        ({"miner_version_id": UNKNOWN}, "model-not-found"),
        ({"base_model_version_id": UNKNOWN}, "model-not-found"),
        ({"epochs": 0}, "invalid"),
        ({"negatives_per_row": 0}, "invalid"),
        ({"base_model": "../../etc"}, "invalid"),
    ],
    ids=repr,
)
def test_a_training_that_makes_no_sense_is_refused(
    organization: OrganizationClient, fields: dict[str, Any], code: str
) -> None:
    label_rows(organization, {name: merchants[:1] for name, merchants in WORDS.items()}, times=1)
    body = {"dataset_id": str(UNKNOWN), "name": "second", **fields}
    assert organization.post("/v1/trainings/rerankers", body).json()["code"] in {code, "dataset-not-found"}
