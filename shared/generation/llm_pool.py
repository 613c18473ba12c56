"""Concurrent requests to the LLM, one thread each; the caller's thread takes the replies one by one."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.engines.llm import LLM, InvalidLLMOutput, LLMClosed, LLMUnavailable, Request, Usage
from shared.generation.batch_plan import Batch
from shared.generation.budget import Budget

POLL_SECONDS = 0.2  # how often the caller checks whether it should stop
TRIES = 3  # of one batch, each of several calls
FAILED_IN_ROW = 3  # then the endpoint is down, not unlucky
INVALID_IN_ROW = 5  # then it will not get better, and each costs money

Rows = list[Any]


@dataclass(frozen=True)
class Reply:
    """What came of a batch: rows as they were sent, or why there are none, and what it took."""

    batch: Batch
    rows: Rows
    usage: Usage
    refused: str | None = None
    is_failed: bool = False  # the endpoint did not answer


class LLMPool:
    """Asks for batches with `concurrency` threads; iterate `replies`, then read `stopped_by`.

    `stopped_by`: None when every batch was asked; 'cap', 'useless-answers' or 'endpoint' (it does not answer)
    when the rest was not.
    """

    def __init__(
        self,
        llm: LLM,
        budget: Budget,
        batches: Sequence[Batch],
        make_request: Callable[[Batch], Request[Any]],
        concurrency: int,
    ) -> None:
        self._llm, self._budget, self._make_request = llm, budget, make_request
        self._waiting = deque((batch, 1) for batch in batches)
        self._replies: queue.SimpleQueue[Reply | BaseException] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._in_flight = 0
        self._failed_in_row = self._invalid_in_row = 0
        self._concurrency = min(concurrency, max(1, len(batches)))
        self.stopped_by: str | None = None

    def replies(self, check: Callable[[], None]) -> Generator[Reply, None, None]:
        """Each batch's reply as it comes; `check` is called several times a second and may raise.

        In the end, however it comes, the LLM is closed, so that no thread outlives it by more than a moment.

        Raises:
            LLMRefused: the endpoint rejects the request.
        """
        threads = [
            threading.Thread(target=self._work, daemon=True, name=f"llm-{number}")
            for number in range(self._concurrency)
        ]
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads) or not self._replies.empty():
                check()
                try:
                    reply = self._replies.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(reply, BaseException):
                    raise reply
                yield reply
        finally:
            self._llm.close()

    def _work(self) -> None:
        try:
            while (taken := self._take()) is not None and self._ask(*taken):
                pass
        except LLMClosed:
            pass
        except BaseException as error:
            self._replies.put(error)

    def _take(self) -> tuple[Batch, int] | None:
        with self._lock:
            if self.stopped_by is not None or not self._waiting:
                return None
            self._in_flight += 1
            return self._waiting.popleft()

    def _ask(self, batch: Batch, tries: int) -> bool:
        """Request one batch; False: the budget is reserved, so leave the rest to the threads in flight."""
        request = self._make_request(batch)
        prompt_bytes = sum(len(text.encode()) for _, text in request.messages)
        claim = self._budget.reserve(prompt_bytes, request.max_completion_tokens)
        if claim is None:
            self._put_back(batch, tries)
            return False
        usage = Usage()
        try:
            answer = self._llm.ask(request)
            usage = answer.usage
            self._deliver(Reply(batch, list(answer.value.rows), usage))
        except InvalidLLMOutput as error:
            usage = error.usage
            self._deliver(Reply(batch, [], usage, refused=error.reason))
        except LLMUnavailable:
            self._retry_or_fail(batch, tries)
        finally:
            self._budget.settle(claim, prompt_bytes, usage)
        return True

    def _put_back(self, batch: Batch, tries: int) -> None:
        """The calls in flight may use less than they reserved; with none in flight, the cap is reached."""
        with self._lock:
            self._waiting.appendleft((batch, tries))
            self._in_flight -= 1
            if self._in_flight == 0:
                self.stopped_by = self.stopped_by or "cap"

    def _deliver(self, reply: Reply) -> None:
        with self._lock:
            self._in_flight -= 1
            self._failed_in_row = 0
            self._invalid_in_row = self._invalid_in_row + 1 if reply.refused else 0
            if self._invalid_in_row >= INVALID_IN_ROW:
                self.stopped_by = self.stopped_by or "useless-answers"
        self._replies.put(reply)

    def _retry_or_fail(self, batch: Batch, tries: int) -> None:
        with self._lock:
            self._in_flight -= 1
            self._failed_in_row += 1
            if self._failed_in_row >= FAILED_IN_ROW:
                self.stopped_by = self.stopped_by or "endpoint"
            if tries < TRIES:
                self._waiting.append((batch, tries + 1))
                return
        self._replies.put(Reply(batch, [], Usage(), is_failed=True))
