"""Trials: real trainings of a few rows, in the trainer's process and in this one."""

import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from shared.bootstrap import Resources
from shared.datasets import service as datasets
from shared.jobs import children
from shared.jobs import service as jobs
from shared.jobs.run import Lease, execute
from shared.jobs.tables import Job
from shared.kit.work import transaction
from shared.training import searching, trials
from tests.factories import OrganizationClient, new_category, new_transaction
from tests.training.test_searching import start
from tests.training.test_service import WORDS, dataset_id, freeze

__all__ = ["dataset_id"]  # the fixture


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_a_trial_is_trained_and_measured_in_the_trainers_process(
    organization: OrganizationClient, resources: Resources, dataset_id: uuid.UUID
) -> None:
    one: dict[str, Any] = {"epochs": {"low": 1, "high": 1}, "loss": ["mnrl"], "negatives": ["in_batch"]}
    search_id = start(organization, dataset_id, trials=1, parallel=1, space=one)
    command = [sys.executable, "-m", "worker.trainer"]
    works: dict[str, Any] = {
        "search": searching.step,
        "trial": lambda run, params: trials.attempt(run, params, resources.artifacts, command),
    }

    def work_on(job_id: str | uuid.UUID) -> Job:
        execute(resources.engine, uuid.UUID(str(job_id)), works.__getitem__, Lease(60, 10))
        with transaction(resources.engine) as session:
            return jobs.get_any(session, uuid.UUID(str(job_id)))

    assert work_on(search_id).status == "queued"
    [asked] = organization.get(f"/v1/jobs?parent_id={search_id}").json()["data"]
    tried = work_on(asked["id"])
    assert tried.status == "succeeded", tried.error
    assert tried.result is not None
    assert (tried.result["n"], len(tried.result["running"]), tried.result["is_pruned"]) == (9, 2, False)
    assert 0 < tried.result["low"] <= tried.result["value"] <= tried.result["high"] <= 1
    assert tried.progress is not None
    assert tried.progress["done"] == tried.progress["total"]
    assert not list(resources.artifacts.path("staging").iterdir())
    ended = work_on(search_id)
    assert ended.result is not None
    assert ended.result["best"].items() >= {"number": 0, "value": tried.result["value"]}.items()


def test_a_trial_sees_training_rows_only_and_ends_early_where_it_falls_behind(
    organization: OrganizationClient, resources: Resources, tmp_path: Path
) -> None:
    # Each merchant once, its account by chance: whoever had seen a row would know it, and nobody else can.
    words = {name: tuple(f"Acme {2 * n + odd}" for n in range(9)) for odd, name in enumerate(WORDS)}
    for name, merchants in words.items():
        category = new_category(organization, name=name, code=name)["id"]
        for merchant in merchants:
            row = new_transaction(organization, merchant_name=merchant)["id"]
            organization.put(f"/v1/transactions/{row}/label", {"category_id": category})
    dataset = freeze(organization, resources)
    space = {"epochs": {"low": 1, "high": 1}, "loss": ["mnrl"], "negatives": ["in_batch"]}
    search_id = start(organization, dataset, trials=1, space=space)
    execute(resources.engine, search_id, lambda _: searching.step, Lease(60, 10))
    with transaction(resources.engine) as session:
        [trial] = children.of(session, organization.id, search_id, "trial")
        trial.params = {**trial.params, "stop_below": [1.5]}
        train = datasets.items(session, organization.id, dataset, "train")
    made = trials.prepare(resources.engine, resources.encoders, resources.settings, trial.id, tmp_path)
    assert {item.id for item in made.items} == {item.id for item in train}
    notes: list[str] = []
    found = trials.cross_validate(made, lambda done, total, note: notes.append(f"{done}/{total} {note}"))
    assert (found["is_pruned"], len(found["running"]), found["n"]) == (True, 1, len(train) // 2)
    assert found["value"] < 0.95
    assert notes[0].startswith("1/")
    assert "fold 1 of 2" in notes[-1]
    assert not any(tmp_path.iterdir())
