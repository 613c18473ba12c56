"""Reports trainings to experiment trackers as they run: the recipe and numbers. Off unless a setting asks.

The trackers' own trainer callbacks send far more: paths, the machine, what was printed. Here `recipe_of` and
`numbers_of` list everything that leaves.
"""

import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from shared.jobs.kinds import Params, Recipe, RerankerTrainingParams
from shared.kit.errors import AppError
from shared.kit.extras import how_to_install
from shared.kit.logging import get_logger
from shared.training.library_trainer import is_first_process

logger = get_logger(__name__)

EVERY_S = 5.0  # a step may take milliseconds, a tracker longer to answer
PROJECT = "outlay"
_RECIPE = set(Recipe.model_fields) | (set(RerankerTrainingParams.model_fields) - {"name"})

Value = int | float | str | bool
# (step, figures by name, seconds since 1970)
Point = tuple[int, dict[str, float], float]


class ReportsNotInstalled(AppError):
    code = "reports-not-installed"
    message = "OUTLAY_TRAINING_REPORTS names a tracker whose library is not installed."

    def __init__(self, tracker: str) -> None:
        super().__init__(
            f"OUTLAY_TRAINING_REPORTS names {tracker}, which is not installed. {how_to_install(tracker)}"
        )


class ReportNotBegun(AppError):
    code = "report-not-begun"
    message = "A tracker in OUTLAY_TRAINING_REPORTS cannot be reached."

    def __init__(self, tracker: str) -> None:
        super().__init__(
            f"{tracker}, which OUTLAY_TRAINING_REPORTS names, does not accept a new run. Look at the "
            "worker's log, and at the address and key in the tracker's own environment variables."
        )


class Tracker(Protocol):
    """A run in a tracker."""

    def send(self, points: Sequence[Point]) -> None:
        """Record these figures; they come in the order of their steps."""
        ...

    def end(self, has_failed: bool) -> None:
        """The run is over."""
        ...


class RunLogger:
    """Sends a training's figures to each tracker every few seconds; a tracker that fails is dropped."""

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._trackers = dict(trackers)
        self._waiting: list[Point] = []
        self._sent_at = time.monotonic()
        self._step = 0

    def step(self, step: int, figures: Mapping[str, float]) -> None:
        """Log the figures after a step."""
        self._step = step
        self._waiting.append((step, dict(figures), time.time()))
        if time.monotonic() - self._sent_at >= EVERY_S:
            self._flush()

    def result(self, summary: Mapping[str, Any]) -> None:
        """Log the numbers of the training's summary."""
        self._waiting.append((self._step, numbers_of(summary), time.time()))

    def end(self, has_failed: bool) -> None:
        """Send what is left, and end the run in each tracker."""
        self._flush()
        for name, tracker in list(self._trackers.items()):
            self._attempt(name, partial(tracker.end, has_failed))

    def _flush(self) -> None:
        points, self._waiting, self._sent_at = self._waiting, [], time.monotonic()
        for name, tracker in list(self._trackers.items()):
            if points:
                self._attempt(name, partial(tracker.send, points))

    def _attempt(self, name: str, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # a training of hours is worth more than its report
            logger.warning("tracker dropped", tracker=name, error=type(error).__name__)
            del self._trackers[name]


@contextmanager
def track_run(trackers: Sequence[str], name: str, params: Params) -> Iterator[RunLogger]:
    """Begin a run of this name in each tracker, and end it with the block.

    Under torchrun only the first process reports, since all of them together are one training.

    Raises:
        ReportsNotInstalled, ReportNotBegun: before the training begins, so that nothing is lost.
    """
    begun: dict[str, Tracker] = {}
    for tracker in trackers if is_first_process() else ():
        check_installed(tracker)
        try:
            begun[tracker] = _begin(tracker, name, recipe_of(params))
        except Exception as error:
            logger.warning("report not begun", tracker=tracker, error=type(error).__name__)
            raise ReportNotBegun(tracker) from error
    run_logger = RunLogger(begun)
    try:
        yield run_logger
    except BaseException:
        run_logger.end(has_failed=True)
        raise
    run_logger.end(has_failed=False)


def check_installed(tracker: str) -> None:
    """Raise `ReportsNotInstalled` unless the tracker's library is installed."""
    if importlib.util.find_spec(tracker) is None:
        raise ReportsNotInstalled(tracker)


def recipe_of(params: Params) -> dict[str, Value]:
    """The settings of the training, without names, ids and paths."""
    given = params.model_dump(mode="json", include=_RECIPE)
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in given.items()
        if isinstance(value, int | float | list) or (isinstance(value, str) and name in Recipe.model_fields)
    }


def numbers_of(summary: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers in a training's summary, named by their path in it; lists and texts are left out."""
    numbers: dict[str, float] = {}
    for name, value in summary.items():
        if isinstance(value, Mapping):
            numbers |= numbers_of(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numbers[f"{prefix}{name}"] = float(value)
    return numbers


def _begin(tracker: str, name: str, recipe: Mapping[str, Value]) -> Tracker:
    return _MLflow(name, recipe) if tracker == "mlflow" else _WandB(name, recipe)


class _MLflow:
    """A run at MLFLOW_TRACKING_URI, in the experiment MLFLOW_EXPERIMENT_NAME or "outlay".

    Uses the client, since the fluent interface adds the user, the program's path and the commit.
    """

    def __init__(self, name: str, recipe: Mapping[str, Value]) -> None:
        # The defaults, two minutes and seven attempts, would hold a training up.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        self._client = MlflowClient()
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        existing = self._client.get_experiment_by_name(experiment)
        experiment_id = existing.experiment_id if existing else self._client.create_experiment(experiment)
        self._run_id = self._client.create_run(experiment_id, run_name=name).info.run_id
        params = [Param(key, str(value)) for key, value in recipe.items()]
        self._client.log_batch(self._run_id, params=params)

    def send(self, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, int(at * 1000), step)
            for step, figures, at in points
            for name, value in figures.items()
        ]
        for start in range(0, len(metrics), 1000):  # MLflow's limit for one request
            self._client.log_batch(self._run_id, metrics=metrics[start : start + 1000])

    def end(self, has_failed: bool) -> None:
        self._client.set_terminated(self._run_id, "FAILED" if has_failed else "FINISHED")


class _WandB:
    """A run by WANDB_MODE, WANDB_BASE_URL and WANDB_API_KEY, in the project WANDB_PROJECT or "outlay"."""

    def __init__(self, name: str, recipe: Mapping[str, Value]) -> None:
        import wandb

        settings = wandb.Settings(
            console="off",
            silent=True,
            disable_code=True,
            disable_git=True,
            disable_job_creation=True,
            save_code=False,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        project = os.environ.get("WANDB_PROJECT", PROJECT)
        self._run = wandb.init(project=project, name=name, config=dict(recipe), settings=settings)

    def send(self, points: Sequence[Point]) -> None:
        for step, figures, _ in points:
            self._run.log(figures, step=step)

    def end(self, has_failed: bool) -> None:
        self._run.finish(exit_code=int(has_failed))
