"""Review through the API."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api.schemas import review
from tests.factories import OrganizationClient, new_candidates, new_category, new_organization

JANE, JOE = "Jane#3f2a", "Joe#11aa"


def decide(
    organization: OrganizationClient,
    candidate_id: uuid.UUID,
    decision: str,
    reviewer: str = JANE,
    **body: Any,
) -> Any:
    """Decide: the answer."""
    return organization.post(f"/v1/candidates/{candidate_id}/{decision}", {"reviewer": reviewer, **body})


def test_an_approved_candidate_is_a_labelled_transaction_until_it_is_undone(
    engine: Engine, organization: OrganizationClient
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1, memo="before")
    [leased] = organization.post("/v1/candidates/next", {"reviewer": JANE}).json()["data"]
    assert uuid.UUID(leased["id"]) == candidate_id
    approved = decide(organization, candidate_id, "approve", changes={"memo": "after"}).json()["candidate"]
    [row] = organization.get("/v1/transactions").json()["data"]
    assert (row["id"], row["memo"], row["source"]) == (approved["transaction_id"], "after", "synthetic")
    assert (row["label"]["category_id"], row["label"]["actor"]) == (leased["category"]["id"], JANE)
    undone = organization.post("/v1/candidates/undo", {"reviewer": JANE}).json()["candidate"]
    assert (undone["status"], undone["memo"], undone["leased_by"]) == ("pending", "before", JANE)
    assert organization.get("/v1/transactions").json()["data"] == []


def test_an_approval_reaches_the_index_and_an_undo_leaves_it(
    engine: Engine, organization: OrganizationClient
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    for path in (f"/v1/candidates/{candidate_id}/approve", "/v1/candidates/undo"):
        organization.post(path, {"reviewer": JANE})
    queued = organization.get("/v1/jobs?kind=sync_index").json()["data"]
    touching = [job for job in queued if str(candidate_id) in job["params"].get("transaction_ids", ())]
    assert len(touching) >= 2


def test_conflicts_say_what_is_the_matter(engine: Engine, organization: OrganizationClient) -> None:
    first, second = new_candidates(engine, organization, 2)
    organization.post("/v1/candidates/next", {"reviewer": JOE, "order": "oldest"})
    answers = [
        decide(organization, first, "approve"),
        decide(organization, second, "reject"),
        decide(organization, second, "approve"),
        organization.post("/v1/candidates/undo", {"reviewer": JOE}),
    ]
    assert [(answer.status_code, answer.json().get("code")) for answer in answers] == [
        (409, "candidate-leased"),
        (200, None),
        (409, "candidate-decided"),
        (409, "nothing-to-undo"),
    ]


WRONG_CHANGES: list[tuple[dict[str, Any], str, str]] = [
    ({"merchant_name": "\u200b"}, "/changes/merchant_name", "blank"),
    ({"merchant_name": None}, "/changes/merchant_name", "string-type"),
    ({"memo": "a\u0000"}, "/changes/memo", "bad-text"),
    ({"amount": "12.505"}, "/changes/amount", "amount-decimals"),
    ({"amount": "NaN"}, "/changes/amount", "amount"),
    ({"currency": "JPY"}, "/changes/amount", "amount-decimals"),  # 12.50 is no amount of yen
    ({"currency": "xx"}, "/changes/currency", "currency"),
    ({"occurred_on": "2026-02-30"}, "/changes/occurred_on", "date"),
    ({"merchant_category_code": "12"}, "/changes/merchant_category_code", "string-pattern-mismatch"),
    ({"category_id": "1"}, "/changes/category_id", "uuid"),
    ({"category_id": str(uuid.uuid4())}, "/changes/category_id", "unknown-category"),
    ({"paraphrase": "Other name"}, "/changes/paraphrase", "unknown-field"),
    ({"external_id": "x"}, "/changes/external_id", "unknown-field"),
]


@pytest.mark.parametrize(("changes", "pointer", "code"), WRONG_CHANGES)
def test_edits_keep_the_rules_of_transactions(
    engine: Engine, organization: OrganizationClient, changes: dict[str, Any], pointer: str, code: str
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1, amount=Decimal("12.50"), currency="EUR")
    answer = decide(organization, candidate_id, "approve", changes=changes)
    assert answer.status_code == 422, answer.text
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert organization.get(f"/v1/candidates/{candidate_id}").json()["status"] == "pending"


def test_a_paraphrase_has_a_name_and_no_fields(engine: Engine, organization: OrganizationClient) -> None:
    [candidate_id] = new_candidates(engine, organization, 1, paraphrase="Overnight stays")
    answer = decide(organization, candidate_id, "approve", changes={"memo": "x"})
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/changes/memo"]
    answer = decide(organization, candidate_id, "approve", changes={"paraphrase": "Hotels"})
    shown = answer.json()["candidate"]
    assert (shown["paraphrase"], shown["transaction_id"], shown["merchant_name"]) == ("Hotels", None, None)


def test_lists_are_narrowed_and_paged(engine: Engine, organization: OrganizationClient) -> None:
    category, job_id = new_category(organization), uuid.uuid4()
    candidate_ids = new_candidates(engine, organization, 3, category_id=category["id"], job_id=job_id)
    new_candidates(engine, organization, 1, style="ambiguous")
    new_candidates(engine, organization, 1, paraphrase="Overnight stays")
    decide(organization, candidate_ids[0], "reject", reason="no")

    def count(query: str) -> int:
        return len(organization.get(f"/v1/candidates?{query}").json()["data"])

    counts = {
        query: count(query)
        for query in ("", "status=rejected", "kind=paraphrase", "style=ambiguous", f"job_id={job_id}")
    }
    assert list(counts.values()) == [5, 1, 1, 1, 3]
    assert count(f"category_id={category['id']}&status=pending") == 2
    page = organization.get("/v1/candidates?limit=2").json()
    rest = organization.get(f"/v1/candidates?limit=200&cursor={page['page']['next']}").json()
    ids = [row["id"] for row in page["data"] + rest["data"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
    for query in ("status=new", "kind=x", "style=x", "job_id=1", "category_id=x", "limit=0", "order=oldest"):
        assert organization.get(f"/v1/candidates?{query}").status_code == 422, query


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("next", {}),
    ("next", {"reviewer": " "}),
    ("next", {"reviewer": "x" * 201}),
    ("next", {"reviewer": JANE, "count": 51}),
    ("next", {"reviewer": JANE, "count": 0}),
    ("next", {"reviewer": JANE, "order": "newest"}),
    ("next", {"reviewer": JANE, "category_id": str(uuid.uuid4())}),
    ("undo", {"reviewer": JANE, "count": 2}),
    ("approve", {"reviewer": JANE}),
    ("approve", {"reviewer": JANE, "candidate_ids": [], "filter": None}),
    ("approve", {"reviewer": JANE, "candidate_ids": [str(uuid.uuid4())], "filter": {}}),
    ("approve", {"reviewer": JANE, "candidate_ids": [str(uuid.uuid4())]}),
    ("approve", {"reviewer": JANE, "filter": {"category_id": str(uuid.uuid4())}}),
    ("approve", {"reviewer": JANE, "filter": {"max_rank": 0}}),
    ("approve", {"reviewer": JANE, "filter": {}, "reason": "x"}),
    ("reject", {"reviewer": JANE, "filter": {}, "reason": "x" * 1001}),
]


@pytest.mark.parametrize(("path", "body"), WRONG)
def test_what_is_wrong_is_refused(organization: OrganizationClient, path: str, body: dict[str, Any]) -> None:
    assert organization.post(f"/v1/candidates/{path}", body).status_code == 422


def test_bulk_by_ids_and_by_filter(engine: Engine, organization: OrganizationClient) -> None:
    candidate_ids = [str(candidate_id) for candidate_id in new_candidates(engine, organization, 6)]
    organization.post("/v1/candidates/next", {"reviewer": JOE, "order": "oldest"})
    answer = organization.post(
        "/v1/candidates/approve", {"reviewer": JANE, "candidate_ids": candidate_ids[:3]}
    )
    assert answer.json() == {"approved": 2, "skipped": 1, "remaining": 0}
    answer = organization.post("/v1/candidates/reject", {"reviewer": JANE, "filter": {}, "reason": "no"})
    assert answer.json() == {"rejected": 3, "skipped": 1, "remaining": 0}
    assert organization.get(f"/v1/candidates/{candidate_ids[5]}").json()["reason"] == "no"


def test_nothing_is_decided_where_one_of_many_is_unknown(
    engine: Engine, client: TestClient, organization: OrganizationClient
) -> None:
    [own] = new_candidates(engine, organization, 1)
    [foreign] = new_candidates(engine, new_organization(client), 1)
    body = {"reviewer": JANE, "candidate_ids": [str(own), str(foreign)]}
    answer = organization.post("/v1/candidates/approve", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-candidate")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/candidate_ids/1"]
    assert organization.get(f"/v1/candidates/{own}").json()["status"] == "pending"


def test_scopes(engine: Engine, organization: OrganizationClient) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    reading = organization.with_key("read")
    for path in ("", "/progress", "/decisions", f"/{candidate_id}"):
        assert reading.get(f"/v1/candidates{path}").status_code == 200
    for path in (
        "next",
        "undo",
        "approve",
        "reject",
        f"{candidate_id}/approve",
        f"{candidate_id}/reject",
        f"{candidate_id}/skip",
    ):
        assert reading.post(f"/v1/candidates/{path}", {"reviewer": JANE}).status_code == 403


def test_the_examples_are_accepted_by_their_own_schema() -> None:
    models = (
        *(review.ReviewerIn, review.NextIn, review.CandidateChanges, review.ApproveIn),
        *(review.RejectIn, review.BulkIn, review.BulkRejectIn),
    )
    for model in models:
        for example in model.model_json_schema()["examples"]:
            model.model_validate(example)
