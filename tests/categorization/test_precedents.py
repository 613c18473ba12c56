"""What was decided before at the same merchant and place, and how far it is followed."""

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from shared.categorization import precedents
from shared.categorization.context import stored_inputs
from shared.categorization.precedents import Precedents
from shared.categorization.voting import RankedCategory, follow
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from shared.transactions.fields import TransactionFields
from tests.categorization.serving import categorize
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction, run_jobs

IDS = [uuid.UUID(int=number) for number in range(1, 5)]
SHARES = st.lists(st.floats(0, 0.25), min_size=4, max_size=4)
COUNTS = st.dictionaries(st.sampled_from(IDS), st.integers(1, 1000))


def ranking_of(shares: list[float]) -> list[RankedCategory]:
    return [
        RankedCategory(category_id, share, ())
        for category_id, share in zip(IDS, sorted(shares, reverse=True), strict=True)
    ]


def scores(ranked: list[RankedCategory]) -> dict[uuid.UUID, float]:
    return {category.category_id: category.score for category in ranked}


@given(SHARES, COUNTS, st.floats(0.1, 50))
def test_following_keeps_scores_shares(
    shares: list[float], counts: dict[uuid.UUID, int], prior: float
) -> None:
    followed = follow(ranking_of(shares), counts, prior)
    assert 0 <= sum(category.score for category in followed) <= 1 + 1e-9
    assert [category.score for category in followed] == sorted(
        (category.score for category in followed), reverse=True
    )
    assert scores(follow(ranking_of(shares), {}, prior)) == scores(ranking_of(shares))


@given(SHARES, COUNTS, st.sampled_from(IDS))
def test_another_precedent_never_lowers_its_category(
    shares: list[float], counts: dict[uuid.UUID, int], category_id: uuid.UUID
) -> None:
    more = {**counts, category_id: counts.get(category_id, 0) + 1}
    before, after = (scores(follow(ranking_of(shares), some, 3.0))[category_id] for some in (counts, more))
    assert after >= before - 1e-12


def test_precedents_of_a_category_that_is_gone_say_nothing() -> None:
    ranked = ranking_of([0.1, 0.2, 0.3, 0.4])
    assert follow(ranked, {uuid.uuid4(): 100}, 3.0) == ranked


def test_the_place_is_the_location_or_else_the_department() -> None:
    counted = [("Aral", "Depot", IDS[0], 4), ("ARAL", "depot", IDS[1], 1), ("Aral", None, IDS[2], 9)]
    known = Precedents.of(counted)
    fields = TransactionFields("aral", department="Fleet", location="DEPOT")
    assert known.at(fields) == {IDS[0]: 4, IDS[1]: 1}
    assert known.at(fields, own=IDS[1]) == {IDS[0]: 4}
    assert known.at(TransactionFields("Aral", department="depot")) == {IDS[0]: 4, IDS[1]: 1}
    assert known.at(TransactionFields("Aral", department="Fleet")) == {}
    assert known.at(TransactionFields("Aral")) == {}
    assert known.at(TransactionFields("Shell", location="Depot")) == {}


def label(organization: OrganizationClient, category_id: str, **fields: Any) -> str:
    transaction_id = str(new_transaction(organization, **fields)["id"])
    organization.put(f"/v1/transactions/{transaction_id}/label", {"category_id": category_id})
    return transaction_id


def test_read_from_the_current_labels_of_one_organisation(client: TestClient, resources: Resources) -> None:
    ours, theirs = new_organization(client), new_organization(client)
    first, second = (new_category(ours)["id"] for _ in range(2))
    at_depot = {"merchant_name": "Straße 7 & Söhne", "location": "Depot", "department": "Fleet"}
    label(theirs, new_category(theirs)["id"], **at_depot)
    corrected = label(ours, second, **at_depot)
    ours.put(f"/v1/transactions/{corrected}/label", {"category_id": first})
    label(ours, first, **at_depot | {"merchant_name": "STRAßE 7 & SÖHNE"})
    label(ours, second, **at_depot | {"location": "School"})
    label(ours, second, merchant_name="Uber", department="Sales")
    label(ours, second, merchant_name="Uber")
    questions = [
        TransactionFields("Straße 7 & Söhne", location="Depot", department="Fleet"),
        TransactionFields("Uber", department="Sales"),
        TransactionFields("Uber"),
    ]
    with transaction(resources.engine) as session:
        known = precedents.read(session, ours.id, questions)
    assert [known.at(fields) for fields in questions] == [{uuid.UUID(first): 2}, {uuid.UUID(second): 1}, {}]


@pytest.fixture
def served(organization: OrganizationClient, resources: Resources) -> OrganizationClient:
    for name in ("Fuel", "Staff meals"):
        new_category(organization, name=name)
    [base] = organization.get("/v1/models").json()["data"]
    organization.post(f"/v1/models/{base['id']}/activate")
    run_jobs(resources, organization)
    return organization


def test_a_shop_is_filed_as_it_was_at_this_place(served: OrganizationClient, resources: Resources) -> None:
    """One kiosk sells petrol to the depot and lunch to the school: only the place tells."""
    ids = {row["name"]: row["id"] for row in served.get("/v1/categories").json()["data"]}
    kiosk = {"merchant_name": "Kiosk 24"}
    for _ in range(4):
        label(served, ids["Fuel"], **kiosk, location="Depot")
        own = label(served, ids["Staff meals"], **kiosk, location="School")
    run_jobs(resources, served)
    for place, expected in (("Depot", "Fuel"), ("school", "Staff meals")):
        body = {"transaction": {**kiosk, "location": place, "amount": "1.00", "currency": "EUR"}}
        answer = served.post("/v1/categorize", body).json()
        assert answer["suggestions"][0]["category"]["name"] == expected
        assert answer["reason"] == (
            "Of 4 labelled before with this merchant and place, 4 went to this category."
        )
    with transaction(resources.engine) as session:
        [question] = stored_inputs(session, served.id, [uuid.UUID(own)])
    [answer] = categorize(resources, served.id, [question], 1)
    assert answer.reason.startswith("Of 3 labelled before"), "its own label spoke for itself"
