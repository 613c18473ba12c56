"""What a generation does when it is cancelled, loses its lease, or its worker dies."""

import threading
import uuid
from typing import Any

import pytest
from sqlalchemy import update

from devtools.scripted_llm import OK, Action, ScriptedLLM, always
from devtools.waiting import eventually
from shared.generation import service as generation
from shared.jobs.run import Lease
from shared.jobs.tables import Job
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient
from tests.generation.working import attempt, candidates_of, chart, look, submit

SOON = Lease(60, 0.02)


def in_background(
    resources: Resources, job_id: uuid.UUID, settings: Settings, lease: Lease = SOON
) -> threading.Thread:
    thread = threading.Thread(target=attempt, args=(resources, job_id, settings, lease))
    thread.start()
    return thread


def make_due(resources: Resources, job_id: uuid.UUID) -> None:
    """A job that was put off is tried now."""
    with transaction(resources.engine) as session:
        session.execute(update(Job).where(Job.id == job_id).values(status="queued"))


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_cancel_does_not_wait_for_a_hanging_call(
    organization: OrganizationClient,
    resources: Resources,
    configured: Settings,
    server: ScriptedLLM,
    kind: str,
) -> None:
    chart(organization)
    server.script = lambda number: OK if number <= 2 else Action(kind)
    settings = configured.model_copy(update={"llm_timeout_seconds": 600.0})
    job_id = submit(resources.engine, organization, settings, count=80)
    # A heartbeat every ten minutes: it is the job's own looking that finds the cancel.
    thread = in_background(resources, job_id, settings, Lease(3600, 600))
    eventually(lambda: server.kinds.count(kind) == 2 and candidates_of(resources.engine, organization))
    assert organization.post(f"/v1/jobs/{job_id}/cancel").status_code == 200
    thread.join(30)  # the calls would hang for ten minutes, too
    assert not thread.is_alive()
    job = look(resources.engine, job_id)
    assert job.status == "cancelled"
    assert job.result is not None  # what it cost until then
    assert job.result["valid"] == len(candidates_of(resources.engine, organization)) > 0
    calls = len(server.requests)
    server.released.set()
    assert not [
        thread
        for thread in threading.enumerate()
        if thread.name.startswith("llm-") and thread.name != "llm-call"
    ]
    assert len(server.requests) == calls


def test_an_attempt_that_lost_its_lease_writes_nothing_more(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    chart(organization)
    server.script = lambda number: OK if number == 1 else Action("hang")
    job_id = submit(resources.engine, organization, configured, count=80)
    thread = in_background(resources, job_id, configured)
    eventually(lambda: candidates_of(resources.engine, organization))
    kept = len(candidates_of(resources.engine, organization))
    with transaction(resources.engine) as session:  # as the relay does with a lease that ran out
        session.execute(update(Job).where(Job.id == job_id).values(status="queued", lease_until=None))
    thread.join(30)
    assert not thread.is_alive()
    assert len(candidates_of(resources.engine, organization)) == kept
    server.script = always(OK)
    job = attempt(resources, job_id, configured)
    assert job.result is not None
    assert len(candidates_of(resources.engine, organization)) == job.result["valid"] > kept


def test_a_batch_that_two_attempts_bring_is_there_once(
    organization: OrganizationClient,
    resources: Resources,
    configured: Settings,
    server: ScriptedLLM,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chart(organization)
    job_id = submit(resources.engine, organization, configured, count=20)
    original: Any = generation._Generation.result
    # The worker dies between its last batch and the end of the job: everything is kept but the end.
    monkeypatch.setattr(generation._Generation, "from_llm", _dying(generation._Generation.from_llm))
    with pytest.raises(KeyboardInterrupt):
        attempt(resources, job_id, configured)
    monkeypatch.undo()
    assert original is generation._Generation.result
    kept = len(candidates_of(resources.engine, organization))
    make_due(resources, job_id)
    calls = len(server.requests)
    job = attempt(resources, job_id, configured)
    assert job.result is not None
    assert (job.status, job.attempt, job.result["valid"]) == ("succeeded", 2, kept)
    assert len(server.requests) == calls  # nothing is paid twice


def _dying(ask: Any) -> Any:
    def work(self: Any, connect: Any) -> Any:
        ask(self, connect)
        raise KeyboardInterrupt

    return work
