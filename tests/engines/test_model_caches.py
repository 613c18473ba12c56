"""The caches of loaded models: who waits for whom, and what is let go."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.engines.artifacts import Artifacts
from shared.engines.encoder_cache import Encoders, ModelRef
from shared.engines.reranker_cache import RerankerRef, Rerankers
from shared.kit.settings import Settings

BASE = ModelRef("all-MiniLM-L6-v2")
WAIT_S = 20.0  # only a thread that is locked out waits this long, and then the test fails


def tuned(name: str) -> ModelRef:
    return ModelRef("all-MiniLM-L6-v2", None, f"models/{name}")


class SlowArtifacts(Artifacts):
    """Artifacts whose check of the files goes on until the test lets it end."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.is_checking = threading.Event()
        self.may_end = threading.Event()
        self.checked: list[str] = []

    def verify(self, name: str) -> None:
        """Say that the check has begun, and wait."""
        self.checked.append(name)
        self.is_checking.set()
        assert self.may_end.wait(WAIT_S)


@pytest.fixture
def artifacts(tmp_path: Path) -> Iterator[SlowArtifacts]:
    slow = SlowArtifacts(tmp_path)
    yield slow
    slow.may_end.set()


@pytest.fixture
def encoders(artifacts: SlowArtifacts) -> Encoders:
    return Encoders(artifacts, device="cpu", batch_size=8, capacity=2)


@pytest.fixture(params=["encoders", "rerankers"])
def get(request: pytest.FixtureRequest, encoders: Encoders) -> Callable[[ModelRef], object]:
    """Gets a model from one of the two caches."""
    if request.param == "encoders":
        return encoders.get
    rerankers = Rerankers(encoders, Settings(_env_file=None, reranker_cache_size=2))
    return lambda ref: rerankers.get(RerankerRef(ref))


def test_a_cached_model_never_waits_for_another_that_is_being_checked(
    get: Callable[[ModelRef], object], artifacts: SlowArtifacts
) -> None:
    cached = get(BASE)
    with ThreadPoolExecutor(2) as pool:
        try:
            new = pool.submit(get, tuned("new-1"))
            assert artifacts.is_checking.wait(WAIT_S)
            assert pool.submit(get, BASE).result(WAIT_S) is cached
            assert not new.done()
        finally:
            artifacts.may_end.set()
        assert new.result(WAIT_S) is get(tuned("new-1"))


def test_threads_that_want_the_same_new_model_load_it_once(
    get: Callable[[ModelRef], object], artifacts: SlowArtifacts
) -> None:
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(get, tuned("new-1")) for _ in range(4)]
        assert artifacts.is_checking.wait(WAIT_S)
        artifacts.may_end.set()
        models = {id(future.result(WAIT_S)) for future in futures}
    assert (len(models), artifacts.checked) == (1, ["models/new-1"])


def test_the_least_recently_used_model_goes_first(
    get: Callable[[ModelRef], object], artifacts: SlowArtifacts
) -> None:
    artifacts.may_end.set()
    first, second = get(tuned("a-1")), get(tuned("b-1"))
    assert get(tuned("a-1")) is first
    get(tuned("c-1"))
    assert get(tuned("a-1")) is first
    assert get(tuned("b-1")) is not second
