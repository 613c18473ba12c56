"""Baselines and models in one table, two of them compared, and both as files."""

import csv
import io
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.evaluation.baselines import METHODS
from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.registry.tables import Evaluation, EvaluationRow
from shared.resources import Resources
from tests.factories import (
    OrganizationClient,
    new_category,
    new_labelled,
    new_organization,
    run_jobs,
)

MERCHANTS = {
    "Hotels": ("Marriott hotels", "Hilton hotels", "=Ibis"),
    "Licence fees": ("GitHub licence", "GitLab licence", "Figma app"),
    "Account 17": ("Delta Air", "Air France", "Lufthansa"),
}


@pytest.fixture(scope="module")
def organization(client: TestClient) -> OrganizationClient:
    return new_organization(client)


@pytest.fixture(scope="module")
def table(organization: OrganizationClient, resources: Resources) -> dict[str, dict[str, Any]]:
    """Every baseline and the base model on one split, by method."""
    for name, merchants in MERCHANTS.items():
        category = new_category(organization, name=name)["id"]
        new_labelled(organization, category, ({"merchant_name": merchant} for merchant in merchants * 4))
    body = {"name": "May", "remove_duplicates": False, "ratios": {"train": 0.6, "test": 0, "eval": 0.4}}
    job = organization.post("/v1/datasets", body).json()
    run_jobs(resources, organization)
    dataset_id = organization.get(f"/v1/jobs/{job['id']}").json()["result"]["dataset_id"]
    [base] = organization.get("/v1/models").json()["data"]
    started = organization.post(f"/v1/datasets/{dataset_id}/baselines", {"split": "eval"})
    assert (started.status_code, started.json()["kind"]) == (202, "baselines")
    organization.post("/v1/evaluations", {"dataset_id": dataset_id, "model_version_id": base["id"]})
    ended = run_jobs(resources, organization)
    assert (ended["baselines"], ended["evaluate"]) == (["succeeded"], ["succeeded"])
    ids = organization.get(started.headers["location"]).json()["result"]["evaluation_ids"]
    listed = organization.get(f"/v1/evaluations?dataset_id={dataset_id}&split=eval").json()["data"]
    by_method = {evaluation["method"]: evaluation for evaluation in listed}
    assert {method: by_method[method]["id"] for method in METHODS} == ids
    return by_method


def test_baselines_and_models_stand_in_one_table(
    organization: OrganizationClient, table: dict[str, dict[str, Any]]
) -> None:
    assert set(table) == {"model", *METHODS}
    assert {evaluation["metrics"]["n"] for evaluation in table.values()} == {14}
    value = {method: evaluation["metrics"]["recall"]["1"]["value"] for method, evaluation in table.items()}
    # Merchants come again and again, so knowing them beats counting; an account's number says nothing.
    assert value["most_frequent"] < value["merchant_majority"]
    assert 0 < value["bm25_categories"] < value["merchant_majority"]
    assert value["merchant_majority"] == value["bm25_history"] == value["tfidf_lr"] == 1
    for method in METHODS:
        assert table[method]["model_version_id"] is None
        assert "without_history" not in table[method]["metrics"]
        assert table[method]["metrics"]["triplet_accuracy"] is None
    report = organization.get(f"/v1/evaluations/{table['tfidf_lr']['id']}").json()["report"]
    assert report["map"] is None
    assert report["slices"]["category_seen"]["seen"]["n"] == 14
    other = organization.get(f"/v1/evaluations?dataset_id={table['model']['dataset_id']}&split=train").json()
    assert other["data"] == []


def test_a_split_without_rows_has_no_baselines(
    organization: OrganizationClient, table: dict[str, dict[str, Any]]
) -> None:
    path = f"/v1/datasets/{table['model']['dataset_id']}/baselines"
    assert organization.post(path, {"split": "test"}).json()["code"] == "empty-split"
    assert organization.post(path, {"split": "all"}).status_code == 422


def test_two_are_compared_row_by_row(
    organization: OrganizationClient, table: dict[str, dict[str, Any]]
) -> None:
    pair = table["most_frequent"]["id"], table["tfidf_lr"]["id"]
    comparison = organization.get(f"/v1/evaluations/compare?baseline={pair[0]}&candidate={pair[1]}").json()
    assert (comparison["baseline"]["method"], comparison["candidate"]["method"]) == (
        "most_frequent",
        "tfidf_lr",
    )
    assert (comparison["warnings"], comparison["n"], comparison["regressed"]) == ([], 14, 0)
    assert comparison["improved"] + comparison["unchanged"] == 14
    first = comparison["differences"][0]
    assert (first["metric"], first["k"]) == ("recall", 1)
    values = [table[method]["metrics"]["recall"]["1"]["value"] for method in ("most_frequent", "tfidf_lr")]
    assert [first["baseline"], first["candidate"]] == pytest.approx(values)
    assert first["low"] <= first["difference"] <= first["high"]
    assert 0 < first["p"] < 0.05
    back = organization.get(f"/v1/evaluations/compare?baseline={pair[1]}&candidate={pair[0]}").json()
    assert (back["improved"], back["regressed"]) == (0, comparison["improved"])
    ranks = [row["candidate_rank"] for row in back["rows"]]
    assert ranks == sorted(ranks, key=lambda rank: rank or 99, reverse=True)
    names = {name for merchants in MERCHANTS.values() for name in merchants}
    assert {row["merchant_name"] for row in back["rows"]} <= names


def test_what_differs_in_the_making_is_said(
    organization: OrganizationClient, table: dict[str, dict[str, Any]], engine: Engine
) -> None:
    def compare(candidate: Any) -> Any:
        path = f"/v1/evaluations/compare?baseline={table['tfidf_lr']['id']}&candidate={candidate}"
        return organization.get(path)

    assert any("baseline" in warning for warning in compare(table["model"]["id"]).json()["warnings"])
    # One of before there were reports, of a single row; and one of no row at all.
    with transaction(engine) as session:
        old = session.get_one(Evaluation, table["model"]["id"])
        kept = model_store.evaluation_rows(session, organization.id, old.id, limit=1)
        values = {
            name: getattr(old, name)
            for name in (
                "organization_id",
                "dataset_id",
                "model_version_id",
                "split",
                "metrics",
                "per_category",
            )
        }
        evaluations = [Evaluation(**values, job_id=old.job_id) for _ in range(2)]
        session.add_all(evaluations)
        session.flush()
        ids = [evaluation.id for evaluation in evaluations]
        row = EvaluationRow(
            evaluation_id=ids[0],
            dataset_item_id=kept[0].dataset_item_id,
            organization_id=organization.id,
            rank=3,
        )
        session.add(row)
    comparison = compare(ids[0]).json()
    assert comparison["n"] == 1
    assert any("evaluator" in warning for warning in comparison["warnings"])
    assert any("Only 1 of the baseline's 14 rows" in warning for warning in comparison["warnings"])
    refused = compare(ids[1])
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing-to-compare")


def test_an_evaluation_as_a_file(organization: OrganizationClient, table: dict[str, dict[str, Any]]) -> None:
    majority = table["merchant_majority"]
    answer = organization.get(f"/v1/evaluations/{majority['id']}/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    whole = organization.get(f"/v1/evaluations/{majority['id']}/export?format=json").json()
    assert whole["evaluation"]["metrics"] == majority["metrics"]
    assert len(lines) == len(whole["rows"]) == 14
    assert {line["rank"] for line in lines} == {"1"}
    assert {line["category"] for line in lines} == {line["suggested"] for line in lines} == set(MERCHANTS)
    assert [row["dataset_item_id"] for row in whole["rows"]] == [line["dataset_item_id"] for line in lines]
    assert "=Ibis" in {row["merchant_name"] for row in whole["rows"]}
    assert "=Ibis" not in {line["merchant_name"] for line in lines}  # in a table it would be a formula


def test_a_file_of_many_pages_has_every_row_once(
    organization: OrganizationClient, table: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/evaluations/{table['model']['id']}/export?format=json"
    whole = organization.get(path).json()
    for page in (1, 7, 14):
        monkeypatch.setattr("api.evaluation_exports.PAGE", page)
        assert organization.get(path).json() == whole


def test_another_organizations_evaluation_is_not_there(
    organization: OrganizationClient, table: dict[str, dict[str, Any]]
) -> None:
    stranger, evaluation_id = new_organization(organization.client), table["model"]["id"]
    path = f"/v1/evaluations/compare?baseline={evaluation_id}&candidate={evaluation_id}"
    assert stranger.get(path).json()["code"] == "evaluation-not-found"
    assert stranger.get(f"/v1/evaluations/{evaluation_id}/export").status_code == 404
