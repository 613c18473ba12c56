"""The hosted reranker against a real HTTP server that speaks Cohere's rerank API by script."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from devtools.scripted_reranker import KEY, MODEL, Action, ScriptedReranker, always, first
from shared.engines.reranker import (
    RerankerNotConfigured,
    RerankerRefused,
    RerankerUnavailable,
    RerankQuery,
    hosted_model,
)
from shared.engines.reranker_hosted import CALLS, HostedReranker
from shared.kit.settings import Settings

Make = Callable[..., HostedReranker]
QUERY = RerankQuery("hotel in boston", ["software", "hotel boston", "a hotel"])
SCORES = [0.0, 2 / 3, 1 / 3]


@pytest.fixture
def server() -> Iterator[ScriptedReranker]:
    with ScriptedReranker() as running:
        yield running


@pytest.fixture
def rerankers() -> Iterator[list[HostedReranker]]:
    """Rerankers to close."""
    rerankers: list[HostedReranker] = []
    yield rerankers
    for reranker in rerankers:
        reranker.close()


@pytest.fixture
def reranker(rerankers: list[HostedReranker]) -> Make:
    """Makes one that asks the server."""

    def make(server: ScriptedReranker, model: str = MODEL, **values: Any) -> HostedReranker:
        settings = {"rerank_base_url": server.url, "rerank_api_key": KEY, "rerank_model": MODEL, **values}
        rerankers.append(HostedReranker(Settings(_env_file=None, **settings), model))
        return rerankers[-1]

    return make


def relevances(scores: Any) -> list[float]:
    return [float(logit) for logit in 1 / (1 + np.exp(-np.asarray(scores, dtype=np.float64)))]


def test_each_query_is_asked_once_with_its_documents_and_answered_in_their_order(
    server: ScriptedReranker,
    reranker: Make,
) -> None:
    scored, none, other = reranker(server).score(
        [QUERY, RerankQuery("taxi", []), RerankQuery("taxi home", ["home", "taxi home"])]
    )
    assert relevances(scored) == pytest.approx(SCORES, abs=1e-5)
    assert none.shape == (0,)
    assert relevances(other) == pytest.approx([0.5, 1.0], abs=1e-5)
    assert np.isfinite(other).all()
    assert server.paths == ["/v2/rerank"] * 2
    body = next(body for body in server.requests if body["query"] == QUERY.text)
    assert body == {"model": MODEL, "query": QUERY.text, "documents": QUERY.documents, "top_n": 3}


@pytest.mark.parametrize(
    "action", [Action("error", 500), Action("error", 429, retry_after="0"), Action("cut")], ids=repr
)
def test_a_short_trouble_is_tried_again(server: ScriptedReranker, reranker: Make, action: Action) -> None:
    server.script = first(CALLS - 1, action)
    [scores] = reranker(server).score([QUERY])
    assert relevances(scores) == pytest.approx(SCORES, abs=1e-5)
    assert len(server.requests) == CALLS


def test_a_long_trouble_is_given_up_and_then_nobody_asks_for_a_while(
    server: ScriptedReranker, reranker: Make
) -> None:
    server.script = always(Action("error", 503))
    client = reranker(server)
    for _ in range(3):
        with pytest.raises(RerankerUnavailable):
            client.score([QUERY])
    assert len(server.requests) == CALLS


def test_a_retry_after_beyond_the_time_is_not_waited_for_but_kept_to(
    server: ScriptedReranker, reranker: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = first(1, Action("error", 429, retry_after="90"))
    client = reranker(server)
    with pytest.raises(RerankerUnavailable):
        client.score([QUERY])
    with pytest.raises(RerankerUnavailable) as error:
        client.score([QUERY])
    assert 60 < (error.value.retry_after or 0) <= 90
    assert len(server.requests) == 1
    later = time.monotonic() + 91
    monkeypatch.setattr("shared.engines.reranker_hosted.time.monotonic", lambda: later)
    assert len(client.score([QUERY])) == 1


@pytest.mark.parametrize("kind", ["hang", "drip", "drip-headers"])
def test_a_call_ends_when_its_time_is_up(server: ScriptedReranker, reranker: Make, kind: str) -> None:
    server.script = always(Action(kind))
    with pytest.raises(RerankerUnavailable):
        reranker(server, rerank_timeout_seconds=0.3).score([QUERY])


def test_nobody_there_is_unavailable(reranker: Make) -> None:
    with ScriptedReranker() as gone:
        client = reranker(gone)
    with pytest.raises(RerankerUnavailable):
        client.score([QUERY])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"results": [{"index": 0}]}',
        b'{"results": [{"index": 0, "relevance_score": 0.5}]}',
        b'{"results": [{"index": 0, "relevance_score": 1}, {"index": 1, "relevance_score": 1}, '
        b'{"index": 3, "relevance_score": 1}]}',
        b'{"results": [{"index": 0, "relevance_score": NaN}, {"index": 1, "relevance_score": 1}, '
        b'{"index": 2, "relevance_score": 1}]}',
        b" " * (1 << 21),
    ],
    ids=lambda body: repr(body[:60]),
)
def test_another_answer_than_the_apis_is_refused(
    server: ScriptedReranker, reranker: Make, body: bytes
) -> None:
    server.script = always(Action("body", body=body))
    with pytest.raises(RerankerRefused):
        reranker(server).score([QUERY])
    assert len(server.requests) == 1


@pytest.mark.parametrize("values", [{"rerank_api_key": "other"}, {"model": "unknown"}], ids=repr)
def test_a_refusal_says_what_to_check_and_is_not_asked_again(
    server: ScriptedReranker, reranker: Make, values: dict[str, Any]
) -> None:
    with pytest.raises(RerankerRefused, match="OUTLAY_RERANK_BASE_URL") as error:
        reranker(server, **values).score([QUERY])
    assert QUERY.text not in error.value.message
    assert len(server.requests) == 1


def test_a_redirect_is_not_followed(server: ScriptedReranker, reranker: Make) -> None:
    server.script = first(1, Action("error", 307))
    with pytest.raises(RerankerRefused):
        reranker(server).score([QUERY])


@pytest.mark.parametrize("values", [{}, {"rerank_base_url": "http://x"}, {"rerank_model": "m"}], ids=repr)
def test_what_the_settings_lack_is_said(values: dict[str, str]) -> None:
    with pytest.raises(RerankerNotConfigured, match="OUTLAY_RERANK_MODEL"):
        hosted_model(Settings(_env_file=None, **values))  # type: ignore[arg-type]  # settings check themselves
