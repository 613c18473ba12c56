"""Searches: steps that only read rows, so that one which is killed anywhere ends as if it had not been."""

import random
import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from shared.jobs import exceptions as job_exceptions
from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs.kinds import SearchParams, TrialParams
from shared.jobs.run import Effects, Lease, Run, Work, execute
from shared.kit.errors import AppError
from shared.kit.unit_of_work import transaction
from shared.training.search import service as search
from tests.factories import OrganizationClient
from tests.jobs.works import expire, without_resources

Objective = Callable[[TrialParams], dict[str, Any]]

take_step = without_resources(search.step)


def quick(params: TrialParams) -> dict[str, Any]:
    """An objective of the tests' own, without a training: what comes out depends on the recipe alone."""
    recipe = params.recipe
    value = recipe.learning_rate * 1000 + recipe.epochs / 50 + (0.2 if recipe.loss == "mnrl" else 0.0)
    is_pruned = bool(params.stop_below) and value < params.stop_below[0]
    return {
        **dict.fromkeys(("value", "low", "high", "recall_at_1"), value),
        "number": params.number,
        "n": 9,
        "running": [value] if is_pruned else [value, value],
        "is_pruned": is_pruned,
        "seconds": 0.1,
    }


def start(organization: OrganizationClient, dataset: uuid.UUID, **values: Any) -> uuid.UUID:
    """A search's id."""
    body = {"dataset_id": str(dataset), "name": "searched", "trials": 9, "folds": 2, "seed": 4, **values}
    response = organization.post("/v1/searches", body)
    assert response.status_code == 202, response.text
    return uuid.UUID(response.json()["id"])


class Worker:
    """Works on searches and trials in this process, and dies where `dice` say so, once or twice a job."""

    def __init__(
        self, engine: Engine, objective: Objective = quick, dice: random.Random | None = None
    ) -> None:
        self._engine = engine
        self._objective = objective
        self._dice = dice
        self.deaths = 0

    def work(self, organization: OrganizationClient, search_id: uuid.UUID) -> dict[str, Any]:
        """Until the search has ended: its job."""
        while (job := organization.get(f"/v1/jobs/{search_id}").json())["finished_at"] is None:
            path = "/v1/jobs?status=queued&limit=200"
            for queued in organization.get(path).json()["data"]:
                if queued["kind"] in {"search", "trial"}:
                    execute(
                        self._engine,
                        uuid.UUID(queued["id"]),
                        self._work_of,
                        Lease(60, 10),
                    )
        return dict(job)

    def _work_of(self, kind: str) -> Work:
        return self._step if kind == "search" else self._try

    def _step(self, run: Run, params: SearchParams) -> Effects:
        self._may_die(run)
        try:
            return take_step(run, params)
        finally:
            self._may_die(run)  # with its trials asked for

    def _try(self, run: Run, params: TrialParams) -> Effects:
        result = self._objective(params)
        self._may_die(run)
        return lambda _: result

    def _may_die(self, run: Run) -> None:
        """As a process that is killed: nothing more is written, and the relay finds the lease run out."""
        with transaction(self._engine) as session:
            job = jobs.get_any(session, run.job_id)
        is_last = job.attempt >= job.max_attempts or job.status != "running"
        if self._dice is not None and not is_last and self._dice.random() < 0.4:
            self.deaths += 1
            expire(self._engine, run.job_id)
            raise job_exceptions.LeaseLost


def outcome(job: dict[str, Any]) -> Any:
    """What shall be the same of two searches."""
    assert job["status"] == "succeeded", job["error"]
    table = [{key: value for key, value in row.items() if key != "job_id"} for row in job["result"]["trials"]]
    return table, job["result"]["best"]["number"]


def test_a_search_that_is_killed_anywhere_ends_like_an_unbroken_one(
    organization: OrganizationClient, engine: Engine, dataset_id: uuid.UUID
) -> None:
    whole = outcome(Worker(engine).work(organization, start(organization, dataset_id)))
    table, best = whole
    assert [row["number"] for row in table] == list(range(9))
    assert {row["status"] for row in table} == {"complete", "pruned"}
    assert table[best]["value"] == max(row["value"] for row in table)
    deaths = 0
    for seed in range(3):
        worker = Worker(engine, dice=random.Random(seed))
        search_id = start(organization, dataset_id)
        assert outcome(worker.work(organization, search_id)) == whole
        with transaction(engine) as session:
            assert len(store.list_children(session, organization.id, search_id, "trial")) == 9
            assert len(store.list_children(session, organization.id, search_id, "train")) == 1
        deaths += worker.deaths
    assert deaths >= 10
    other = Worker(engine).work(organization, start(organization, dataset_id, seed=5))
    assert outcome(other) != whole


def test_the_winner_is_trained_under_the_searchs_name(
    organization: OrganizationClient, engine: Engine, dataset_id: uuid.UUID
) -> None:
    space = {"epochs": {"low": 2, "high": 2}, "loss": ["mnrl"]}
    search_id = start(organization, dataset_id, trials=3, parallel=3, space=space, averaged_runs=3)
    result = Worker(engine).work(organization, search_id)["result"]
    training = organization.get(f"/v1/jobs/{result['training_job_id']}").json()
    assert (training["kind"], training["status"], training["parent_id"]) == (
        "train",
        "queued",
        str(search_id),
    )
    recipe = result["best"]["recipe"]
    assert recipe["averaged_runs"] == 1, "trials run once"
    assert training["params"].items() >= (recipe | {"averaged_runs": 3}).items()
    assert (training["params"]["name"], recipe["epochs"], recipe["seed"]) == ("searched", 2, 4)
    listed = organization.get(f"/v1/jobs?parent_id={search_id}&kind=trial").json()["data"]
    assert [job["params"]["number"] for job in listed] == [2, 1, 0]
    progress = organization.get(f"/v1/jobs/{search_id}").json()["progress"]
    assert (progress["done"], progress["total"]) == (3, 3)
    assert f"of trial {result['best']['number']}" in progress["note"]


def test_trials_that_fail_are_passed_over_and_a_search_without_any_other_says_so(
    organization: OrganizationClient, engine: Engine, dataset_id: uuid.UUID
) -> None:
    def broken(params: TrialParams) -> dict[str, Any]:
        if params.recipe.loss == "triplet":
            raise AppError("no memory")
        return quick(params)

    space = {"loss": ["mnrl", "triplet"], "epochs": {"low": 2, "high": 3}}
    some = Worker(engine, broken).work(organization, start(organization, dataset_id, trials=6, space=space))
    failed = {row["recipe"]["loss"] for row in some["result"]["trials"] if row["status"] == "failed"}
    assert failed == {"triplet"}
    assert some["result"]["best"]["recipe"]["loss"] == "mnrl"
    space["loss"] = ["triplet"]
    none = Worker(engine, broken).work(organization, start(organization, dataset_id, trials=2, space=space))
    assert (none["status"], none["error"]["code"]) == ("failed", "no-trial-succeeded")


def test_a_search_whose_trials_all_failed_tries_them_again_when_retried(
    organization: OrganizationClient, engine: Engine, dataset_id: uuid.UUID
) -> None:
    def broken(params: TrialParams) -> dict[str, Any]:
        raise AppError("no memory")

    space = {"loss": ["mnrl"], "epochs": {"low": 2, "high": 3}}
    search_id = start(organization, dataset_id, trials=2, space=space)
    failed = Worker(engine, broken).work(organization, search_id)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "no-trial-succeeded")
    assert organization.post(f"/v1/jobs/{search_id}/retry").status_code == 200
    whole = outcome(Worker(engine).work(organization, start(organization, dataset_id, trials=2, space=space)))
    assert outcome(Worker(engine).work(organization, search_id)) == whole


def test_a_step_that_comes_back_from_the_dead_asks_for_nothing(
    organization: OrganizationClient, engine: Engine, dataset_id: uuid.UUID
) -> None:
    search_id = start(organization, dataset_id)

    def late(run: Run, params: SearchParams) -> Effects:
        expire(engine, run.job_id)
        return take_step(run, params)

    assert execute(engine, search_id, lambda _: late, Lease(60, 10)) == "lost"
    with transaction(engine) as session:
        assert list(store.list_children(session, organization.id, search_id, "trial")) == []


def test_a_cancelled_search_takes_its_trials_along_and_goes_on_when_retried(
    organization: OrganizationClient, engine: Engine, dataset_id: uuid.UUID
) -> None:
    whole = outcome(Worker(engine).work(organization, start(organization, dataset_id)))
    search_id = start(organization, dataset_id)
    execute(engine, search_id, lambda _: take_step, Lease(60, 10))
    organization.post(f"/v1/jobs/{search_id}/cancel")
    trial_jobs = organization.get(f"/v1/jobs?parent_id={search_id}").json()["data"]
    assert [job["status"] for job in trial_jobs] == ["cancelled", "cancelled"]
    assert organization.post(f"/v1/jobs/{search_id}/retry").status_code == 200
    assert outcome(Worker(engine).work(organization, search_id)) == whole


def test_a_search_that_cannot_be_is_refused_at_the_door(
    organization: OrganizationClient, dataset_id: uuid.UUID
) -> None:
    body = {"dataset_id": str(dataset_id), "name": "searched"}
    refusals: list[tuple[dict[str, Any], int, str]] = [
        ({"name": "base"}, 409, "model-name-taken"),
        ({"folds": 9}, 422, "untrainable"),
        ({"trials": 0}, 422, "invalid"),
        ({"space": {"loss": []}}, 422, "invalid"),
        ({"space": {"loss": ["margin_mse"]}}, 422, "invalid"),
        ({"space": {"loss": ["mnrl", "batch_all_triplet"], "batch_size": [8, 9]}}, 422, "invalid"),
        ({"space": {"epochs": {"low": 3, "high": 2}}}, 422, "invalid"),
        ({"space": {"learning_rate": {"low": 0, "high": 0.1}}}, 422, "invalid"),
        ({"space": {"seed": [1]}}, 422, "invalid"),
    ]
    for wrong, status, code in refusals:
        answer = organization.post("/v1/searches", body | wrong)
        assert (answer.status_code, answer.json()["code"]) == (status, code), wrong
        if "batch_size" in str(wrong):
            assert [error["pointer"] for error in answer.json()["errors"]] == ["/space/batch_size"]
