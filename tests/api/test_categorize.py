"""The main job over HTTP, with the packaged model and the real index."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from devtools.waiting import eventually
from shared.engines.vectors import Hit, Search
from shared.kit.settings import Settings
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction, run_jobs

ANSWER = {"model_version", "reranker_version", "model_version_id", "decision", "reason", "suggestions"}
UNKNOWN = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"
HOTEL = {"merchant_name": "Marriott", "merchant_category": ["Lodging"], "memo": "2 nights"}


def test_without_a_model_it_says_how_to_get_one(organization: OrganizationClient) -> None:
    for path in ("/categorize", "/v1/categorize"):
        answer = organization.post(path, {"transaction": HOTEL})
        assert (answer.status_code, answer.json()["code"]) == (409, "no-active-model")
        assert "/activate" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"transaction": HOTEL, "transaction_id": UNKNOWN}, ""),
        ({"transaction": HOTEL, "top_k": 0}, "/top_k"),
        ({"transaction": HOTEL, "top_k": -1}, "/top_k"),
        ({"transaction": HOTEL, "top_k": 51}, "/top_k"),
        ({"transaction": HOTEL, "top_k": 10**23}, "/top_k"),
        ({"transaction": HOTEL, "top_k": True}, "/top_k"),
        ({"transaction": HOTEL, "top_k": "5"}, "/top_k"),
        ({"transaction": {"merchant_name": " "}}, "/transaction/merchant_name"),
        ({"transaction": HOTEL | {"category": "Travel"}}, "/transaction/category"),
        ({"transaction_id": "1"}, "/transaction_id"),
    ],
    ids=repr,
)
def test_a_question_that_does_not_fit_is_a_422(
    organization: OrganizationClient, body: dict[str, Any], pointer: str
) -> None:
    answer = organization.post("/categorize", body)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_an_unknown_and_a_foreign_transaction_are_a_404(organization: OrganizationClient) -> None:
    foreign = new_transaction(new_organization(organization.client))["id"]
    for row_id in (foreign, UNKNOWN):
        single = organization.post("/categorize", {"transaction_id": row_id})
        batch = organization.post("/categorize/batch", {"transaction_ids": [row_id]})
        assert {(answer.status_code, answer.json()["code"]) for answer in (single, batch)} == {
            (404, "transaction-not-found")
        }


@pytest.fixture
def served(organization: OrganizationClient, resources: Resources) -> OrganizationClient:
    """An organisation with three categories and the base model active."""
    for code, name in (("1", "Travel: lodging"), ("2", "Software subscriptions"), ("3", "Meals")):
        new_category(organization, code=code, name=name)
    [base] = organization.get("/v1/models").json()["data"]
    assert organization.post(f"/v1/models/{base['id']}/activate").status_code == 202
    assert set(run_jobs(resources, organization)["activate"]) == {"succeeded"}
    return organization


def test_an_answer_names_model_categories_and_evidence(
    served: OrganizationClient, resources: Resources
) -> None:
    first = served.post("/categorize", {"transaction": HOTEL, "top_k": 2})
    assert first.status_code == 200, first.text
    answer = first.json()
    assert set(answer) == ANSWER
    assert (answer["model_version"], answer["decision"]) == ("base", "suggest")
    assert [suggestion["rank"] for suggestion in answer["suggestions"]] == [1, 2]
    best = answer["suggestions"][0]
    assert (best["category"]["code"], best["category"]["name"]) == ("1", "Travel: lodging")
    assert (0 < best["score"] <= 1, best["evidence"]) == (True, [])
    # A correction counts: a likeness that a person filed elsewhere now speaks for that category.
    stored = new_transaction(served, **HOTEL)
    meals = served.get("/v1/categories").json()["data"][2]
    served.put(f"/v1/transactions/{stored['id']}/label", {"category_id": meals["id"]})
    assert run_jobs(resources, served) == {"sync_index": ["succeeded"]}
    best = served.post("/v1/categorize", {"transaction": HOTEL}).json()["suggestions"][0]
    assert best["category"] == {"id": meals["id"], "code": "3", "name": "Meals"}
    [evidence] = best["evidence"]
    assert (evidence["transaction_id"], evidence["merchant_name"]) == (stored["id"], "Marriott")
    assert (evidence["category"], round(evidence["similarity"], 3)) == ("Meals", 1)
    # A stored transaction is no evidence for itself.
    own = served.post("/categorize", {"transaction_id": stored["id"]}).json()["suggestions"]
    assert own[0]["category"]["code"] == "1"


def test_a_batch_is_answered_in_order_with_what_is_wrong(served: OrganizationClient) -> None:
    batch = [
        HOTEL | {"external_id": "a"},
        {"external_id": "b", "merchant_name": ""},
        {"merchant_name": "GitHub", "memo": "software subscription"},
    ]
    results = served.post("/categorize/batch", {"transactions": batch, "top_k": 1}).json()["results"]
    assert [result["status"] for result in results] == ["categorized", "invalid", "categorized"]
    assert [result["external_id"] for result in results] == ["a", "b", None]
    assert results[1]["answer"] is None
    assert results[1]["errors"][0]["pointer"] == "/transactions/1/merchant_name"
    codes = [results[at]["answer"]["suggestions"][0]["category"]["code"] for at in (0, 2)]
    assert codes == ["1", "2"]
    alone = served.post("/categorize", {"transaction": HOTEL, "top_k": 1}).json()
    scores = [answer["suggestions"][0]["score"] for answer in (results[0]["answer"], alone)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)  # a batch is padded, which shifts the last bits


def test_stored_transactions_are_asked_about_by_id(served: OrganizationClient) -> None:
    ids = [new_transaction(served, **HOTEL)["id"] for _ in range(2)]
    results = served.post("/categorize/batch", {"transaction_ids": ids}).json()["results"]
    assert [result["transaction_id"] for result in results] == ids
    assert [result["answer"]["decision"] for result in results] == ["suggest", "suggest"]


def test_asking_stores_nothing(served: OrganizationClient) -> None:
    served.post("/categorize", {"transaction": HOTEL})
    assert served.get("/v1/transactions").json()["data"] == []


def test_an_organization_sees_only_its_own_categories(
    served: OrganizationClient, resources: Resources
) -> None:
    other = new_organization(served.client)
    new_category(other, name="Hotels and lodging")
    [base] = other.get("/v1/models").json()["data"]
    other.post(f"/v1/models/{base['id']}/activate")
    run_jobs(resources, other)
    suggestions = other.post("/categorize", {"transaction": HOTEL, "top_k": 50}).json()["suggestions"]
    assert [suggestion["category"]["name"] for suggestion in suggestions] == ["Hotels and lodging"]


class SlowSearch:
    """Searches of the index that go on until the test lets them end."""

    def __init__(self, resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
        self._search = resources.index.search
        self.may_end = threading.Event()
        self.running = 0
        monkeypatch.setattr(resources.index, "search", self)

    def __call__(self, name: str, searches: Sequence[Search]) -> list[list[Hit]]:
        self.running += 1
        assert self.may_end.wait(60)
        return self._search(name, searches)


@pytest.fixture
def slow_search(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowSearch]:
    slow = SlowSearch(resources, monkeypatch)
    yield slow
    slow.may_end.set()


def test_requests_that_encode_or_search_keep_the_database_from_nobody(
    served: OrganizationClient, resources: Resources, slow_search: SlowSearch
) -> None:
    # More than there are connections, and threads of the default limiter.
    busy = resources.settings.database_pool_size + 1
    assert busy <= resources.settings.compute_threads
    with ThreadPoolExecutor(busy) as pool:
        try:
            answers = [pool.submit(served.post, "/categorize", {"transaction": HOTEL}) for _ in range(busy)]
            eventually(lambda: slow_search.running == busy)
            assert resources.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of a QueuePool
            assert served.get("/v1/categories").status_code == 200
        finally:
            slow_search.may_end.set()
        assert {answer.result().status_code for answer in answers} == {200}


def test_more_requests_than_threads_wait_and_then_are_told_to_come_again(
    settings: Settings,
    served: OrganizationClient,
    resources: Resources,
    slow_search: SlowSearch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from api import limits
    from api.main import create_app

    monkeypatch.setattr(limits, "COMPUTE_WAIT_SECONDS", 0.1)
    single = replace(resources, settings=settings.model_copy(update={"compute_threads": 1}))
    with TestClient(create_app(resources=single)) as client, ThreadPoolExecutor(1) as pool:
        body = {"transaction": HOTEL}
        first = pool.submit(client.post, "/categorize", json=body, headers=served.headers)
        try:
            eventually(lambda: slow_search.running == 1)
            refused = client.post("/categorize", json=body, headers=served.headers)
            assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
            assert int(refused.headers["retry-after"]) >= 1
        finally:
            slow_search.may_end.set()
        assert first.result().status_code == 200


def test_a_batch_takes_three_transactions(served: OrganizationClient, resources: Resources) -> None:
    """Who speaks; what is known; what is shown."""
    row_id = new_transaction(served, **HOTEL)["id"]
    commits = 0

    def count(_: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(resources.engine, "commit", count)
    try:
        assert served.post("/categorize", {"transaction_id": row_id}).status_code == 200
    finally:
        event.remove(resources.engine, "commit", count)
    assert commits == 3
