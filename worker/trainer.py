"""The training subprocess: `python -m worker.trainer <job id> <output folder>`, started by the gpu worker.

Writes one JSON object per line to standard output: progress, then the result or an error. Ends when its
standard input closes, as it does when the worker that started it dies for whatever reason.
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
from shared.jobs.kinds import RerankerTrainingParams, TrainingParams, TrialParams
from shared.kit.errors import AppError
from shared.kit.logging import configure, get_logger
from shared.kit.settings import get_settings
from shared.kit.unit_of_work import transaction
from shared.training import trackers
from shared.training.bi_encoder import service as bi_encoder
from shared.training.cross_encoder import service as cross_encoder
from shared.training.library_trainer import TrainProgress, is_first_process
from shared.training.search import trial
from shared.training.search.trial import Report
from shared.training.trackers import RunLogger

logger = get_logger(__name__)


def main(job_id: uuid.UUID, output: Path) -> int:
    """Train what the job asks for, into `output`; the exit status."""
    settings = get_settings()
    configure(settings.log_level, service="trainer")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    out = _own_stdout()
    resources = bootstrap.build(settings)

    def report(done: int, total: int, note: str) -> None:
        _send(out, {"progress": {"done": done, "total": total, "note": note}})

    try:
        _send(out, {"result": train_job(resources, job_id, output, report)})
    except AppError as error:
        _send(out, {"error": error.message})
        return 1
    except Exception:
        logger.exception("training failed", job_id=str(job_id))
        _send(out, {"error": "The training failed. The worker's log has the details under this job's id."})
        return 1
    return 0


def train_job(resources: Resources, job_id: uuid.UUID, output: Path, report: Report) -> dict[str, Any]:
    """Do the work of a job in this process, and close the resources; what the job's result will hold."""
    with transaction(resources.engine) as session:
        job = jobs.get_any(session, job_id)
    return WORKS[job.kind](resources, job.organization_id, jobs.parse_params(job), output, report)


def _fine_tune(
    resources: Resources, organization_id: uuid.UUID, params: TrainingParams, output: Path, report: Report
) -> dict[str, Any]:
    from shared.training.bi_encoder.model_soup import finetune_averaged

    request = bi_encoder.load_request(
        resources.engine, resources.encoders, resources.settings, organization_id, params, output
    )
    epochs = params.epochs * params.averaged_runs
    with _tracked(resources, params, epochs, report) as (on_step, run_logger):
        metrics = bi_encoder.summary(finetune_averaged(request, on_step))
        run_logger.result(metrics)
    return metrics


def _train_reranker(
    resources: Resources,
    organization_id: uuid.UUID,
    params: RerankerTrainingParams,
    output: Path,
    report: Report,
) -> dict[str, Any]:
    from shared.training.cross_encoder.trainer import train_reranker

    request = cross_encoder.load_request(
        resources.engine, resources.encoders, resources.settings, organization_id, params, output
    )
    with _tracked(resources, params, params.epochs, report) as (on_step, run_logger):
        metrics = cross_encoder.summary(train_reranker(request, on_step))
        run_logger.result(metrics)
    return metrics


def _cross_validate(
    resources: Resources, organization_id: uuid.UUID, params: TrialParams, output: Path, report: Report
) -> dict[str, Any]:
    request = trial.load_request(
        resources.engine, resources.encoders, resources.settings, organization_id, params, output
    )
    resources.close()
    return trial.cross_validate(request, report)


@contextmanager
def _tracked(
    resources: Resources, params: TrainingParams | RerankerTrainingParams, epochs: int, report: Report
) -> Iterator[tuple[Callable[[TrainProgress], None], RunLogger]]:
    """Sends each step to the job's progress and to the experiment trackers of the settings."""
    resources.close()  # a training takes hours
    with trackers.track_run(resources.settings.training_reports, params.name, params) as run_logger:

        def on_step(step: TrainProgress) -> None:
            note = f"epoch {step.epoch:.2f} of {epochs}, loss {step.loss:.4f}"
            report(step.step, step.total_steps, note)
            run_logger.step(step.step, {"epoch": step.epoch, "loss": step.loss})

        yield on_step, run_logger


# The kinds of job whose work is done in a process of its own.
WORKS: dict[str, Callable[[Resources, uuid.UUID, Any, Path, Report], dict[str, Any]]] = {
    "train": _fine_tune,
    "train_reranker": _train_reranker,
    "trial": _cross_validate,
}


def _own_stdout() -> TextIO:
    """The pipe to the worker; whatever libraries print goes to standard error instead."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return pipe


def _send(out: TextIO, message: dict[str, Any]) -> None:
    if not is_first_process():  # under torchrun all processes train, and one reports
        return
    out.write(json.dumps(message) + "\n")
    out.flush()


def _end_with_parent() -> None:
    while os.read(0, 4096):  # not through sys.stdin, whose lock the interpreter needs when it exits
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(uuid.UUID(sys.argv[1]), Path(sys.argv[2])))
