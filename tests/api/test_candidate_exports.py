"""What was decided so far: counted, and exported."""

import csv
import io
import json
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

import api.exports
from tests.api.test_candidates import JANE, decide
from tests.factories import OrganizationClient, new_candidates, new_category


def test_progress_by_category(engine: Engine, organization: OrganizationClient) -> None:
    travel, meals = new_category(organization, name="Travel"), new_category(organization, name="Meals")
    first, second, third, _ = new_candidates(engine, organization, 4, category_id=travel["id"])
    new_candidates(engine, organization, 2, category_id=meals["id"])
    for candidate_id, decision in ((first, "approve"), (second, "reject"), (third, "skip")):
        decide(organization, candidate_id, decision)
    assert organization.get("/v1/candidates/progress").json() == {
        "total": {"pending": 3, "approved": 1, "rejected": 1, "skipped": 1},
        "by_category": [
            {
                "category": {"id": meals["id"], "code": meals["code"], "name": "Meals"},
                **{"pending": 2, "approved": 0, "rejected": 0, "skipped": 0},
            },
            {
                "category": {"id": travel["id"], "code": travel["code"], "name": "Travel"},
                **{"pending": 1, "approved": 1, "rejected": 1, "skipped": 1},
            },
        ],
    }


def test_decisions_are_exported_page_by_page(
    engine: Engine, organization: OrganizationClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.exports, "DECISIONS_PAGE", 2)
    candidate_ids = new_candidates(engine, organization, 4, merchant_name="=HYPERLINK(1)")
    decide(organization, candidate_ids[0], "approve", changes={"memo": "a"})
    decide(organization, candidate_ids[1], "reject", reason="-1+1")
    organization.post("/v1/candidates/undo", {"reviewer": JANE})
    decide(organization, candidate_ids[2], "skip", reviewer="@Jane")
    decide(organization, candidate_ids[3], "approve")
    answer = organization.get("/v1/candidates/decisions")
    assert answer.headers["content-type"] == "application/jsonl"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["decision"] for line in lines] == ["approve", "reject", "skip", "approve"]
    assert [line["undone_at"] is None for line in lines] == [True, False, True, True]
    assert lines[0]["changes"] == {"memo": [None, "a"]}
    answer = organization.get("/v1/candidates/decisions?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["id"] for row in rows] == [line["id"] for line in lines]
    assert (rows[1]["reason"], rows[2]["actor"]) == ("'-1+1", "'@Jane")
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert organization.get("/v1/candidates/decisions?format=xlsx").status_code == 422


def test_an_export_holds_no_session_between_its_pages(
    engine: Engine, client: TestClient, organization: OrganizationClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.exports, "DECISIONS_PAGE", 1)
    for candidate_id in new_candidates(engine, organization, 3):
        decide(organization, candidate_id, "skip")
    held = []
    line_of = api.exports._decision_line

    def watched(*arguments: Any) -> str:
        held.append(engine.pool.checkedout())  # type: ignore[attr-defined]  # of the queue pool
        return line_of(*arguments)

    monkeypatch.setattr(api.exports, "_decision_line", watched)
    assert len(organization.get("/v1/candidates/decisions").text.splitlines()) == 3
    assert held == [0, 0, 0]
