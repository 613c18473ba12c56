"""Whose turn it is: organisations are served in turns, whoever has the most jobs waiting."""

import uuid
from typing import Any

import pytest
from sqlalchemy import Engine, func, text, update

from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs.in_flight import InFlightJobs
from shared.jobs.kinds import EvaluationParams, Params, ReindexParams, SyncIndexParams
from shared.jobs.run import Effects, Run, execute_next
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient, new_organization
from tests.jobs.works import LEASE


@pytest.fixture(autouse=True)
def _empty_queue(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(update(Job).values(status="cancelled"))


def submit(
    engine: Engine, organization: OrganizationClient, count: int = 1, **fields: Any
) -> list[uuid.UUID]:
    """Reindex jobs, each committed and as if a message had been sent for it."""
    job_ids = []
    for _ in range(count):
        with transaction(engine) as session:
            params: Params = fields.get("params", ReindexParams(model_version_id=uuid.uuid4()))
            job = jobs.submit(session, organization.id, params)
            if fields.get("is_published", True):
                job.published_at = func.now()
            job_ids.append(job.id)
    return job_ids


def serve(engine: Engine, tokens: list[uuid.UUID]) -> list[uuid.UUID]:
    """The jobs in the order in which the messages `tokens` have them worked on."""
    served = []

    def work(run: Run, params: Any) -> Effects:
        served.append(run.job_id)
        return lambda _: {}

    for token in tokens:
        execute_next(engine, token, lambda _: work, LEASE, InFlightJobs())
    return served


def test_one_with_many_jobs_takes_turns_with_the_others(
    engine: Engine, client: Any, organization: OrganizationClient
) -> None:
    first, other = new_organization(client), new_organization(client)
    many = submit(engine, organization, 6)
    few, single = submit(engine, first, 2), submit(engine, other)
    order = serve(engine, many + few + single)
    assert sorted(order) == sorted(many + few + single)  # as many messages as jobs: none is left
    places = {job: place for place, job in enumerate(order)}
    assert {places[single[0]], places[few[0]], places[many[0]]} == {0, 1, 2}
    assert places[few[1]] <= 4
    assert [job for job in order if job in many] == many


def test_what_is_urgent_goes_before_taking_turns(
    engine: Engine, client: Any, organization: OrganizationClient
) -> None:
    other = new_organization(client)
    slow = submit(engine, other)
    urgent = submit(engine, organization, 2, params=SyncIndexParams())
    assert serve(engine, slow + urgent) == urgent + slow


def test_a_message_serves_its_own_queue_only(engine: Engine, organization: OrganizationClient) -> None:
    evaluation = EvaluationParams(dataset_id=uuid.uuid4(), model_version_id=uuid.uuid4(), split="eval")
    [measured] = submit(engine, organization, params=evaluation)
    [indexed] = submit(engine, organization)
    assert serve(engine, [indexed, indexed]) == [indexed]
    assert serve(engine, [measured]) == [measured]


def test_neither_unsent_nor_later_jobs_are_taken(engine: Engine, organization: OrganizationClient) -> None:
    """Their own messages are still to come, and would come for nothing."""
    [sent] = submit(engine, organization)
    [later] = submit(engine, organization)
    submit(engine, organization, is_published=False)
    with transaction(engine) as session:
        soon = text("now() + interval '1 minute'")
        session.execute(update(Job).where(Job.id == later).values(available_at=soon))
    assert serve(engine, [sent, sent, sent]) == [sent]


def test_the_message_of_a_job_that_is_gone_serves_nobody(
    engine: Engine, organization: OrganizationClient
) -> None:
    submit(engine, organization)
    assert serve(engine, [uuid.uuid4()]) == []


def test_two_who_ask_at_once_are_given_two_jobs(
    engine: Engine, client: Any, organization: OrganizationClient
) -> None:
    mine, others = submit(engine, organization, 2), submit(engine, new_organization(client))
    turns = []
    with transaction(engine) as first, transaction(engine) as two, transaction(engine) as three:
        for session in (first, two, three):
            turns.append(store.first_in_line(session, mine[0]))
        with transaction(engine) as four:
            assert store.first_in_line(four, mine[0]) is None
    assert set(turns) == {*mine, *others}
