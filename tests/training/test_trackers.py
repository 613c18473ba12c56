"""Trainings told to trackers: only the recipe and numbers, and never at the price of the training."""

import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.jobs.kinds import Recipe, RerankerTrainingParams, TrainingParams
from shared.resources import Resources
from shared.training import trackers
from shared.training.trackers import Point, ReportNotBegun
from tests.factories import OrganizationClient
from tests.training.trainings import run_job, submit

CANARY = "canary-of-a-text"


class Recorder:
    """A tracker that keeps what it is told, and may fail."""

    def __init__(self, fails: bool = False) -> None:
        self.begun: tuple[str, Any] | None = None
        self.points: list[Point] = []
        self.ends: list[bool] = []
        self._fails = fails

    def send(self, points: Sequence[Point]) -> None:
        if self._fails:
            raise ConnectionError
        self.points += points

    def end(self, has_failed: bool) -> None:
        self.ends.append(has_failed)


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> dict[str, Recorder]:
    """In the place of both libraries, which are extras: one that works and one that does not."""
    recorders = {"mlflow": Recorder(), "wandb": Recorder(fails=True)}

    def begin(tracker: str, name: str, recipe: Any) -> Recorder:
        recorders[tracker].begun = (name, recipe)
        return recorders[tracker]

    monkeypatch.setattr(trackers, "_begin", begin)
    monkeypatch.setattr(trackers, "check_installed", lambda _: None)
    return recorders


def params(**others: Any) -> TrainingParams:
    ids = {"dataset_id": uuid.uuid4(), "base_model_version_id": uuid.uuid4()}
    return TrainingParams(name=CANARY, matryoshka_dimensions=(64, 32), **ids, **others)


SUMMARY = {
    "device": CANARY,
    "epochs": [{"epoch": 0, "text": CANARY}],
    "test": {"n": 4, "after": {"mrr": {"value": 0.5, "low": 0.1}}, "rows": [CANARY]},
    "triplet_accuracy_before": None,
    "steps": 2,
}


def test_only_the_recipe_and_numbers_leave(recorders: dict[str, Recorder]) -> None:
    with trackers.track_run(["mlflow"], "May", params(seed=5)) as logger:
        logger.step(1, {"epoch": 0.5, "loss": 2.0})
        logger.step(2, {"epoch": 1.0, "loss": 1.0})
        logger.result(SUMMARY)
    recorder = recorders["mlflow"]
    assert recorder.begun is not None
    name, recipe = recorder.begun
    assert (name, recipe.keys()) == ("May", set(Recipe.model_fields))
    assert (recipe["seed"], recipe["loss"], recipe["matryoshka_dimensions"]) == (5, "mnrl", "64, 32")
    assert [(step, figures) for step, figures, _ in recorder.points] == [
        (1, {"epoch": 0.5, "loss": 2.0}),
        (2, {"epoch": 1.0, "loss": 1.0}),
        (2, {"test/n": 4.0, "test/after/mrr/value": 0.5, "test/after/mrr/low": 0.1, "steps": 2.0}),
    ]
    assert recorder.ends == [False]
    assert CANARY not in json.dumps([recorder.begun, recorder.points])


def test_of_a_reranker_neither_names_nor_ids_leave() -> None:
    given = RerankerTrainingParams(dataset_id=uuid.uuid4(), name=CANARY, miner_version_id=uuid.uuid4())
    recipe = trackers.recipe_of(given)
    assert {"epochs", "learning_rate", "negatives_per_row", "seed"} <= recipe.keys()
    assert not [name for name in recipe if name == "name" or name.endswith("_id") or "model" in name]


def test_a_tracker_that_fails_is_told_no_more_and_harms_nothing(recorders: dict[str, Recorder]) -> None:
    with trackers.track_run(["wandb", "mlflow"], "May", params()) as logger:
        logger.step(1, {"loss": 1.0})
    assert (recorders["wandb"].ends, recorders["mlflow"].ends) == ([], [False])
    assert len(recorders["mlflow"].points) == 1


def test_a_tracker_that_takes_no_run_stops_the_training_before_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> Recorder:
        raise ConnectionError(f"https://user:{CANARY}@tracker")

    monkeypatch.setattr(trackers, "_begin", refuse)
    monkeypatch.setattr(trackers, "check_installed", lambda _: None)
    with (
        pytest.raises(ReportNotBegun, match="mlflow") as caught,
        trackers.track_run(["mlflow"], "May", params()),
    ):
        pytest.fail("nothing was to be trained")
    assert CANARY not in caught.value.message


def test_a_training_that_ends_badly_is_told_as_such(recorders: dict[str, Recorder]) -> None:
    with pytest.raises(RuntimeError), trackers.track_run(["mlflow"], "May", params()):
        raise RuntimeError
    assert recorders["mlflow"].ends == [True]


def test_nothing_is_told_where_no_tracker_is_named() -> None:
    with trackers.track_run([], "May", params()) as logger:
        logger.step(1, {"loss": 1.0})
        logger.result({})


# A trainer in whose process there is no library of the name mlflow.
TRAINER_WITHOUT_MLFLOW = [
    sys.executable,
    "-c",
    """
import importlib.util, runpy
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "mlflow" else find_spec(name, *rest)
runpy.run_module("worker.trainer", run_name="__main__", alter_sys=True)
""",
]


@pytest.mark.usefixtures("environment")
def test_a_training_without_the_library_fails_at_once_and_says_what_to_install(
    organization: OrganizationClient,
    resources: Resources,
    engine: Engine,
    dataset_id: uuid.UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUTLAY_TRAINING_REPORTS", '["mlflow"]')
    job = run_job(resources, submit(engine, organization, dataset_id, "told"), TRAINER_WITHOUT_MLFLOW)
    assert job.status == "failed"
    assert job.error is not None
    assert "make install EXTRAS=mlflow" in job.error["message"]


def test_mlflow_keeps_what_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="`make test` installs it")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tmp_path.as_uri())
    with trackers.track_run(["mlflow"], "May", params(seed=5)) as logger:
        logger.step(1, {"loss": 2.0})
        logger.result(SUMMARY)
    [run] = [path.parent for path in tmp_path.glob("*/*/params")]
    assert (run / "params" / "seed").read_text() == "5"
    assert (run / "metrics" / "loss").read_text().split()[1:] == ["2.0", "1"]
    assert {path.name for path in (run / "tags").iterdir()} == {"mlflow.runName"}
    told_at_all = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert CANARY not in told_at_all


def test_wandb_takes_a_run_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="`make test` installs it")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    with trackers.track_run(["wandb"], "May", params(seed=5)) as logger:
        logger.step(1, {"loss": 2.0})
        logger.result(SUMMARY)
    [kept] = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert CANARY.encode() not in kept.read_bytes()
