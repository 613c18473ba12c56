"""A hosted reranker behind Cohere's rerank API, version 2: https://docs.cohere.com/reference/rerank."""

import json
import math
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay

from shared.engines.reranker import (
    RerankerNotConfigured,
    RerankerRefused,
    RerankerUnavailable,
    RerankQuery,
    Scores,
)
from shared.kit import metrics
from shared.kit.errors import AppError
from shared.kit.logging import get_logger
from shared.kit.retries import pauses, seconds_to_wait
from shared.kit.settings import Settings

logger = get_logger(__name__)

CALLS = 3  # at most, for one query
CONCURRENCY = 8  # queries of one request in work at once
FIRST_PAUSE_SECONDS = 0.1  # before the second call; doubled before the third
QUIET_SECONDS = 10.0  # for which one that was away is not asked again
LONGEST_QUIET_SECONDS = 300.0
RETRIED = frozenset({408, 409, 425, 429})  # and every 5xx
MAX_ANSWER_BYTES = 1 << 20
_EDGE = 1e-6  # of relevances, whose log-odds shall be finite


class HostedReranker:
    """`model` at the endpoint of the settings: one call for each query.

    A query takes at most `rerank_timeout_seconds`, retries and pauses included. After a failure no query is
    sent for `QUIET_SECONDS`, or for as long as a Retry-After says, so an endpoint that is away does not slow
    suggestions down. Redirects are not followed: the address is always that of the settings.
    """

    def __init__(self, settings: Settings, model: str) -> None:
        if not settings.rerank_base_url:
            raise RerankerNotConfigured
        key = settings.rerank_api_key
        self._model = model
        self._url = settings.rerank_base_url.rstrip("/") + "/v2/rerank"
        self._headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        self._timeout_s = settings.rerank_timeout_seconds
        self._http = httpx.Client(
            follow_redirects=False, limits=httpx.Limits(max_connections=4 * CONCURRENCY)
        )
        self._lock = threading.Lock()
        self._quiet_until = 0.0  # on the monotonic clock

    def close(self) -> None:
        """Let go of every connection; calls that are under way are abandoned."""
        self._http.close()

    def score(self, queries: Sequence[RerankQuery]) -> list[Scores]:
        """For each query the log-odds of its documents' relevance, shape (documents,)."""
        with metrics.reranking(), ThreadPoolExecutor(min(CONCURRENCY, max(len(queries), 1))) as pool:
            return list(pool.map(self._score, queries))

    def _score(self, query: RerankQuery) -> Scores:
        if not query.documents:
            return np.empty(0, dtype=np.float32)
        with self._lock:
            quiet_s = self._quiet_until - time.monotonic()
        if quiet_s > 0:
            raise RerankerUnavailable(retry_after=quiet_s)
        try:
            return self._with_retries(query)
        except RerankerUnavailable as error:
            wanted_s = min(max(error.retry_after or 0.0, QUIET_SECONDS), LONGEST_QUIET_SECONDS)
            with self._lock:
                self._quiet_until = time.monotonic() + wanted_s
            raise

    def _with_retries(self, query: RerankQuery) -> Scores:
        until = time.monotonic() + self._timeout_s
        retrying = Retrying(
            retry=retry_if_exception_type(RerankerUnavailable),
            stop=stop_after_attempt(CALLS) | stop_before_delay(self._timeout_s),
            wait=pauses(FIRST_PAUSE_SECONDS),
            reraise=True,
        )
        return retrying(lambda: _scores(self._call(query, until), len(query.documents)))

    def _call(self, query: RerankQuery, until: float) -> Any:
        """The answer's JSON.

        The call has a thread of its own, which is abandoned when time is up: the client's own timeouts are
        for each read, so an endpoint that sends a byte at a time would never meet them.
        """
        ended: queue.SimpleQueue[bytes | AppError] = queue.SimpleQueue()
        left_s = max(until - time.monotonic(), 0.001)

        def run() -> None:
            try:
                ended.put(self._ask(query, left_s))
            except AppError as error:
                ended.put(error)
            except (httpx.HTTPError, httpx.StreamError) as error:  # they may quote the address
                logger.warning("rerank call failed", error=type(error).__name__)
                ended.put(RerankerUnavailable())

        threading.Thread(target=run, daemon=True, name="rerank-call").start()
        try:
            result = ended.get(timeout=left_s)
        except queue.Empty:
            raise RerankerUnavailable from None
        if isinstance(result, AppError):
            raise result
        try:
            return json.loads(result)
        except ValueError:
            raise RerankerRefused from None

    def _ask(self, query: RerankQuery, timeout_s: float) -> bytes:
        documents = list(query.documents)
        body = {"model": self._model, "query": query.text, "documents": documents, "top_n": len(documents)}
        call = self._http.stream("POST", self._url, json=body, headers=self._headers, timeout=timeout_s)
        with call as response:
            _check_status(response.status_code, response.headers)
            answer = bytearray()
            for part in response.iter_bytes():
                answer += part
                if len(answer) > MAX_ANSWER_BYTES:
                    raise RerankerRefused
        return bytes(answer)


def _check_status(status: int, headers: Mapping[str, str]) -> None:
    if status == httpx.codes.OK:
        return
    logger.warning("rerank call failed", status=status)
    if status in RETRIED or status >= 500:
        raise RerankerUnavailable(retry_after=seconds_to_wait(headers.get("retry-after")))
    raise RerankerRefused(f"{RerankerRefused().message} It answered with status {status}.")


def _scores(answer: Any, count: int) -> Scores:
    """The log-odds of {"results": [{"index", "relevance_score"}, …]}, which names each document once."""
    try:
        relevances = {int(row["index"]): float(row["relevance_score"]) for row in answer["results"]}
    except (TypeError, KeyError, ValueError):
        raise RerankerRefused from None
    if relevances.keys() != set(range(count)) or not all(map(math.isfinite, relevances.values())):
        raise RerankerRefused
    relevance = np.clip([relevances[index] for index in range(count)], _EDGE, 1 - _EDGE)
    return np.asarray(np.log(relevance / (1 - relevance)), dtype=np.float32)
