"""The LLM of the settings, through instructor on the openai client."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_attempt

from shared.engines.llm import (
    CALLS,
    InvalidLLMOutput,
    LLMClosed,
    LLMRefused,
    LLMReply,
    LLMUnavailable,
    Request,
    T,
    Usage,
    check_configured,
)
from shared.kit.logging import get_logger
from shared.kit.retries import pauses, seconds_to_wait
from shared.kit.settings import Settings

logger = get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.5  # before the second call; doubled before each further one
LONGEST_PAUSE_SECONDS = 30.0  # an endpoint that asks for more is taken to be away
RETRIED = frozenset({408, 409, 425, 429})  # and every 5xx


class OpenAILLM:
    """The endpoint of the settings, by JSON schema, tool call or JSON mode; see `LLM` for what it raises.

    A call ends after `llm_timeout_seconds`, however slowly its bytes arrive. The libraries' retries are off:
    here the pauses double, with jitter, and after a Retry-After no thread calls. Redirects are not followed:
    the address is always that of the settings.
    """

    def __init__(self, settings: Settings) -> None:
        check_configured(settings)
        import instructor  # most of two seconds, which only a job that asks should spend
        import openai

        # They quote prompts and answers, which no log may hold.
        for name in ("instructor", "openai", "httpx2"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        key = settings.llm_api_key
        self.name = settings.llm_model or ""
        self._timeout_s = settings.llm_timeout_seconds
        self._http = openai.DefaultHttpxClient(timeout=self._timeout_s, follow_redirects=False)
        client = openai.OpenAI(
            base_url=settings.llm_base_url,
            api_key=key.get_secret_value() if key else "none",
            max_retries=0,
            http_client=self._http,
        )
        self._client = instructor.from_openai(client, mode=instructor.Mode[settings.llm_mode.upper()])
        self._changed = threading.Condition()
        self._is_closed = False
        self._calls_under_way = 0
        self._quiet_until = 0.0  # on the monotonic clock

    def close(self) -> None:
        """Let every `ask` end at once; calls that are under way are abandoned.

        The last of them closes the HTTP client: a call that is just connecting would leave its socket open.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            is_idle = self._calls_under_way == 0
        if is_idle:
            self._http.close()

    def ask(self, request: Request[T]) -> LLMReply[T]:
        """The answer, in the shape that was asked for."""
        for attempt in Retrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_attempt(CALLS),
            wait=pauses(FIRST_PAUSE_SECONDS),
            sleep=self._pause,
            reraise=True,
        ):
            with attempt:
                self._pause(self._quiet_until - time.monotonic())
                return self._within(lambda: self._call(request), attempt.retry_state.attempt_number)
        raise AssertionError("the last call returns or raises")

    def _pause(self, seconds: float) -> None:
        with self._changed:
            if self._changed.wait_for(lambda: self._is_closed, max(seconds, 0)):
                raise LLMClosed

    def _within(self, work: Callable[[], LLMReply[T]], call: int) -> LLMReply[T]:
        """The result of `work`, which has a thread of its own, abandoned when time is up or after `close`.

        The client's own timeouts are for each read, so an endpoint that sends a byte at a time would never
        meet them, and no client ends a call because another thread closes it.
        """
        results: list[LLMReply[T] | BaseException] = []

        def run() -> None:
            try:
                ended: LLMReply[T] | BaseException = work()
            except BaseException as error:
                ended = error
            with self._changed:
                results.append(ended)
                self._calls_under_way -= 1
                is_last = self._is_closed and self._calls_under_way == 0
                self._changed.notify_all()
            if is_last:
                self._http.close()

        with self._changed:
            if self._is_closed:
                raise LLMClosed
            self._calls_under_way += 1
        threading.Thread(target=run, daemon=True, name="llm-call").start()
        with self._changed:
            self._changed.wait_for(lambda: results or self._is_closed, self._timeout_s)
            if self._is_closed:
                raise LLMClosed
        if not results:
            raise LLMUnavailable
        [ended] = results
        if isinstance(ended, LLMUnavailable) and _is_passing(ended):
            self._quiet_until = max(self._quiet_until, time.monotonic() + (ended.retry_after or 0.0))
        if isinstance(ended, InvalidLLMOutput):
            raise InvalidLLMOutput(ended.reason, replace(ended.usage, calls=call))
        if isinstance(ended, BaseException):
            raise ended
        return LLMReply(ended.value, replace(ended.usage, calls=call))

    def _call(self, request: Request[T]) -> LLMReply[T]:
        """One call, translated from the libraries' errors into ours."""
        import openai
        from instructor.core import Hooks, InstructorError

        raw: list[Any] = []
        hooks = Hooks()
        hooks.on("completion:response", raw.append)
        try:
            value = self._client.chat.completions.create(
                model=self.name,
                messages=[{"role": role, "content": text} for role, text in request.messages],  # type: ignore[misc]  # a typed dict for each role
                response_model=request.answer,
                max_retries=0,  # what is malformed is refused, not sent back to be mended
                max_completion_tokens=request.max_completion_tokens,
                hooks=hooks,
            )
        except (InstructorError, AssertionError, openai.OpenAIError) as error:
            raise _translated(error, raw) from None
        return LLMReply(value, _usage(raw))


def _is_passing(error: BaseException) -> bool:
    """Whether to call again; not where the endpoint asks for a longer pause than is waited here."""
    return isinstance(error, LLMUnavailable) and (error.retry_after or 0.0) <= LONGEST_PAUSE_SECONDS


def _translated(error: BaseException, raw: list[Any]) -> Exception:
    """Our error for one of the libraries', without its text, which quotes prompt and answer."""
    import openai
    from instructor.core import IncompleteOutputException

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, openai.OpenAIError):
        cause = cause.__cause__
    logger.warning("llm call failed", error=type(cause or error.__cause__ or error).__name__)
    if isinstance(cause, openai.APIStatusError):
        if cause.status_code in RETRIED or cause.status_code >= 500:
            return LLMUnavailable(retry_after=seconds_to_wait(cause.response.headers.get("retry-after")))
        return LLMRefused(f"{LLMRefused().message} It answered with status {cause.status_code}.")
    if not raw:
        return LLMUnavailable()
    if isinstance(error, IncompleteOutputException):
        return InvalidLLMOutput("cut-short", _usage(raw))
    choices = getattr(raw[0], "choices", None) or []
    declined = any(choice.message.refusal is not None for choice in choices)
    return InvalidLLMOutput("declined" if declined else "malformed", _usage(raw))


def _usage(raw: list[Any]) -> Usage:
    """The tokens that the endpoint says it counted; none where it says nothing."""
    counted = getattr(raw[0], "usage", None) if raw else None
    prompt = getattr(counted, "prompt_tokens", None) or 0
    completion = getattr(counted, "completion_tokens", None) or 0
    return Usage(max(int(prompt), 0), max(int(completion), 0), 1)
