"""Review through the API."""

import uuid

from sqlalchemy import Engine

from tests.factories import OrganizationClient, new_candidates

JANE = "Jane#3f2a"


def test_an_approved_candidate_is_a_labelled_transaction_until_it_is_undone(
    engine: Engine, organization: OrganizationClient
) -> None:
    [made] = new_candidates(engine, organization, 1, memo="before")
    [leased] = organization.post("/v1/candidates/next", {"reviewer": JANE}).json()["data"]
    assert uuid.UUID(leased["id"]) == made
    body = {"reviewer": JANE, "changes": {"memo": "after"}}
    approved = organization.post(f"/v1/candidates/{made}/approve", body).json()["candidate"]
    [row] = organization.get("/v1/transactions").json()["data"]
    assert (row["id"], row["memo"], row["source"]) == (approved["transaction_id"], "after", "synthetic")
    assert (row["label"]["category_id"], row["label"]["actor"]) == (leased["category"]["id"], JANE)
    undone = organization.post("/v1/candidates/undo", {"reviewer": JANE}).json()["candidate"]
    assert (undone["status"], undone["memo"], undone["leased_by"]) == ("pending", "before", JANE)
    assert organization.get("/v1/transactions").json()["data"] == []
