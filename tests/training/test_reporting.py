"""Who reports a training: none of the library's own reporters, one process of several, and never a trial."""

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from shared.jobs.kinds import Recipe, TrialParams
from shared.resources import Resources
from shared.training import trackers
from shared.training.library_trainer import common_arguments
from shared.training.search import trial
from shared.training.search.results import TrialScores


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The trackers that were told of a run, in the place of libraries that are extras."""
    started: list[str] = []

    class Tracker:
        def send(self, points: Any) -> None:
            """Kept nowhere."""

        def end(self, has_failed: bool) -> None:
            """It is over."""

    def begin(tracker: str, *_: Any) -> Tracker:
        started.append(tracker)
        return Tracker()

    monkeypatch.setattr(trackers, "_begin", begin)
    monkeypatch.setattr(trackers, "check_installed", lambda _: None)
    return started


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bi-encoder", "cross-encoder"])
def test_a_trainer_of_the_library_reports_nothing_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from sentence_transformers import SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments

    monkeypatch.setenv("WANDB_PROJECT", "somewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tmp_path.as_uri())
    arguments = {
        "bi-encoder": SentenceTransformerTrainingArguments,
        "cross-encoder": CrossEncoderTrainingArguments,
    }
    given = common_arguments(tmp_path, device="cpu", precision="float32", seed=1, sampler=DefaultBatchSampler)
    trainer_args = arguments[kind](**given)
    assert (trainer_args.report_to, trainer_args.push_to_hub) == ([], False)


@pytest.mark.parametrize(("rank", "is_tracked"), [(None, True), ("0", True), ("1", False), ("3", False)])
def test_of_several_processes_the_first_one_reports(
    begun: list[str], monkeypatch: pytest.MonkeyPatch, rank: str | None, is_tracked: bool
) -> None:
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)  # as torchrun does
    with trackers.track_run(["mlflow", "wandb"], "May", Recipe()) as to:
        to.step(1, {"loss": 1.0})
    assert begun == (["mlflow", "wandb"] if is_tracked else [])


def test_a_trial_is_told_to_nobody(
    begun: list[str], resources: Resources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = resources.settings.model_copy(update={"training_reports": ["mlflow"]})
    with_trackers = replace(resources, settings=settings)
    monkeypatch.setattr(Resources, "close", lambda _: None)
    params = cast(TrialParams, None)  # what loads a request is scripted
    monkeypatch.setattr(trial, "load_request", lambda *_: None)
    scores = TrialScores(
        value=0.5, low=0.4, high=0.6, n=9, recall_at_1=0.5, running=(0.5,), is_pruned=False, seconds=1.0
    )
    monkeypatch.setattr(trial, "cross_validate", lambda *_: scores)
    reported = trial.run_trial(uuid.uuid4(), params, with_trackers, tmp_path, lambda *_: None)
    assert (reported, begun) == (scores.model_dump(mode="json"), [])
