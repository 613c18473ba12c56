"""The LLM's endpoint as it is over HTTP: every mode, every way to fail, and nothing of it in a log."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.scripted_llm import OK, Action, Script, ScriptedLLM, always, changing, first
from devtools.waiting import eventually
from shared.engines import llm_openai
from shared.engines.llm import (
    CALLS,
    InvalidLLMOutput,
    LLMClosed,
    LLMNotConfigured,
    LLMRefused,
    LLMUnavailable,
    Request,
    Usage,
)
from shared.engines.llm_openai import OpenAILLM
from shared.generation import prompts
from shared.generation.rows import Transactions
from shared.kit.settings import Settings

WANTED = [{"key": "6220", "name": "Lodging", "rows": 2}]


def settings_of(server: ScriptedLLM, **values: Any) -> Settings:
    given = {"llm_base_url": server.url, "llm_model": "scripted", "llm_api_key": "sk-secret", **values}
    return Settings(_env_file=None, **given)


def request(**values: Any) -> Request[Transactions]:
    messages = prompts.render("plain", {"wanted": WANTED, **values})
    return Request(messages, Transactions, max_completion_tokens=500)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_openai, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[ScriptedLLM]:
    with ScriptedLLM() as running:
        yield running


def ask(server: ScriptedLLM, script: Script | None = None, **values: Any) -> Any:
    server.script = script or always(OK)
    llm = OpenAILLM(settings_of(server, **values))
    try:
        return llm.ask(request())
    finally:
        llm.close()


@pytest.mark.parametrize("mode", ["json_schema", "tools", "json"])
def test_each_mode_gives_rows_and_the_tokens_that_were_counted(server: ScriptedLLM, mode: str) -> None:
    answer = ask(server, llm_mode=mode)
    assert [row["category"] for row in answer.value.rows] == ["6220", "6220"]
    assert answer.usage == Usage(server.prompt_tokens, server.completion_tokens, calls=1)
    [sent] = server.requests
    assert (sent["model"], sent["max_completion_tokens"], "stream" in sent) == ("scripted", 500, False)
    expected = {"json_schema": "json_schema", "json": "json_object"}.get(mode)
    assert sent.get("response_format", {}).get("type") == expected
    assert ("tools" in sent) == (mode == "tools")


@pytest.mark.parametrize("values", [{"llm_base_url": None}, {"llm_model": None}, {"llm_base_url": ""}])
def test_without_an_endpoint_or_a_model_the_error_says_what_to_set(
    server: ScriptedLLM, values: dict[str, Any]
) -> None:
    with pytest.raises(LLMNotConfigured, match="OUTLAY_LLM_BASE_URL and OUTLAY_LLM_MODEL"):
        OpenAILLM(settings_of(server, **values))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_passing_failure_is_retried(server: ScriptedLLM, status: int) -> None:
    answer = ask(server, first(2, Action("error", status=status)))
    assert answer.usage.calls == len(server.requests) == 3


def test_retries_are_bounded(server: ScriptedLLM) -> None:
    with pytest.raises(LLMUnavailable):
        ask(server, always(Action("error")))
    assert len(server.requests) == CALLS


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_what_will_not_get_better_is_not_retried(server: ScriptedLLM, status: int) -> None:
    with pytest.raises(LLMRefused) as error:
        ask(server, always(Action("error", status=status)))
    assert len(server.requests) == 1
    assert str(status) in error.value.message
    assert "Ignore previous" not in error.value.message


@pytest.mark.parametrize(
    ("kind", "reason"), [("malformed", "malformed"), ("declined", "declined"), ("cut-short", "cut-short")]
)
@pytest.mark.parametrize("mode", ["json_schema", "tools", "json"])
def test_rubbish_is_refused_and_neither_mended_nor_asked_for_again(
    server: ScriptedLLM, kind: str, reason: str, mode: str
) -> None:
    with pytest.raises(InvalidLLMOutput) as error:
        ask(server, always(Action(kind)), llm_mode=mode)
    assert error.value.reason == reason
    assert len(server.requests) == 1
    assert error.value.usage == Usage(server.prompt_tokens, server.completion_tokens, calls=1)


def test_retry_after_is_waited_for_by_every_thread(
    server: ScriptedLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = first(1, Action("rate-limit", retry_after="7"))
    llm = OpenAILLM(settings_of(server))
    pauses: list[float] = []
    monkeypatch.setattr(llm, "_pause", pauses.append)
    llm.ask(request())
    assert max(pauses) >= 7
    pauses.clear()
    llm.ask(request())  # as another thread would
    assert 0 < max(pauses) <= 7
    llm.close()


@pytest.mark.parametrize("header", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_long_retry_after_is_not_waited_for(server: ScriptedLLM, header: str) -> None:
    with pytest.raises(LLMUnavailable) as error:
        ask(server, always(Action("rate-limit", retry_after=header)))
    assert len(server.requests) == 1
    assert error.value.retry_after is not None
    assert error.value.retry_after >= 3600


@pytest.mark.parametrize("header", ["soon", "-5", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_a_strange_retry_after_is_no_reason_to_wait(server: ScriptedLLM, header: str) -> None:
    assert ask(server, first(1, Action("rate-limit", retry_after=header))).usage.calls == 2


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_a_call_ends_when_its_time_is_up(server: ScriptedLLM, kind: str) -> None:
    answer = ask(server, first(1, Action(kind)), llm_timeout_seconds=0.5)
    assert server.kinds == [kind, "ok"]
    assert answer.usage.calls == 2


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_closing_ends_a_hanging_ask_at_once(server: ScriptedLLM, kind: str) -> None:
    server.script = always(Action(kind))
    llm = OpenAILLM(settings_of(server, llm_timeout_seconds=600))
    ended: list[BaseException] = []

    def work() -> None:
        try:
            llm.ask(request())
        except LLMClosed as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    eventually(lambda: server.requests)
    llm.close()
    thread.join(30)
    assert len(ended) == 1
    with pytest.raises(LLMClosed):
        llm.ask(request())


def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    with ScriptedLLM() as gone:
        settings = settings_of(gone)
    with pytest.raises(LLMUnavailable):
        OpenAILLM(settings).ask(request())


def test_no_log_holds_prompt_answer_or_key(server: ScriptedLLM, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for action in (OK, Action("malformed"), Action("error", status=401), Action("cut-short")):
        with contextlib.suppress(InvalidLLMOutput, LLMRefused):
            ask(server, always(action))
    logged = " ".join(record.getMessage() for record in caplog.records)
    for secret in ("sk-secret", "Lodging", "Ignore previous", "merchant_name"):
        assert secret not in logged


def test_an_answer_of_another_shape_is_rubbish(server: ScriptedLLM) -> None:
    with pytest.raises(InvalidLLMOutput):
        ask(server, changing(lambda _: "nothing"))  # type: ignore[arg-type, return-value]  # that is the point
