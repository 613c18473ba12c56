"""What the house asks of a large language model: a typed answer, or a fact that says why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from shared.kit.errors import AppError, Conflict, Unavailable
from shared.kit.settings import Settings

T = TypeVar("T", bound=BaseModel)

CALLS = 4  # at most, for one request


class LLMNotConfigured(Conflict):
    code = "llm-not-configured"
    message = (
        "No LLM is set. Set OUTLAY_LLM_BASE_URL and OUTLAY_LLM_MODEL (and OUTLAY_LLM_API_KEY where the "
        "endpoint wants one), or use the style 'offline', which needs none."
    )


class LLMUnavailable(Unavailable):
    code = "llm-unavailable"
    message = "The LLM's endpoint does not answer, or asks to be left alone. Try again later."


class LLMRefused(AppError):
    code = "llm-refused"
    message = "The LLM's endpoint refuses the request. Check OUTLAY_LLM_BASE_URL, _API_KEY, _MODEL and _MODE."


class LLMClosed(AppError):
    code = "llm-closed"
    message = "Nobody waits for the answer any more."


@dataclass(frozen=True)
class Usage:
    """Tokens that were counted by the endpoint, and calls that were made."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.calls + other.calls,
        )


class InvalidLLMOutput(AppError):
    code = "llm-rubbish"
    message = (
        "The LLM's answer cannot be used. `reason`: 'malformed', 'cut-short' or 'declined'; it was paid all "
        "the same."
    )

    def __init__(self, reason: str, usage: Usage) -> None:
        super().__init__()
        self.reason, self.usage = reason, usage


@dataclass(frozen=True)
class Request(Generic[T]):
    """Messages as (role, text), the shape of the answer, and how many tokens it may have."""

    messages: Sequence[tuple[str, str]]
    answer: type[T]
    max_completion_tokens: int


@dataclass(frozen=True)
class LLMReply(Generic[T]):
    """What was answered, and what it took."""

    value: T
    usage: Usage


class LLM(Protocol):
    """Answers requests; safe to share by threads."""

    @property
    def name(self) -> str:
        """The model's name at its endpoint."""
        ...

    def ask(self, request: Request[T]) -> LLMReply[T]:
        """The answer, in the shape that was asked for.

        Raises:
            LLMUnavailable: no answer after `CALLS` calls.
            LLMRefused: the endpoint does not want the request.
            InvalidLLMOutput: the answer has another shape; it is not mended, nor asked for again.
            LLMClosed: `close` was called meanwhile.
        """
        ...

    def close(self) -> None:
        """Let every `ask` end at once; calls that are under way are abandoned."""
        ...


def check_configured(settings: Settings) -> None:
    """Raise LLMNotConfigured unless the settings name an endpoint and a model."""
    if not settings.llm_base_url or not settings.llm_model:
        raise LLMNotConfigured
