"""The relay and real Celery workers, as processes that may be killed."""

import contextlib
import signal
import uuid
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine

from devtools.processes import Processes, processes_over
from devtools.waiting import eventually
from shared.jobs import service as jobs
from shared.jobs.kinds import KINDS
from shared.jobs.tables import Job
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient, new_category, new_labelled, new_transaction

pytestmark = pytest.mark.slow

HOTEL = {"merchant_name": "Marriott", "memo": "2 nights in Boston"}


@pytest.fixture(scope="module")
def processes(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """A relay and a worker of every queue but gpu, with short leases."""
    with processes_over(
        settings,
        tmp_path_factory.mktemp("logs"),
        OUTLAY_JOB_LEASE_SECONDS="3",
        OUTLAY_JOB_HEARTBEAT_SECONDS="0.5",
        OUTLAY_SHUTDOWN_GRACE_SECONDS="0.2",
    ) as processes:
        processes.start_relay()
        processes.start_worker("default,embedding,evaluation")
        yield processes


def trainers(job_id: str) -> list[psutil.Process]:
    """The trainers' processes of this job."""
    running = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if "worker.trainer" in line and job_id in line:
                running.append(process)
    return running


def job(engine: Engine, job_id: str) -> Job:
    with transaction(engine) as session:
        return jobs.get_any(session, uuid.UUID(job_id))


def end_of(engine: Engine, job_id: str, within_s: float = 60) -> Job:
    """The job, once it has ended in whatever way."""
    return eventually(
        lambda: row if (row := job(engine, job_id)).finished_at else None, within_s=within_s, every_s=0.1
    )


def done(engine: Engine, response: Any, within_s: float = 120) -> Job:
    """The job that was accepted, once it succeeded."""
    assert response.status_code == 202, response.text
    job_id = response.json()["id"]
    ended = end_of(engine, job_id, within_s)
    assert ended.status == "succeeded", ended.error
    return ended


def train(organization: OrganizationClient, dataset_id: str, name: str, **values: Any) -> str:
    """A training's job id."""
    body = {"dataset_id": dataset_id, "name": name, "batch_size": 4, "epochs": 1, **values}
    response = organization.post("/v1/trainings", body)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


@pytest.fixture
def filled(organization: OrganizationClient, engine: Engine, processes: Processes) -> OrganizationClient:
    """Two categories with eight labelled rows each."""
    for name in ("Lodging", "Software"):
        category = new_category(organization, name=name)["id"]
        new_labelled(organization, category, ({"merchant_name": f"{name} {n}"} for n in range(8)))
    return organization


def test_a_label_reaches_the_answers(
    organization: OrganizationClient, engine: Engine, processes: Processes
) -> None:
    new_category(organization, name="Travel: lodging")
    odd = new_category(organization, name="Client gifts")["id"]
    [base] = organization.get("/v1/models").json()["data"]
    done(engine, organization.post(f"/v1/models/{base['id']}/activate"))

    def best() -> str:
        answer = organization.post("/v1/categorize", {"transaction": HOTEL}).json()
        return str(answer["suggestions"][0]["category"]["id"])

    assert best() != odd
    row = new_transaction(organization, **HOTEL)["id"]
    organization.put(f"/v1/transactions/{row}/label", {"category_id": odd})
    eventually(lambda: best() == odd, every_s=0.1)


def test_a_killed_training_is_done_again_once_and_a_cancelled_one_stops(
    filled: OrganizationClient, engine: Engine, processes: Processes, settings: Settings
) -> None:
    dataset = done(engine, filled.post("/v1/datasets", {"name": "May"}))
    assert dataset.result is not None
    dataset_id = dataset.result["dataset_id"]

    # Killed while it trains, with all its processes but the trainer, which has a group of its own.
    worker = processes.start_worker("gpu")
    job_id = train(filled, dataset_id, "tuned", epochs=6)
    eventually(lambda: job(engine, job_id).progress, within_s=120, every_s=0.05)
    [first] = trainers(job_id)
    worker.kill()
    eventually(lambda: not first.is_running())
    assert job(engine, job_id).attempt == 1
    eventually(lambda: job(engine, job_id).status == "queued", every_s=0.05)
    worker = processes.start_worker("gpu")
    ended = end_of(engine, job_id, within_s=120)
    assert (ended.status, ended.attempt) == ("succeeded", 2), ended.error
    assert trainers(job_id) == []
    versions = [row for row in filled.get("/v1/models").json()["data"] if row["kind"] == "fine_tuned"]
    assert [row["name"] for row in versions] == ["tuned"]
    assert len(list((settings.artifacts_dir / "models").iterdir())) == 1
    assert list((settings.artifacts_dir / "staging").iterdir()) == []

    # The same worker takes the next one, which is cancelled on its way.
    job_id = train(filled, dataset_id, "unwanted", epochs=100)
    eventually(lambda: trainers(job_id), every_s=0.05)
    assert filled.post(f"/v1/jobs/{job_id}/cancel").status_code in {200, 202}
    ended = end_of(engine, job_id)
    assert (ended.status, ended.attempt, ended.error) == ("cancelled", 1, None)
    assert trainers(job_id) == []
    assert len(filled.get("/v1/models").json()["data"]) == 2
    assert worker.popen.poll() is None
    worker.kill()  # the next test's training is for another one


def test_a_worker_that_is_told_to_stop_gives_its_training_back(
    filled: OrganizationClient, engine: Engine, processes: Processes
) -> None:
    dataset = done(engine, filled.post("/v1/datasets", {"name": "June"}))
    assert dataset.result is not None
    worker = processes.start_worker("gpu")
    job_id = train(filled, dataset.result["dataset_id"], "interrupted", epochs=100)
    eventually(lambda: trainers(job_id), within_s=120, every_s=0.05)
    worker.popen.send_signal(signal.SIGTERM)
    assert worker.popen.wait(30) == 0
    after = job(engine, job_id)
    assert (after.status, after.leases_lost) == ("queued", 0)
    assert (
        after.max_attempts - after.attempt == KINDS[after.kind].max_attempts
    )  # as if it had never been tried
    assert trainers(job_id) == []
    assert filled.post(f"/v1/jobs/{job_id}/cancel").status_code == 200
