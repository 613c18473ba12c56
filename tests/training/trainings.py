"""Datasets of a few rows, and trainings of them as jobs."""

import json
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from shared import bootstrap
from shared.datasets import store as dataset_store
from shared.jobs import service as jobs
from shared.jobs.handlers import load_handlers
from shared.jobs.kinds import kind_of
from shared.jobs.run import Effects, Lease, Run, execute
from shared.jobs.tables import Job
from shared.kit.paging import Paging
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from shared.training.bi_encoder import service as bi_encoder
from tests.factories import OrganizationClient, new_category, new_labelled, run_jobs
from worker.trainer import train_job

WORDS = {"Account 17": ("Delta", "KLM", "Ryanair"), "Account 23": ("Marriott", "Hilton", "Hyatt")}


def label_rows(
    organization: OrganizationClient, words: Mapping[str, tuple[str, ...]], times: int = 2
) -> None:
    """A category of each name with rows of these merchants, each so many times."""
    for name, merchants in words.items():
        category = new_category(organization, name=name, code=name)["id"]
        new_labelled(organization, category, ({"merchant_name": merchant} for merchant in merchants * times))


def freeze(organization: OrganizationClient, resources: Resources, test: float = 0.25) -> uuid.UUID:
    """A dataset's id."""
    body = {"name": "May", "ratios": {"train": 0.75, "test": test, "eval": 0.25 - test}}
    assert organization.post("/v1/datasets", body).status_code == 202
    assert run_jobs(resources, organization)["freeze_dataset"] == ["succeeded"]
    with transaction(resources.engine) as session:
        return dataset_store.list_(session, organization.id, Paging()).rows[0].id


def submit(
    engine: Engine, organization: OrganizationClient, dataset_id: uuid.UUID, name: str, **others: Any
) -> uuid.UUID:
    """The id of a queued fine-tuning of one epoch."""
    chosen = {"loss": "mnrl", "epochs": 1, "batch_size": 4, "learning_rate": 1e-4, "warmup_ratio": 0.1}
    values = {"dataset_id": dataset_id, "name": name, "seed": 5, **chosen, **others}
    with transaction(engine) as session:
        return bi_encoder.submit(session, organization.id, values).id


def run_job(resources: Resources, job_id: uuid.UUID, command: list[str] | None = None) -> Job:
    """One attempt at what a trainer does, with this trainer: the job afterwards."""
    handlers = load_handlers()

    def work(run: Run, params: Any) -> Effects:
        handler: Callable[..., Effects] = handlers[kind_of(params).name]
        return handler(run, params, resources, command=command)

    execute(resources.engine, job_id, lambda _: work, Lease(60, 10))
    with transaction(resources.engine) as session:
        return jobs.get_any(session, job_id)


def trained_here(resources: Resources, job_id: uuid.UUID, folder: Path) -> list[str]:
    """A trainer that hands in what this process has trained: for the job, into `folder`, for real.

    A trainer's own process loads its libraries anew, which takes most of the time of a training so small.
    """
    said: list[dict[str, Any]] = []

    def report(done: int, total: int, note: str) -> None:
        said.append({"progress": {"done": done, "total": total, "note": note}})

    result = train_job(bootstrap.build(resources.settings), job_id, folder, report)
    return saying(said[-1], {"result": result}, folder=folder)


def saying(*messages: dict[str, Any], folder: Path | None = None) -> list[str]:
    """A trainer that says this at once, and leaves a copy of `folder` behind, or a broken file."""
    lines = "\n".join(json.dumps(message) for message in messages)
    code = (
        "import pathlib, shutil, sys\n"
        f"source, out = {str(folder or '')!r}, pathlib.Path(sys.argv[2])\n"
        "shutil.copytree(source, out) if source else (out.mkdir(parents=True), (out / 'half').touch())\n"
        f"print({lines!r})\n"
    )
    return [sys.executable, "-c", code]
