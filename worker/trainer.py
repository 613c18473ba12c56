"""The training subprocess: `python -m worker.trainer <job id> <output folder>`, started by the gpu task.

Writes a JSON object a line to standard output: progress, then the result or an error. Ends when its standard
input is closed, which happens when the worker that started it dies in whatever way.
"""

import json
import os
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from shared import bootstrap
from shared.bootstrap import Resources
from shared.jobs import service as jobs
from shared.jobs.kinds import RerankerTrainingParams, TrainingParams
from shared.kit.errors import AppError
from shared.kit.logging import configure, get_logger
from shared.kit.settings import get_settings
from shared.kit.unit_of_work import transaction
from shared.training import service as training
from shared.training import trackers
from shared.training.bi_encoder.spec import TrainProgress
from shared.training.bi_encoder.trainer import is_first_process
from shared.training.cross_encoder import service as cross_encoder
from shared.training.search import trial
from shared.training.search.trial import Report
from shared.training.trackers import RunLogger

logger = get_logger(__name__)


def main(job_id: uuid.UUID, output: Path) -> int:
    """Train what the job says into `output`; the exit status."""
    settings = get_settings()
    configure(settings.log_level, service="trainer")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    out = _own_stdout()
    resources = bootstrap.build(settings)

    def report(done: int, total: int, note: str) -> None:
        _say(out, {"progress": {"done": done, "total": total, "note": note}})

    try:
        with transaction(resources.engine) as session:
            kind = jobs.get_any(session, job_id).kind
        _say(out, {"result": WORKS[kind](resources, job_id, output, report)})
    except AppError as error:
        _say(out, {"error": error.message})
        return 1
    except Exception:
        logger.exception("training failed", job_id=str(job_id))
        _say(out, {"error": "The training failed. The worker's log has the details under this job's id."})
        return 1
    return 0


def _fine_tune(resources: Resources, job_id: uuid.UUID, output: Path, report: Report) -> dict[str, Any]:
    request = training.prepare(resources.engine, resources.encoders, resources.settings, job_id, output)
    epochs = request.recipe.epochs * request.recipe.averaged_runs
    with _telling(resources, job_id, epochs, report) as (tell, told):
        from shared.training.bi_encoder.model_soup import finetune_averaged

        found = training.summary(finetune_averaged(request, tell))
        told.result(found)
    return found


def _train_reranker(resources: Resources, job_id: uuid.UUID, output: Path, report: Report) -> dict[str, Any]:
    request = cross_encoder.prepare(resources.engine, resources.encoders, resources.settings, job_id, output)
    with _telling(resources, job_id, request.epochs, report) as (tell, told):
        from shared.training.cross_encoder.trainer import train_reranker

        found = cross_encoder.summary(train_reranker(request, tell))
        told.result(found)
    return found


@contextmanager
def _telling(
    resources: Resources, job_id: uuid.UUID, epochs: int, report: Report
) -> Iterator[tuple[Callable[[TrainProgress], None], RunLogger]]:
    """What takes each step of a training, to the job's progress and to the trackers of the settings."""
    with transaction(resources.engine) as session:
        params = jobs.parse_params(jobs.get_any(session, job_id))
    assert isinstance(params, TrainingParams | RerankerTrainingParams)
    resources.close()  # a training takes hours
    with trackers.track_run(resources.settings.training_reports, params.name, params) as told:

        def tell(step: TrainProgress) -> None:
            note = f"epoch {step.epoch:.2f} of {epochs}, loss {step.loss:.4f}"
            report(step.step, step.total_steps, note)
            told.step(step.step, {"epoch": step.epoch, "loss": step.loss})

        yield tell, told


def _cross_validate(resources: Resources, job_id: uuid.UUID, output: Path, report: Report) -> dict[str, Any]:
    request = trial.prepare(resources.engine, resources.encoders, resources.settings, job_id, output)
    resources.close()
    return trial.cross_validate(request, report)


# The kinds of job that have a process of their own.
WORKS: dict[str, Callable[[Resources, uuid.UUID, Path, Report], dict[str, Any]]] = {
    "train": _fine_tune,
    "train_reranker": _train_reranker,
    "trial": _cross_validate,
}


def _own_stdout() -> TextIO:
    """The pipe to the worker; what libraries print goes to standard error instead."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return pipe


def _say(out: TextIO, message: dict[str, Any]) -> None:
    if not is_first_process():  # of several that torchrun started: all train, one speaks
        return
    out.write(json.dumps(message) + "\n")
    out.flush()


def _end_with_parent() -> None:
    while os.read(0, 4096):  # not by sys.stdin, whose lock the interpreter wants when it ends
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(uuid.UUID(sys.argv[1]), Path(sys.argv[2])))
