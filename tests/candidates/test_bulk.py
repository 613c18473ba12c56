"""Many decided at once."""

import uuid
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.candidates import decisions
from shared.candidates import service as candidates
from shared.candidates.decisions import BulkResult
from shared.candidates.store import CandidateFilter
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient, new_candidates, new_category


def test_bulk_passes_over_what_others_hold_and_what_is_decided(
    engine: Engine, organization: OrganizationClient, decide: Any
) -> None:
    candidate_ids = new_candidates(engine, organization, 6)
    with transaction(engine) as session:
        [held] = candidates.lease(session, organization.id, "Joe", CandidateFilter(), order="oldest", count=1)
    decide("reject", candidate_ids[1])
    decide("skip", candidate_ids[2])
    with transaction(engine) as session:
        done = decisions.approve_many(
            session, organization.id, [*candidate_ids[:4], candidate_ids[3]], "Jane"
        )
    assert (held.id, done) == (
        candidate_ids[0],
        BulkResult(2, 2, 0),
    )  # the skipped one can be decided, when it is named
    with transaction(engine) as session:
        done = decisions.reject_many(session, organization.id, CandidateFilter(), "no", "Jane")
    assert done == BulkResult(2, 1, 0)
    assert len(organization.get("/v1/transactions").json()["data"]) == 2


def test_bulk_by_filter_leaves_what_does_not_fit(engine: Engine, organization: OrganizationClient) -> None:
    job_id, category = uuid.uuid4(), new_category(organization)
    new_candidates(engine, organization, 7, category_id=category["id"], job_id=job_id)  # of each rank one
    new_candidates(engine, organization, 2)
    with transaction(engine) as session:
        assert decisions.approve_many(
            session, organization.id, CandidateFilter(job_id=job_id, max_rank=3), "Jane"
        ) == BulkResult(3, 0, 0)
    organization.delete(f"/v1/categories/{category['id']}")
    with transaction(engine) as session:
        # Four are of a category that is archived by now.
        assert decisions.approve_many(session, organization.id, CandidateFilter(), "Jane") == BulkResult(
            2, 4, 0
        )


def test_bulk_stops_at_its_limit_and_says_how_many_are_left(
    engine: Engine, organization: OrganizationClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "BULK_LIMIT", 2)
    new_candidates(engine, organization, 5)
    for expected in (BulkResult(2, 0, 3), BulkResult(2, 0, 1), BulkResult(1, 0, 0), BulkResult(0, 0, 0)):
        with transaction(engine) as session:
            assert (
                decisions.reject_many(session, organization.id, CandidateFilter(), None, "Jane") == expected
            )
