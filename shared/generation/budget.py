"""What a generation may spend, what it has spent, and what came of it."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from shared.engines.llm import Usage

# Before an endpoint has counted a prompt: two bytes a token, where English has about four.
FIRST_TOKENS_PER_BYTE = 0.5
OVERHEAD_TOKENS = 20  # that chat formats put around the messages


@dataclass(frozen=True)
class Prices:
    """The prices of a million tokens."""

    prompt: float = 0.0
    completion: float = 0.0

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The cost of this many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1_000_000


class Budget:
    """Admits a call only if it cannot exceed a cap, together with the calls in flight. Shared by threads.

    A prompt's tokens are known only afterwards; they are estimated from its bytes, by the highest ratio that
    the endpoint has counted so far. The completion's limit is sent with the request.
    """

    def __init__(
        self, prices: Prices, spent: Usage, *, max_tokens: int | None = None, max_cost: float | None = None
    ) -> None:
        self._prices = prices
        self._max_tokens, self._max_cost = max_tokens, max_cost
        self._lock = threading.Lock()
        self._spent = spent
        self._reserved_prompt = self._reserved_completion = 0
        self._tokens_per_byte: float | None = None
        self._largest_completion = 0

    def reserve(self, prompt_bytes: int, completion_tokens: int) -> tuple[int, int] | None:
        """Reserve the call's tokens, (prompt, completion); None: it might exceed a cap, so do not call."""
        with self._lock:
            ratio = FIRST_TOKENS_PER_BYTE if self._tokens_per_byte is None else self._tokens_per_byte
            # Some endpoints exceed the limit that is sent: then expect the same of them again.
            claim = (
                int(prompt_bytes * ratio) + OVERHEAD_TOKENS,
                max(completion_tokens, self._largest_completion),
            )
            prompt = self._spent.prompt_tokens + self._reserved_prompt + claim[0]
            completion = self._spent.completion_tokens + self._reserved_completion + claim[1]
            if self._max_tokens is not None and prompt + completion > self._max_tokens:
                return None
            if self._max_cost is not None and self._prices.cost(prompt, completion) > self._max_cost:
                return None
            self._reserved_prompt += claim[0]
            self._reserved_completion += claim[1]
            return claim

    def settle(self, claim: tuple[int, int], prompt_bytes: int, usage: Usage) -> None:
        """Replace the reservation with what was counted."""
        with self._lock:
            self._reserved_prompt -= claim[0]
            self._reserved_completion -= claim[1]
            self._spent += usage
            if usage.prompt_tokens and prompt_bytes:
                ratio = usage.prompt_tokens / prompt_bytes
                self._tokens_per_byte = max(ratio, self._tokens_per_byte or 0.0)
            self._largest_completion = max(self._largest_completion, usage.completion_tokens)


@dataclass
class Tally:
    """What a job has done so far, over all its attempts; stored in its row with every batch."""

    asked: int = 0  # rows in the requests that were answered
    received: int = 0
    valid: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # rows by reason
    answers_refused: Counter[str] = field(default_factory=Counter)  # whole answers by reason
    batches_failed: int = 0  # given up, since the endpoint did not answer
    usage: Usage = field(default_factory=Usage)
    ranks: list[int | None] = field(default_factory=list)
    done: list[int] = field(default_factory=list)  # numbers of the batches that need no further request

    def as_json(self) -> dict[str, Any]:
        """For the job's row; `of_json` is the inverse."""
        return {
            **vars(self),
            "usage": vars(self.usage),
            "refused": dict(self.refused),
            "answers_refused": dict(self.answers_refused),
        }

    @classmethod
    def of_json(cls, stored: dict[str, Any] | None) -> "Tally":
        """The tally of the attempts before, or a new one."""
        if not stored:
            return cls()
        values = {**stored, "usage": Usage(**stored["usage"])}
        for name in ("refused", "answers_refused"):
            values[name] = Counter(stored[name])
        return cls(**values)
