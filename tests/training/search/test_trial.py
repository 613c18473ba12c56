"""Trials: real trainings of a few rows, in the trainer's process and in this one."""

import uuid
from pathlib import Path
from typing import Any

from shared.datasets import service as datasets
from shared.jobs import service as jobs
from shared.jobs import store as job_store
from shared.jobs.kinds import TrialParams
from shared.jobs.run import Lease, execute
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from shared.training.search import service as search
from shared.training.search import trial as trials
from tests.factories import OrganizationClient
from tests.jobs.works import without_resources
from tests.training.search.test_service import start
from tests.training.trainings import WORDS, freeze, label_rows, run_job, trained_here

take_step = without_resources(search.step)


def test_a_trial_is_trained_and_measured_for_its_search(
    organization: OrganizationClient, resources: Resources, dataset_id: uuid.UUID, tmp_path: Path
) -> None:
    space: dict[str, Any] = {"epochs": {"low": 1, "high": 1}, "loss": ["mnrl"], "negatives": ["in_batch"]}
    search_id = start(organization, dataset_id, trials=1, parallel=1, space=space)

    def step() -> Job:
        execute(resources.engine, search_id, lambda _: take_step, Lease(60, 10))
        with transaction(resources.engine) as session:
            return jobs.get_any(session, search_id)

    assert step().status == "queued"
    [job] = organization.get(f"/v1/jobs?parent_id={search_id}").json()["data"]
    trial_id = uuid.UUID(job["id"])
    tried = run_job(resources, trial_id, trained_here(resources, trial_id, tmp_path / "trial"))
    assert tried.status == "succeeded", tried.error
    assert tried.result is not None
    assert (tried.result["n"], len(tried.result["running"]), tried.result["is_pruned"]) == (9, 2, False)
    assert 0 < tried.result["low"] <= tried.result["value"] <= tried.result["high"] <= 1
    assert tried.progress is not None
    assert tried.progress["done"] == tried.progress["total"]
    assert not list(resources.artifacts.path("staging").iterdir())
    ended = step()
    assert ended.result is not None
    assert ended.result["best"].items() >= {"number": 0, "value": tried.result["value"]}.items()


def test_a_trial_sees_training_rows_only_and_ends_early_where_it_falls_behind(
    organization: OrganizationClient, resources: Resources, tmp_path: Path
) -> None:
    # Each merchant once, its account by chance: whoever had seen a row would know it, and nobody else can.
    words = {name: tuple(f"Acme {2 * n + odd}" for n in range(9)) for odd, name in enumerate(WORDS)}
    label_rows(organization, words, times=1)
    dataset = freeze(organization, resources)
    space = {"epochs": {"low": 1, "high": 1}, "loss": ["mnrl"], "negatives": ["in_batch"]}
    search_id = start(organization, dataset, trials=1, space=space)
    execute(resources.engine, search_id, lambda _: take_step, Lease(60, 10))
    with transaction(resources.engine) as session:
        [trial] = job_store.list_children(session, organization.id, search_id, "trial")
        params = TrialParams.model_validate({**trial.params, "stop_below": [1.5]})
        train = datasets.items(session, organization.id, dataset, "train")
    request = trials.load_request(organization.id, params, resources, tmp_path)
    assert {item.id for item in request.items} == {item.id for item in train}
    notes: list[str] = []
    result = trials.cross_validate(request, lambda done, total, note: notes.append(f"{done}/{total} {note}"))
    assert (result.is_pruned, len(result.running), result.n) == (True, 1, len(train) // 2)
    assert result.value < 0.95
    assert notes[0].startswith("1/")
    assert "fold 1 of 2" in notes[-1]
    assert not any(tmp_path.iterdir())
