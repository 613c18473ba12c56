"""The training subprocess: `python -m worker.trainer <job id> <output folder>`, started by the gpu worker.

Writes one JSON object per line to standard output: progress, then the result or an error. Ends when its
standard input closes, as it does when the worker that started it dies for whatever reason.
"""

import json
import os
import sys
import threading
import uuid
from pathlib import Path
from typing import Any, TextIO

from shared import bootstrap
from shared.jobs import service as jobs
from shared.jobs.handlers import Report, load_trainer_handlers
from shared.kit.errors import AppError
from shared.kit.logging import configure, get_logger
from shared.kit.settings import get_settings
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from shared.training.library_trainer import is_first_process
from shared.training.trainer_process import TrainingFailed

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
        _send(out, {"error": error.as_dict()})
        return 1
    except Exception:
        logger.exception("training failed", job_id=str(job_id))
        _send(out, {"error": TrainingFailed().as_dict()})
        return 1
    return 0


def train_job(resources: Resources, job_id: uuid.UUID, output: Path, report: Report) -> dict[str, Any]:
    """Do the trainer's part of a job in this process, and close the resources; the job's result."""
    with transaction(resources.engine) as session:
        job = jobs.get_any(session, job_id)
    handler = load_trainer_handlers()[job.kind]
    return handler(job.organization_id, jobs.parse_params(job), resources, output, report)


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
