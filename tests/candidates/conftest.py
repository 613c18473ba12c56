"""Deciding about candidates, in a transaction each."""

import uuid
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.candidates import decisions
from shared.candidates import service as candidates
from shared.candidates.edits import EditedCandidate
from shared.candidates.tables import Candidate
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient


@pytest.fixture
def decide(engine: Engine, organization: OrganizationClient) -> Any:
    """Decide about a candidate, with `edits` before an approval; the row afterwards."""

    def act(decision: str, candidate_id: uuid.UUID, actor: str = "Jane", **edits: Any) -> Candidate:
        with transaction(engine) as session:
            row = decisions.lock_for_decision(session, organization.id, candidate_id, decision, actor)
            if decision == "approve":
                decisions.approve(session, row, edited(row, **edits), actor)
            elif decision == "reject":
                decisions.reject(session, row, "no such thing", actor)
            else:
                decisions.skip(session, row, actor)
            return row

    return act


@pytest.fixture
def undo(engine: Engine, organization: OrganizationClient) -> Any:
    """Take the last decision back; the row afterwards."""

    def act(actor: str = "Jane") -> Candidate:
        with transaction(engine) as session:
            return decisions.undo(session, organization.id, actor)

    return act


def edited(row: Candidate, **edits: Any) -> EditedCandidate:
    """The row with edits."""
    category_id = edits.pop("category_id", row.category_id)
    if row.kind == "paraphrase":
        return EditedCandidate(category_id, paraphrase=edits.pop("paraphrase", row.paraphrase))
    occurred_on = edits.pop("occurred_on", row.occurred_on)
    fields = type(candidates.fields_of(row))(**{**vars(candidates.fields_of(row)), **edits})
    return EditedCandidate(category_id, fields, occurred_on)
