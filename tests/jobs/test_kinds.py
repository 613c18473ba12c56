"""The table of kinds, and the functions that it names."""

import re
from dataclasses import replace
from typing import Any

import pytest

from shared.jobs.handlers import BadHandler, load_handlers, load_trainer_handlers
from shared.jobs.kinds import KINDS, QUEUES, Params, kind_of
from shared.jobs.run import Effects, Run
from shared.resources import Resources


def fits(run: Run, params: Params, resources: Resources, *, hook: Any = None) -> Effects:
    raise AssertionError("never called")


def takes_too_little(run: Run, params: Params) -> Effects:
    raise AssertionError("never called")


def takes_others(run: Run, params: dict[str, Any], resources: Resources) -> Effects:
    raise AssertionError("never called")


def test_every_kind_has_a_handler_that_takes_its_parameters() -> None:
    assert load_handlers().keys() == KINDS.keys()


def test_the_kinds_on_the_gpu_have_a_handler_in_the_trainers_process() -> None:
    assert load_trainer_handlers().keys() == {kind.name for kind in KINDS.values() if kind.queue == "gpu"}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("tests.jobs.test_kinds:missing", "cannot be imported"),
        ("tests.jobs.no_module:missing", "cannot be imported"),
        ("tests.jobs.test_kinds:takes_too_little", "should take (run, params, resources), not (run, params)"),
        ("tests.jobs.test_kinds:takes_others", "does not take the parameters"),
    ],
)
def test_a_worker_does_not_start_with_a_kind_whose_handler_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, name: str, problem: str
) -> None:
    kind = replace(KINDS["import"], params=Params)
    monkeypatch.setitem(KINDS, "import", replace(kind, handler=f"{__name__}:fits"))
    assert load_handlers()["import"] is fits
    monkeypatch.setitem(KINDS, "import", replace(kind, handler=name))
    with pytest.raises(BadHandler, match=re.escape(problem)):
        load_handlers()


def test_a_kind_is_found_by_its_parameters() -> None:
    assert len({kind.params for kind in KINDS.values()}) == len(KINDS)
    for kind in KINDS.values():
        assert kind_of(kind.params.model_construct()) is kind


def test_each_kind_has_a_queue_and_a_priority_that_exist() -> None:
    assert {kind.queue for kind in KINDS.values()} == set(QUEUES)
    assert all(0 <= kind.priority <= 9 for kind in KINDS.values())


def test_kinds_that_write_models_or_collections_say_so() -> None:
    """Erasing finds files and collections by the ids of these jobs, after their rows are gone."""
    assert {kind.name for kind in KINDS.values() if kind.leaves_models} == {
        "train",
        "train_reranker",
        "trial",
        "import_model",
    }
    assert {kind.name for kind in KINDS.values() if kind.leaves_collections} == {"evaluate"}
