"""Datasets through the API: what is asked for is what is frozen, and the files that leave."""

import csv
import io
import json
from collections import defaultdict
from typing import Any

import pytest

from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_labelled, run_jobs

ROWS = 9


@pytest.fixture
def filled(organization: OrganizationClient) -> OrganizationClient:
    """Three categories with nine labelled rows each: three merchants, nine days."""
    for name in ("Lodging", "Meals", "Software"):
        category = new_category(organization, name=name, code=f"={name}")["id"]
        rows = [
            {
                "merchant_name": f"{name} shop {number % 3}",
                "memo": f"=memo {number}",
                "occurred_on": f"2026-05-{number + 1:02}",
            }
            for number in range(ROWS)
        ]
        new_labelled(organization, category, rows)
    return organization


def freeze(resources: Resources, organization: OrganizationClient, **values: Any) -> dict[str, Any]:
    """The frozen dataset."""
    job = organization.post("/v1/datasets", {"name": "May", **values})
    assert job.status_code == 202, job.text
    assert run_jobs(resources, organization)["freeze_dataset"] == ["succeeded"]
    dataset: dict[str, Any] = organization.get(f"/v1/datasets/{job.json()['id']}").json()
    return dataset


def items(organization: OrganizationClient, dataset: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = organization.get(f"/v1/datasets/{dataset['id']}/items?limit=200").json()[
        "data"
    ]
    return items


@pytest.mark.parametrize(("strategy", "key"), [("by_merchant", "merchant_name"), ("by_category", None)])
def test_what_is_held_out_is_held_out_whole(
    filled: OrganizationClient, resources: Resources, strategy: str, key: str | None
) -> None:
    dataset = freeze(resources, filled, strategy=strategy, ratios={"train": 0.4, "test": 0.3, "eval": 0.3})
    splits = defaultdict(set)
    for item in items(filled, dataset):
        splits[item["fields"][key] if key else item["category_id"]].add(item["split"])
    assert all(len(held) == 1 for held in splits.values())
    assert dataset["counts"] == {"train": 9, "test": 9, "eval": 9}
    assert dataset["parameters"]["strategy"] == strategy


def test_a_dataset_by_time_is_measured_on_the_last_days(
    filled: OrganizationClient, resources: Resources
) -> None:
    frozen = freeze(resources, filled, strategy="by_time", ratios={"train": 0.6, "test": 0.0, "eval": 0.4})
    memos = {item["fields"]["memo"] for item in items(filled, frozen) if item["split"] == "eval"}
    assert memos == {"=memo 6", "=memo 7", "=memo 8"} or memos == {"=memo 5", "=memo 6", "=memo 7", "=memo 8"}


def test_a_filter_leaves_out_what_it_should(filled: OrganizationClient, resources: Resources) -> None:
    [meals] = [row for row in filled.get("/v1/categories").json()["data"] if row["name"] == "Meals"]
    wanted = {"category_ids": [meals["id"]], "occurred_from": "2026-05-03", "occurred_to": "2026-05-07"}
    dataset = freeze(resources, filled, filter=wanted)
    assert {item["category_id"] for item in items(filled, dataset)} == {meals["id"]}
    assert sum(dataset["counts"].values()) == 5
    assert filled.post("/v1/datasets", {"name": "x", "filter": {"sources": ["nowhere"]}}).status_code == 422


def test_copies_stay_in_one_split_and_are_counted(filled: OrganizationClient, resources: Resources) -> None:
    [meals] = [row for row in filled.get("/v1/categories").json()["data"] if row["name"] == "Meals"]
    new_labelled(filled, meals["id"], [{"merchant_name": "Same", "memo": "Same"}] * 12)
    dataset = freeze(resources, filled, ratios={"train": 0.5, "test": 0.2, "eval": 0.3})
    copies = [item["split"] for item in items(filled, dataset) if item["fields"]["merchant_name"] == "Same"]
    assert set(copies) == {"train"}
    removed = dataset["report"]["duplicates_removed"]
    assert removed["train"] == 0
    assert removed["test"] + removed["eval"] == 12 - len(copies) > 0
    kept = freeze(resources, filled, ratios={"train": 0.5, "test": 0.2, "eval": 0.3}, remove_duplicates=False)
    assert sum(kept["counts"].values()) == 3 * ROWS + 12


def test_the_splits_are_compared_by_a_job(filled: OrganizationClient, resources: Resources) -> None:
    dataset = freeze(resources, filled)
    assert dataset["report"]["parity"] is None
    assert filled.post(f"/v1/datasets/{dataset['id']}/check").status_code == 202
    assert run_jobs(resources, filled)["check_dataset"] == ["succeeded"]
    parity = filled.get(f"/v1/datasets/{dataset['id']}").json()["report"]["parity"]
    assert parity["splits"]["train"]["n"] == dataset["counts"]["train"]
    assert isinstance(parity["is_even"], bool)


def export(organization: OrganizationClient, dataset: dict[str, Any], query: str) -> Any:
    return organization.get(f"/v1/datasets/{dataset['id']}/export?{query}")


def test_exports_have_every_row_in_the_form_that_was_asked(
    filled: OrganizationClient, resources: Resources
) -> None:
    dataset = freeze(resources, filled)
    names = {"Lodging", "Meals", "Software"}
    lines = [json.loads(line) for line in export(filled, dataset, "format=jsonl").text.splitlines()]
    assert len(lines) == 3 * ROWS
    assert {line["category"]["name"] for line in lines} == names
    for line in map(json.loads, export(filled, dataset, "format=triplets").text.splitlines()):
        assert {line["positive"], line["negative"]} <= names
        assert line["positive"] != line["negative"]
        assert line["positive"] in line["anchor"]
    only = export(filled, dataset, "format=jsonl&split=eval").text.splitlines()
    assert len(only) == dataset["counts"]["eval"]


def test_a_cell_of_a_spreadsheet_is_never_a_formula(filled: OrganizationClient, resources: Resources) -> None:
    response = export(filled, freeze(resources, filled), "format=csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert len(rows) == 3 * ROWS
    assert all(row["memo"].startswith("'=memo") and row["category_code"].startswith("'=") for row in rows)


def test_a_hosted_reranker_wants_256_rows(filled: OrganizationClient, resources: Resources) -> None:
    refused = export(filled, freeze(resources, filled), "format=cohere-rerank")
    assert (refused.status_code, refused.json()["code"]) == (422, "too-few-rows")
    [meals] = [row for row in filled.get("/v1/categories").json()["data"] if row["name"] == "Meals"]
    new_labelled(filled, meals["id"], ({"merchant_name": "Cafe", "memo": str(n)} for n in range(240)))
    lines = export(filled, freeze(resources, filled), "format=cohere-rerank").text.splitlines()
    assert len(lines) == 240 + 3 * ROWS
    assert set(json.loads(lines[0])) == {"query", "relevant_passages", "hard_negatives"}
    assert len(json.loads(lines[0])["hard_negatives"]) == 2
