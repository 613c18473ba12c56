"""Categorising through the real index and model: what may speak for a category, and for whom."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.categorization.context import TransactionInput, stored_inputs
from shared.categorization.service import Answer
from shared.engines.vectors import Hit, Point, Search
from shared.kit.unit_of_work import transaction
from shared.registry.serving import NoActiveModel, get_active
from shared.resources import Resources
from shared.transactions.fields import TransactionFields
from shared.transactions.store import TransactionNotFound
from tests.categorization.serving import categorize
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction, run_jobs

HOTEL: dict[str, Any] = {"merchant_name": "Marriott", "memo": "2 nights in Boston"}
NAMES = ("Travel: lodging", "Software subscriptions", "Meals")


@pytest.fixture
def served(organization: OrganizationClient, resources: Resources) -> OrganizationClient:
    """Three categories and the base model."""
    for name in NAMES:
        new_category(organization, name=name)
    [base] = organization.get("/v1/models").json()["data"]
    organization.post(f"/v1/models/{base['id']}/activate")
    run_jobs(resources, organization)
    return organization


def ask(
    resources: Resources,
    organization: OrganizationClient,
    top_k: int = 5,
    question: TransactionInput | None = None,
) -> Answer:
    wanted = question or TransactionInput(TransactionFields(**HOTEL))
    [answer] = categorize(resources, organization.id, [wanted], top_k)
    return answer


def names(answer: Answer) -> list[str]:
    return [suggestion.category.name for suggestion in answer.suggestions]


def category_id(organization: OrganizationClient, name: str) -> str:
    rows = organization.get("/v1/categories").json()["data"]
    return str(next(row["id"] for row in rows if row["name"] == name))


def correct(organization: OrganizationClient, resources: Resources, name: str, **fields: Any) -> uuid.UUID:
    """A transaction that somebody filed under this category, and its share of the index."""
    row = new_transaction(organization, **(fields or HOTEL))["id"]
    body = {"category_id": category_id(organization, name)}
    assert organization.put(f"/v1/transactions/{row}/label", body).status_code == 200
    assert set(run_jobs(resources, organization)["sync_index"]) == {"succeeded"}
    return uuid.UUID(row)


def test_a_correction_counts_at_once_and_so_does_its_correction(
    served: OrganizationClient, resources: Resources
) -> None:
    assert names(ask(resources, served))[0] == NAMES[0]
    row = correct(served, resources, "Meals")
    best = ask(resources, served).suggestions[0]
    assert (best.category.name, best.evidence[0].transaction_id) == ("Meals", row)
    body = {"category_id": category_id(served, NAMES[1])}
    served.put(f"/v1/transactions/{row}/label", body)
    run_jobs(resources, served)
    answer = ask(resources, served)
    assert names(answer)[0] == NAMES[1]
    assert {hit.category for suggestion in answer.suggestions for hit in suggestion.evidence} == {NAMES[1]}


def test_top_k_cuts_and_more_than_there_are_gives_all(
    served: OrganizationClient, resources: Resources
) -> None:
    everything = ask(resources, served, 50)
    assert sorted(names(everything)) == sorted(NAMES)
    assert [suggestion.rank for suggestion in everything.suggestions] == [1, 2, 3]
    scores = [suggestion.score for suggestion in everything.suggestions]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1)
    for top_k in (1, 2):
        assert names(ask(resources, served, top_k)) == names(everything)[:top_k]


def test_an_archived_category_is_never_suggested_even_before_the_index_knows(
    served: OrganizationClient, resources: Resources
) -> None:
    correct(served, resources, NAMES[0])
    assert names(ask(resources, served))[0] == NAMES[0]
    served.delete(f"/v1/categories/{category_id(served, NAMES[0])}")
    for _ in range(2):  # before its points are gone, and after
        answer = ask(resources, served)
        assert sorted(names(answer)) == sorted(NAMES[1:])
        assert [hit for suggestion in answer.suggestions for hit in suggestion.evidence] == []
        run_jobs(resources, served)


def test_the_history_of_an_archived_category_does_not_crowd_out_a_correction(
    served: OrganizationClient, resources: Resources
) -> None:
    # More rows than neighbours are asked for, all of them nearer than the one that counts.
    old = category_id(served, NAMES[0])
    rows = [HOTEL | {"external_id": f"old {number}"} for number in range(40)]
    stored = served.post("/v1/transactions/batch", {"transactions": rows})
    assert stored.status_code in {200, 201}, stored.text
    for row in served.get("/v1/transactions?limit=200").json()["data"]:
        served.put(f"/v1/transactions/{row['id']}/label", {"category_id": old})
    served.delete(f"/v1/categories/{old}")
    row = correct(served, resources, "Meals", merchant_name="Marriott", memo="Restaurant in Boston")
    best = ask(resources, served).suggestions[0]
    assert (best.category.name, [hit.transaction_id for hit in best.evidence]) == ("Meals", [row])


def test_its_own_label_is_no_evidence_for_a_stored_transaction(
    served: OrganizationClient, resources: Resources, engine: Engine
) -> None:
    own, twin = correct(served, resources, "Meals"), correct(served, resources, NAMES[1])
    with transaction(engine) as session:
        [question] = stored_inputs(session, served.id, [own])
    answer = ask(resources, served, question=question)
    assert {hit.transaction_id for suggestion in answer.suggestions for hit in suggestion.evidence} == {twin}
    both = ask(resources, served)
    assert {hit.transaction_id for suggestion in both.suggestions for hit in suggestion.evidence} == {
        own,
        twin,
    }


def test_points_of_another_organization_never_speak(
    served: OrganizationClient, resources: Resources, engine: Engine
) -> None:
    other = new_organization(served.client)
    new_category(other, name="Theirs")
    [base] = other.get("/v1/models").json()["data"]
    other.post(f"/v1/models/{base['id']}/activate")
    run_jobs(resources, other)
    correct(other, resources, "Theirs")
    with transaction(engine) as session:
        ours, theirs = (get_active(session, owner.id) for owner in (served, other))
    assert ours.collection == theirs.collection  # the same weights: one collection, two tenants
    # Not even where their points name our category.
    vector = resources.encoders.get(ours.model).encode(["Marriott, 2 nights in Boston"])[0]
    meals, row_id = uuid.UUID(category_id(served, "Meals")), uuid.uuid4()
    planted = [Point(uuid.uuid4(), other.id, "transaction", row_id, meals, vector) for _ in range(20)]
    resources.index.upsert(ours.collection, planted)
    answer = ask(resources, served)
    assert (sorted(names(answer)), names(answer)[0]) == (sorted(NAMES), NAMES[0])
    assert [hit for suggestion in answer.suggestions for hit in suggestion.evidence] == []
    assert names(ask(resources, other)) == ["Theirs"]


def test_an_answer_names_the_model_that_gave_it(
    served: OrganizationClient, resources: Resources, engine: Engine
) -> None:
    with transaction(engine) as session:
        active = get_active(session, served.id)
    answer = ask(resources, served)
    assert (answer.model_version, answer.model_version_id) == ("base", active.version_id)
    assert answer.decision == "suggest"


def test_an_organization_without_categories_is_told_so(
    organization: OrganizationClient, resources: Resources
) -> None:
    [base] = organization.get("/v1/models").json()["data"]
    organization.post(f"/v1/models/{base['id']}/activate")
    run_jobs(resources, organization)
    answer = ask(resources, organization)
    assert (answer.decision, answer.suggestions) == ("none", ())


def test_without_a_model_or_the_transaction_there_is_no_answer(
    organization: OrganizationClient, resources: Resources, engine: Engine
) -> None:
    with pytest.raises(NoActiveModel):
        ask(resources, organization)
    foreign = uuid.UUID(new_transaction(new_organization(organization.client))["id"])
    with transaction(engine) as session, pytest.raises(TransactionNotFound):
        stored_inputs(session, organization.id, [foreign])


def test_the_index_is_not_asked_for_the_whole_chart_by_every_transaction_of_a_batch(
    served: OrganizationClient, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(served, resources, "Meals")
    searches: list[Search] = []
    search = resources.index.search

    def spy(name: str, some: Sequence[Search]) -> list[list[Hit]]:
        searches.extend(some)
        return search(name, some)

    monkeypatch.setattr(resources.index, "search", spy)
    batch = [TransactionInput(TransactionFields(f"Merchant {number}")) for number in range(5)]
    answers = categorize(resources, served.id, batch, 5)
    assert [sorted(names(answer)) for answer in answers] == [sorted(NAMES)] * 5
    assert {search.kind for search in searches} == {"transaction"}
    assert len(searches) == len(batch)
