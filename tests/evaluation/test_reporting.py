"""What an evaluation reports, through the real index and model: seen and unseen, other names, the map."""

import importlib.util
import uuid
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.resources import Resources
from tests.factories import (
    OrganizationClient,
    new_candidates,
    new_category,
    new_labelled,
    new_organization,
    run_jobs,
)

WORDS = {"Lodging": "Hotel", "Software": "Licence", "Meals": "Pizza", "Flights": "Airline"}


@pytest.fixture(scope="module")
def organization(client: TestClient) -> OrganizationClient:
    """Four categories of four labelled rows each."""
    organization = new_organization(client)
    for name, word in WORDS.items():
        category = new_category(organization, name=name)["id"]
        rows = [
            {
                "merchant_name": f"{word} {'ABCD'[number]}",
                "department": "Sales" if number else None,
                "amount": str(5 * 10**number),
                "currency": "EUR",
            }
            for number in range(4)
        ]
        new_labelled(organization, category, rows)
    return organization


def freeze(organization: OrganizationClient, resources: Resources, **fields: Any) -> str:
    body = {"name": "May", "ratios": {"train": 0.5, "test": 0, "eval": 0.5}, **fields}
    job = organization.post("/v1/datasets", body).json()
    run_jobs(resources, organization)
    return str(organization.get(f"/v1/jobs/{job['id']}").json()["result"]["dataset_id"])


def evaluate(organization: OrganizationClient, resources: Resources, **fields: Any) -> dict[str, Any]:
    [base] = organization.get("/v1/models").json()["data"]
    answer = organization.post("/v1/evaluations", {"model_version_id": base["id"], **fields})
    assert answer.status_code == 202, answer.text
    assert run_jobs(resources, organization)["evaluate"] == ["succeeded"]
    evaluation: dict[str, Any] = organization.get(f"/v1/evaluations/{answer.json()['id']}").json()
    return evaluation


def test_a_category_that_training_never_saw_is_reported_apart(
    organization: OrganizationClient, resources: Resources
) -> None:
    dataset_id = freeze(organization, resources, strategy="by_category")
    evaluation = evaluate(organization, resources, dataset_id=dataset_id)
    report, n = evaluation["report"], evaluation["metrics"]["n"]
    assert list(report["slices"]["category_seen"]) == ["unseen"]
    assert report["slices"]["category_seen"]["unseen"]["n"] == n == 8
    assert list(report["slices"]["labelled_rows"]) == ["0"]
    # A row of such a category is still found: by the category's own text.
    assert report["slices"]["category_seen"]["unseen"]["recall"]["3"]["value"] > 0


def test_baselines_know_nothing_of_the_rows_that_are_asked_about(
    organization: OrganizationClient, resources: Resources
) -> None:
    dataset_id = freeze(organization, resources, strategy="by_category")
    organization.post(f"/v1/datasets/{dataset_id}/baselines", {"split": "eval"})
    assert run_jobs(resources, organization)["baselines"] == ["succeeded"]
    for baseline in organization.get(f"/v1/evaluations?dataset_id={dataset_id}").json()["data"]:
        # None of these categories has a label that is known, so only their own texts can be matched.
        assert baseline["method"] == "bm25_categories" or baseline["metrics"]["recall"]["10"]["value"] == 0, (
            baseline["method"]
        )


def test_the_report_adds_up(organization: OrganizationClient, resources: Resources) -> None:
    dataset_id = freeze(organization, resources)
    evaluation = evaluate(organization, resources, dataset_id=dataset_id)
    metrics, report = evaluation["metrics"], evaluation["report"]
    n = metrics["n"]
    assert set(metrics) >= {"recall", "mrr", "ndcg", "macro_recall", "triplet_accuracy", "without_history"}
    assert list(metrics["recall"]) == ["1", "3", "5", "10"]
    assert metrics["triplet_accuracy"]["n"] == metrics["macro_recall"]["1"]["n"] == n
    assert metrics["triplet_accuracy"]["value"] > 0.5
    assert "triplet_accuracy" not in metrics["without_history"]
    for parts in report["slices"].values():
        assert sum(part["n"] for part in parts.values()) == n
    assert set(report["slices"]["department"]) == {"Sales", "none"}
    assert sum(bucket["n"] for bucket in report["reliability"]["bins"]) == n
    wrong = n - round(metrics["recall"]["1"]["value"] * n)
    assert sum(confusion["rows"] for confusion in report["confusions"]) == wrong
    kinds = [point["kind"] for point in report["map"]["points"]]
    assert (kinds.count("category"), kinds.count("transaction")) == (4, n)
    assert all(point["before"] == point["after"] for point in report["map"]["points"])  # it is the base model
    assert report["map"]["method"] == "pca"
    rows = organization.get(f"/v1/evaluations/{evaluation['id']}/rows?limit=200").json()["data"]
    assert all(0 < row["score"] <= 1 for row in rows)


def test_a_map_by_what_is_not_installed_fails_the_job_and_says_what_to_install(
    organization: OrganizationClient, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "umap" else find_spec(name, *rest)
    )
    [base] = organization.get("/v1/models").json()["data"]
    body = {"dataset_id": freeze(organization, resources), "model_version_id": base["id"]}
    assert organization.post("/v1/evaluations", body | {"projection": "tsne"}).status_code == 422
    answer = organization.post("/v1/evaluations", body | {"projection": "umap"})
    assert (answer.status_code, answer.json()["params"]["projection"]) == (202, "umap")
    assert run_jobs(resources, organization)["evaluate"] == ["failed"]
    error = organization.get(f"/v1/jobs/{answer.json()['id']}").json()["error"]
    assert error["code"] == "projection-not-installed"
    assert "make install EXTRAS=umap" in error["message"]


# Of its import, where the library that it could also use is missing.
@pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")
def test_a_map_by_umap_differs_in_nothing_but_the_places(
    organization: OrganizationClient, resources: Resources
) -> None:
    pytest.importorskip("umap", reason="`make test` installs it")
    dataset_id = freeze(organization, resources)
    plain = evaluate(organization, resources, dataset_id=dataset_id)
    evaluation = evaluate(organization, resources, dataset_id=dataset_id, projection="umap")
    again = evaluate(organization, resources, dataset_id=dataset_id, projection="umap")
    assert evaluation["metrics"] == plain["metrics"]
    maps = [shown["report"].pop("map") for shown in (plain, evaluation, again)]
    assert evaluation["report"] == plain["report"]
    assert [plot["method"] for plot in maps] == ["pca", "umap", "umap"]
    assert maps[1] == maps[2]
    labels = [[point["label"] for point in plot["points"]] for plot in maps]
    assert labels[0] == labels[1]
    assert maps[0]["points"] != maps[1]["points"]


def test_renamed_categories_are_asked_for_under_names_that_people_approved(
    organization: OrganizationClient, resources: Resources, engine: Engine
) -> None:
    dataset_id = freeze(organization, resources)
    [base] = organization.get("/v1/models").json()["data"]
    body = {"dataset_id": dataset_id, "model_version_id": base["id"], "renamed": True}
    refused = organization.post("/v1/evaluations", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing-renamed")
    ids = {category["name"]: category["id"] for category in organization.get("/v1/categories").json()["data"]}
    # A name that misleads, so that it shows whether it was read: what is pending is not read.
    [approved] = new_candidates(
        engine, organization, 1, category_id=ids["Lodging"], paraphrase="Pizza places"
    )
    new_candidates(engine, organization, 1, category_id=ids["Meals"], paraphrase="Hotel rooms")
    assert organization.post("/v1/evaluations", body).status_code == 422
    decided = organization.post(f"/v1/candidates/{approved}/approve", {"reviewer": "Jane"})
    assert decided.status_code == 200, decided.text
    plain = evaluate(organization, resources, dataset_id=dataset_id)
    evaluation = evaluate(organization, resources, dataset_id=dataset_id, renamed=True)
    assert evaluation["report"]["renamed"] == {
        "categories": 1,
        "of": 4,
        "names": {ids["Lodging"]: "Pizza places"},
    }
    assert plain["report"]["renamed"] is None
    means = [shown["metrics"]["without_history"]["mrr"]["10"]["value"] for shown in (plain, evaluation)]
    assert means[1] < means[0]
    with transaction(engine) as session:  # what a generation reads, to see what the model is bad at
        latest = model_store.latest_evaluation(session, organization.id, uuid.UUID(base["id"]))
        assert str(latest and latest.id) == plain["id"]
    # Nothing but this evaluation's own index heard of the name.
    assert {category["name"] for category in organization.get("/v1/categories").json()["data"]} == set(WORDS)
    comparison = organization.get(
        f"/v1/evaluations/compare?baseline={plain['id']}&candidate={evaluation['id']}"
    ).json()
    assert any("renamed" in warning for warning in comparison["warnings"])
