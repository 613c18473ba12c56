"""A second stage behind the first: a real index, and a hosted reranker that answers by script."""

import math
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.scripted_reranker import KEY, MODEL, Action, ScriptedReranker, always
from shared.categorization.context import TransactionInput
from shared.categorization.reranking import CategoryReranker
from shared.categorization.service import Answer
from shared.categorization.voting import RankedCategory, blend
from shared.engines.reranker import RerankQuery, Scores
from shared.engines.reranker_cache import Rerankers
from shared.kit import metrics
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry.serving import switch_reranker
from shared.resources import Resources
from shared.transactions.fields import TransactionFields
from shared.transactions.formats import TextFormat
from tests.categorization.serving import categorize
from tests.factories import OrganizationClient, new_category, run_jobs

IDS = [uuid.UUID(int=number) for number in range(8)]
NAMES = ("Travel: lodging", "Software subscriptions", "Catering for the Boston office")
HOTEL: dict[str, Any] = {"merchant_name": "Marriott hotel", "memo": "catering for the boston office"}

_scores = st.lists(st.integers(0, 1000), min_size=1, max_size=8).map(
    lambda parts: [part / max(sum(parts), 1) for part in parts]
)
_logits = st.lists(st.floats(-50, 50), min_size=8, max_size=8)


def ranking(scores: list[float]) -> list[RankedCategory]:
    ranking = [
        RankedCategory(category_id, score, ()) for category_id, score in zip(IDS, scores, strict=False)
    ]
    return sorted(ranking, key=lambda category: (-category.score, category.category_id))


def order(ranked: list[RankedCategory]) -> list[int]:
    return [IDS.index(category.category_id) for category in ranked]


@given(_scores, _logits, st.integers(0, 8), st.floats(0, 1))
def test_a_blend_is_a_ranking_with_the_same_sum(
    scores: list[float], logits: list[float], top_n: int, weight: float
) -> None:
    before = ranking(scores)
    head = {category.category_id: logits[IDS.index(category.category_id)] for category in before[:top_n]}
    after = blend(before, head, weight)
    assert sorted(order(after)) == sorted(order(before))
    assert [category.score for category in after] == sorted(
        (category.score for category in after), reverse=True
    )
    assert all(0 <= category.score <= 1 for category in after)
    assert math.fsum(category.score for category in after) == pytest.approx(math.fsum(scores), abs=1e-9)
    untouched = {category.category_id: category.score for category in before[top_n:]}
    assert all(
        category.score == untouched[category.category_id]
        for category in after
        if category.category_id in untouched
    )


@given(_scores, _logits, st.floats(-20, 20))
def test_a_blend_sees_differences_only(scores: list[float], logits: list[float], shift: float) -> None:
    before = ranking(scores)
    blended = blend(before, dict(zip(IDS, logits, strict=True)), 0.5)
    other = blend(before, dict(zip(IDS, [logit + shift for logit in logits], strict=True)), 0.5)
    assert {r.category_id: r.score for r in blended} == pytest.approx({r.category_id: r.score for r in other})


def test_a_blend_by_hand_and_its_ends() -> None:
    before = ranking([0.5, 0.3, 0.2])
    said = {IDS[0]: 0.0, IDS[1]: 2.0}
    powers = [math.sqrt(0.5), math.sqrt(0.3) * math.e]
    expected = [0.8 * power / sum(powers) for power in powers]
    after = {category.category_id: category.score for category in blend(before, said, 0.5)}
    assert after == {IDS[0]: pytest.approx(expected[0]), IDS[1]: pytest.approx(expected[1]), IDS[2]: 0.2}
    assert blend(before, said, 0.0) == before
    assert order(blend(before, said, 1.0))[0] == 1
    assert blend(before, {IDS[0]: math.nan}, 0.5) == before


class Spy:
    """A reranker that likes the last document, and remembers what it was asked."""

    def __init__(self) -> None:
        self.queries: list[RerankQuery] = []

    def score(self, queries: Any) -> list[Scores]:
        import numpy as np

        self.queries += queries
        return [np.arange(len(query.documents), dtype=np.float32) * 9 for query in queries]

    def close(self) -> None:
        """Nothing is held."""


def test_only_the_first_few_are_put_in_order_and_one_alone_is_not_asked_about() -> None:
    spy = Spy()
    documents = {category_id: f"text {number}" for number, category_id in enumerate(IDS)}
    second = CategoryReranker(spy, TextFormat(), documents, 3)
    queries = [TransactionFields(merchant) for merchant in ("a", "b", "c")]
    long, short, none = second.rerank(queries, [ranking([0.4, 0.3, 0.2, 0.1]), ranking([1.0]), []])
    assert [query.text for query in spy.queries] == ["a", "b", "c"]
    assert [query.documents for query in spy.queries] == [["text 0", "text 1", "text 2"], [], []]
    assert order(long)[0] == 2
    assert order(short) == [0]
    assert none == []


@pytest.fixture
def hosted(resources: Resources) -> Iterator[tuple[Resources, ScriptedReranker]]:
    """Resources whose hosted reranker is the scripted one."""
    with ScriptedReranker() as server:
        settings = resources.settings.model_copy(
            update={"rerank_base_url": server.url, "rerank_api_key": KEY, "rerank_timeout_seconds": 0.5}
        )
        settings = type(settings)(_env_file=None, **settings.model_dump())
        rerankers = Rerankers(resources.encoders, settings)
        yield replace(resources, settings=settings, rerankers=rerankers), server
        rerankers.close()


@pytest.fixture
def served(organization: OrganizationClient, resources: Resources) -> OrganizationClient:
    """Three categories, the base model, and a hosted reranker behind it."""
    for name in NAMES:
        new_category(organization, name=name)
    [base] = organization.get("/v1/models").json()["data"]
    organization.post(f"/v1/models/{base['id']}/activate")
    run_jobs(resources, organization)
    with transaction(resources.engine) as session:
        reranker = registry.add_hosted_reranker(session, organization.id, "hosted", MODEL)
        switch_reranker(session, organization.id, reranker.id, 2)
    return organization


def ask(machines: Resources, organization: OrganizationClient) -> Answer:
    question = TransactionInput(TransactionFields(**HOTEL))
    [answer] = categorize(machines, organization.id, [question], 50)
    return answer


def failures() -> float:
    return sum(
        sample.value
        for metric in metrics.REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "outlay_rerank_fallbacks_total"
    )


def test_the_reranker_has_a_say_in_the_first_few(
    hosted: tuple[Resources, ScriptedReranker], served: OrganizationClient
) -> None:
    machines, server = hosted
    answer = ask(machines, served)
    assert answer.reranker_version == "hosted"
    [request] = server.requests
    assert request["query"] == "catering for the boston office, Marriott hotel"
    assert len(request["documents"]) == 2
    assert set(request["documents"]) < set(NAMES)
    assert answer.suggestions[0].category.name == NAMES[2]
    with transaction(machines.engine) as session:
        switch_reranker(session, served.id, None, 10)
    alone = ask(machines, served)
    assert alone.reranker_version is None
    assert len(server.requests) == 1
    first, plain = answer.suggestions[0].score, {s.category.name: s.score for s in alone.suggestions}
    assert first > plain[NAMES[2]] + 0.01
    assert answer.reason == alone.reason


@pytest.mark.parametrize(
    "action", [Action("error", 503), Action("error", 401), Action("hang"), Action("body")], ids=repr
)
def test_a_reranker_that_fails_costs_its_say_and_nothing_else(
    hosted: tuple[Resources, ScriptedReranker], served: OrganizationClient, action: Action
) -> None:
    machines, server = hosted
    server.script = always(action)
    before = failures()
    answer = ask(machines, served)
    assert (answer.decision, answer.reranker_version) == ("suggest", None)
    assert "The reranker 'hosted' did not answer" in answer.reason
    assert failures() == before + 1
    with transaction(machines.engine) as session:
        switch_reranker(session, served.id, None, 10)
    assert [s.score for s in answer.suggestions] == [s.score for s in ask(machines, served).suggestions]


def test_settings_that_name_no_endpoint_any_more_cost_its_say_too(
    resources: Resources, served: OrganizationClient
) -> None:
    answer = ask(resources, served)
    assert "The reranker 'hosted' did not answer" in answer.reason
