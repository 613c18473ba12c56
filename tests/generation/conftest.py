"""A scripted endpoint and settings that name it."""

from collections.abc import Iterator

import pytest

from devtools.scripted_llm import ScriptedLLM
from shared.engines import llm_openai
from shared.kit.settings import Settings
from tests.generation.working import llm_settings


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_openai, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[ScriptedLLM]:
    """The endpoint; it answers everything until it is given a script."""
    with ScriptedLLM() as running:
        yield running


@pytest.fixture
def configured(settings: Settings, server: ScriptedLLM) -> Settings:
    """Settings with the endpoint, prices, and two calls at once."""
    prices = {"llm_input_price": 1.0, "llm_output_price": 2.0}
    return llm_settings(settings, server, llm_concurrency=2, **prices)
