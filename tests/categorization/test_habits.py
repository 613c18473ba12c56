"""What locations usually book, and how far it is followed; which departments a category is for."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from devtools.waiting import eventually
from shared.categorization import habits
from shared.categorization.habits import Habits, HabitsCache
from shared.categorization.ranking import Choice, EncodedTransaction, vote
from shared.categorization.voting import VotingWeights
from shared.engines.vectors import Hit
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_organization

IDS = [uuid.UUID(int=number) for number in range(1, 6)]
FUEL, FOOD = IDS[:2]
COUNTED = st.lists(
    st.tuples(st.sampled_from(["depot", "school", ""]), st.sampled_from(IDS), st.integers(1, 50)), max_size=20
)


def test_a_place_lifts_what_it_books() -> None:
    known = Habits.of([("depot", FUEL, 40), ("school", FOOD, 60)])
    lifts = known.lifts("depot", [FUEL, FOOD], prior=20)
    assert lifts[FUEL] > 1 > lifts[FOOD]
    assert known.lifts("nowhere", [FUEL, FOOD], prior=20) == {FUEL: 1, FOOD: 1}


def test_a_transaction_does_not_speak_for_itself() -> None:
    alone = Habits.of([("depot", FUEL, 1), ("school", FOOD, 9)])
    lifts = alone.lifts("depot", [FUEL, FOOD], prior=5, own=FUEL)
    assert lifts[FUEL] == pytest.approx(1)
    assert alone.lifts("depot", [FUEL, FOOD], prior=5)[FUEL] > 1.5


@given(COUNTED, st.floats(0.5, 100))
def test_lifts_average_to_one(rows: list[tuple[str, uuid.UUID, int]], prior: float) -> None:
    """Weighed by how usual the categories are: P(category | value) is a distribution, too."""
    known = Habits.of(rows)
    total = sum(known.total.get(category_id, 0) + 0.5 for category_id in IDS)
    lifts = known.lifts("depot", IDS, prior)
    usual = {category_id: (known.total.get(category_id, 0) + 0.5) / total for category_id in IDS}
    assert sum(lifts[category_id] * usual[category_id] for category_id in IDS) == pytest.approx(1)


@given(COUNTED, st.lists(st.floats(-1, 1), min_size=5, max_size=5))
def test_scores_stay_within_one_and_text_alone_stays_as_it_was(
    rows: list[tuple[str, uuid.UUID, int]], similarities: list[float]
) -> None:
    import numpy as np

    hits = [
        Hit(category_id, category_id, score) for category_id, score in zip(IDS, similarities, strict=True)
    ]
    live = dict.fromkeys(IDS, Choice(""))
    at_depot = EncodedTransaction(np.zeros(2, dtype=np.float32), location="Depot ")
    ranked = vote(hits, [], at_depot, live, Habits.of(rows), VotingWeights())
    assert sum(category.score for category in ranked) == pytest.approx(1)
    assert [category.score for category in ranked] == sorted(
        (category.score for category in ranked), reverse=True
    )
    plain = vote(
        hits, [], EncodedTransaction(np.zeros(2, dtype=np.float32)), live, Habits.of(rows), VotingWeights()
    )
    assert plain == vote(hits, [], at_depot, live, None, VotingWeights())


def test_a_category_for_other_departments_is_pushed_back() -> None:
    import numpy as np

    hits = [Hit(FUEL, FUEL, 0.6), Hit(FOOD, FOOD, 0.5)]
    live = {FUEL: Choice.of("", ["School"]), FOOD: Choice.of("", ["Depot"])}
    query = EncodedTransaction(np.zeros(2, dtype=np.float32), department=" DEPOT")
    assert vote(hits, [], query, live, None, VotingWeights())[0].category_id == FOOD


@pytest.mark.parametrize("everyone", ["All departments", " ALL  Departments", "all"])
def test_a_category_for_all_departments_is_foreign_to_none(everyone: str) -> None:
    import numpy as np

    hits = [Hit(FUEL, FUEL, 0.6), Hit(FOOD, FOOD, 0.5)]
    live = {FUEL: Choice.of("", [everyone, "School"]), FOOD: Choice.of("", ["Depot"])}
    query = EncodedTransaction(np.zeros(2, dtype=np.float32), department="depot")
    assert vote(hits, [], query, live, None, VotingWeights())[0].category_id == FUEL


def test_a_department_that_the_chart_does_not_name_pushes_nothing_back() -> None:
    """Else the categories that name no department would be taken for all that it does."""
    import numpy as np

    hits = [Hit(FUEL, FUEL, 0.6), Hit(FOOD, FOOD, 0.5)]
    live = {FUEL: Choice.of("", ["Depot"]), FOOD: Choice("")}
    query = EncodedTransaction(np.zeros(2, dtype=np.float32), department="R&D")
    assert vote(hits, [], query, live, None, VotingWeights())[0].category_id == FUEL


def label(organization: OrganizationClient, location: str, category_id: str) -> None:
    body = {"merchant_name": "Any", "location": location, "amount": "1.00", "currency": "EUR"}
    created = organization.post("/v1/transactions", body).json()
    organization.put(f"/v1/transactions/{created['id']}/label", {"category_id": category_id})


def test_counts_are_those_of_the_current_labels_of_one_organisation(
    client: TestClient, resources: Resources
) -> None:
    ours, theirs = new_organization(client), new_organization(client)
    first, second = (new_category(ours)["id"] for _ in range(2))
    label(theirs, "Depot", new_category(theirs)["id"])
    for place, category_id in (("Depot", first), (" depot", first), ("School", second)):
        label(ours, place, category_id)
    with transaction(resources.engine) as session:
        counted = habits.count(session, ours.id)
    assert counted.by_location == {"depot": {uuid.UUID(first): 2}, "school": {uuid.UUID(second): 1}}


def test_kept_for_a_while_and_counted_anew_then(client: TestClient, resources: Resources) -> None:
    organization = new_organization(client)
    category_id = new_category(organization)["id"]
    kept, fresh = HabitsCache(), HabitsCache(kept_s=0)
    for expected in (0, 1):
        with transaction(resources.engine) as session:
            assert sum(fresh.get(session, organization.id).total.values()) == expected
            assert not kept.get(session, organization.id).total
        label(organization, "Depot", category_id)


def test_requests_at_once_count_an_organisation_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counting, may_end = threading.Event(), threading.Event()
    counted: list[uuid.UUID] = []

    def slow(_: Session, organization_id: uuid.UUID) -> Habits:
        counted.append(organization_id)
        counting.set()
        assert may_end.wait(20)
        return Habits.of([])

    monkeypatch.setattr(habits, "count", slow)
    cache, session, other = HabitsCache(), Session(), uuid.uuid4()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(cache.get, session, FUEL) for _ in range(7)]
        assert counting.wait(20)
        elsewhere = pool.submit(cache.get, session, other)  # another organisation does not wait
        eventually(lambda: other in counted)
        may_end.set()
        results = {id(future.result(20)) for future in futures}
        elsewhere.result(20)
    assert (len(results), sorted(counted)) == (1, sorted([FUEL, other]))
