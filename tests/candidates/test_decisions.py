"""Decisions: which are allowed, what they make, and how they are taken back."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.candidates import service as candidates
from shared.candidates import store as candidate_store
from shared.candidates.decisions import CandidateDecided, CandidateLeased, CandidateRelabelled, NothingToUndo
from shared.candidates.store import CandidateFilter
from shared.candidates.tables import Candidate
from shared.kit.unit_of_work import transaction
from shared.transactions import store as transaction_store
from shared.transactions.service import UnknownCategory
from shared.transactions.tables import Transaction
from tests.factories import OrganizationClient, new_candidates, new_category

Act = Any


def made_of(engine: Engine, organization: OrganizationClient, row: Candidate) -> Transaction | None:
    assert row.transaction_id is not None
    with transaction(engine) as session:
        return next(iter(transaction_store.by_ids(session, organization.id, [row.transaction_id])), None)


@pytest.mark.parametrize("first", ["approve", "reject", "skip"])
@pytest.mark.parametrize("second", ["approve", "reject", "skip"])
def test_only_the_skipped_can_be_decided_again(
    engine: Engine, organization: OrganizationClient, decide: Act, first: str, second: str
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    decide(first, candidate_id)
    if first == "skip" and second != "skip":
        assert decide(second, candidate_id).status == {"approve": "approved", "reject": "rejected"}[second]
    else:
        with pytest.raises(CandidateDecided):
            decide(second, candidate_id)


def test_what_another_holds_is_not_decided(
    engine: Engine, organization: OrganizationClient, decide: Act
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    with transaction(engine) as session:
        candidates.lease(session, organization.id, "Joe", CandidateFilter(), order="oldest", count=1)
    for decision in ("approve", "reject", "skip"):
        with pytest.raises(CandidateLeased):
            decide(decision, candidate_id)
    assert decide("approve", candidate_id, "Joe").leased_by is None


def test_every_field_that_was_edited_is_kept_and_put_back(
    engine: Engine, organization: OrganizationClient, decide: Act, undo: Act
) -> None:
    day = dt.date(2026, 5, 12)
    before = {
        "merchant_descriptor": "DESC",
        "merchant_category": ("Airlines",),
        "merchant_category_code": "3008",
        "department": "Sales",
        "location": None,
        "amount": Decimal("12.50"),
        "currency": "EUR",
        "memo": "before",
        "spend_program_name": None,
        "trip_name": "Munich",
    }
    after: dict[str, Any] = {
        "merchant_name": "Another",
        "merchant_descriptor": None,
        "merchant_category": ("Hotels", "Inns"),
        "merchant_category_code": "7011",
        "department": None,
        "location": "Berlin",
        "amount": Decimal("-3"),
        "currency": "JPY",
        "memo": "after",
        "spend_program_name": "Travel",
        "trip_name": None,
        "occurred_on": None,
        "category_id": uuid.UUID(new_category(organization)["id"]),
    }
    [candidate_id] = new_candidates(engine, organization, 1, occurred_on=day, **before)
    with transaction(engine) as session:
        original = {name: getattr(session.get_one(Candidate, candidate_id), name) for name in after}
    row = decide("approve", candidate_id, **after)
    kept = made_of(engine, organization, row)
    wanted = {**after, "merchant_category": ["Hotels", "Inns"]}
    assert kept is not None
    assert {name: getattr(kept, name) for name in wanted if name != "category_id"} == {
        name: value for name, value in wanted.items() if name != "category_id"
    }
    with transaction(engine) as session:
        [(decision, _)] = candidate_store.list_decisions(session, organization.id, after=None, limit=200)
        label = transaction_store.current_labels(session, organization.id, [candidate_id])[candidate_id]
    assert set(decision.changes) == set(after)
    assert decision.changes["amount"] == ["12.5000", "-3"]
    assert (label.category_id, label.source, label.actor) == (after["category_id"], "synthetic", "Jane")
    back = undo()
    assert {name: getattr(back, name) for name in original} == original
    assert made_of(engine, organization, row) is None


def test_what_was_not_changed_is_no_change(
    engine: Engine, organization: OrganizationClient, decide: Act
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1, amount=Decimal("12.50"), memo="same")
    decide("approve", candidate_id, amount=Decimal("12.5"), memo="same")
    with transaction(engine) as session:
        [(decision, _)] = candidate_store.list_decisions(session, organization.id, after=None, limit=200)
    assert decision.changes == {}


def test_a_paraphrase_makes_no_transaction(
    engine: Engine, organization: OrganizationClient, decide: Act, undo: Act
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1, paraphrase="Overnight stays")
    row = decide("approve", candidate_id, paraphrase="Hotels and inns")
    assert (row.status, row.transaction_id, row.paraphrase) == ("approved", None, "Hotels and inns")
    assert organization.get("/v1/transactions").json()["data"] == []
    assert undo().paraphrase == "Overnight stays"


def test_the_category_must_be_live_and_own(
    engine: Engine, organization: OrganizationClient, decide: Act
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    archived = new_category(organization)["id"]
    assert organization.delete(f"/v1/categories/{archived}").status_code == 204
    for category_id in (uuid.UUID(archived), uuid.uuid4()):
        with pytest.raises(UnknownCategory):
            decide("approve", candidate_id, category_id=category_id)
    with transaction(engine) as session:
        assert session.get_one(Candidate, candidate_id).status == "pending"


def test_approving_again_after_an_undo_writes_the_same_transaction(
    engine: Engine, organization: OrganizationClient, decide: Act, undo: Act
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    ids = set()
    for _ in range(3):
        ids.add(decide("approve", candidate_id).transaction_id)
        undo()
    decide("approve", candidate_id)
    [kept] = organization.get("/v1/transactions").json()["data"]
    assert {str(transaction_id) for transaction_id in ids} == {kept["id"]}


def test_undo_walks_back_and_ends(
    engine: Engine, organization: OrganizationClient, decide: Act, undo: Act
) -> None:
    first, second, third = new_candidates(engine, organization, 3)
    decide("reject", first)
    decide("approve", second)
    decide("skip", third, "Joe")
    assert [undo().id, undo().id] == [second, first]
    with pytest.raises(NothingToUndo):
        undo()
    back = undo("Joe")
    assert (back.id, back.status, back.leased_by, back.reason) == (third, "pending", "Joe", None)


def test_only_the_decision_that_is_in_force_is_undone(
    engine: Engine, organization: OrganizationClient, decide: Act, undo: Act
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    decide("skip", candidate_id)
    decide("approve", candidate_id, "Joe")
    with pytest.raises(NothingToUndo):
        undo("Jane")  # Joe has decided since
    assert undo("Joe").status == "pending"
    with pytest.raises(NothingToUndo):
        undo("Jane")


def test_a_person_s_label_keeps_the_transaction_until_somebody_deletes_it(
    engine: Engine, organization: OrganizationClient, decide: Act, undo: Act
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    row = decide("approve", candidate_id)
    path = f"/v1/transactions/{row.transaction_id}"
    organization.put(f"{path}/label", {"category_id": new_category(organization)["id"]})
    with pytest.raises(CandidateRelabelled):
        undo()
    assert organization.get(path).json()["label"]["source"] == "human"
    assert organization.delete(path).status_code == 204
    assert undo().status == "pending"
