"""From committed rows to messages, with a Valkey of the tests' own that may be wiped and killed."""

import threading
import uuid
from collections.abc import Iterator

import pytest
from celery import Celery
from sqlalchemy import Engine, text, update

from devtools.waiting import eventually
from shared.engines.queue import Broker, BrokerUnavailable
from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs.kinds import KINDS, ReindexParams, SyncIndexParams
from shared.jobs.tables import Job
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient
from tests.silence import silent_port
from tests.worker.valkey import Valkey
from worker.app import create_celery
from worker.relay import LOST_AFTER_SECONDS, Relay, listen


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    broker = Valkey(tmp_path_factory.mktemp("valkey"))
    yield broker
    broker.kill()


@pytest.fixture
def relay(engine: Engine, running: Valkey) -> Iterator[Relay]:
    """A relay whose broker is empty and whose table of jobs has nothing queued."""
    running.wipe()
    with transaction(engine) as session:
        session.execute(update(Job).values(status="cancelled"))
    celery: Celery = create_celery()
    celery.conf.broker_url = running.url
    broker = Broker(running.url)
    yield Relay(engine, broker, celery)
    broker.close()
    celery.close()


def submit(engine: Engine, organization: OrganizationClient, count: int = 1) -> list[uuid.UUID]:
    """Reindex jobs, each committed."""
    job_ids = []
    for _ in range(count):
        with transaction(engine) as session:
            params = ReindexParams(model_version_id=uuid.uuid4())
            job_ids.append(jobs.submit(session, organization.id, params).id)
    return job_ids


def is_published(engine: Engine, job_id: uuid.UUID) -> bool:
    with transaction(engine) as session:
        return jobs.get_any(session, job_id).published_at is not None


def age(engine: Engine, seconds: float) -> None:
    """As if everything had been published that much earlier."""
    with transaction(engine) as session:
        earlier = text(f"published_at - interval '{seconds} seconds'")
        session.execute(update(Job).values(published_at=earlier))


def test_a_job_is_sent_once_and_only_after_its_commit(
    engine: Engine, organization: OrganizationClient, relay: Relay, running: Valkey
) -> None:
    with transaction(engine) as session:
        params = ReindexParams(model_version_id=uuid.uuid4())
        job_id = jobs.submit(session, organization.id, params).id
        assert relay.publish() == 0
        assert running.job_ids("embedding") == []
    assert relay.publish() == 1
    assert relay.publish() == 0
    assert running.job_ids("embedding") == [str(job_id)]


def test_what_is_rolled_back_is_never_sent(
    engine: Engine, organization: OrganizationClient, relay: Relay, running: Valkey
) -> None:
    def give_up() -> None:
        with transaction(engine) as session:
            params = ReindexParams(model_version_id=uuid.uuid4())
            jobs.submit(session, organization.id, params)
            raise KeyError

    with pytest.raises(KeyError):
        give_up()
    assert relay.publish() == 0
    assert running.job_ids("embedding") == []


def test_the_urgent_come_first_and_each_kind_has_its_queue(
    engine: Engine, organization: OrganizationClient, relay: Relay, running: Valkey
) -> None:
    [slow] = submit(engine, organization)
    with transaction(engine) as session:
        urgent = jobs.submit(session, organization.id, SyncIndexParams()).id
    relay.publish()
    assert running.job_ids(KINDS["reindex"].queue) == [str(urgent), str(slow)]
    assert running.job_ids("default") == []


def test_more_jobs_than_one_batch_are_all_sent(
    engine: Engine,
    organization: OrganizationClient,
    relay: Relay,
    running: Valkey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.relay.BATCH", 2)
    job_ids = submit(engine, organization, 5)
    assert relay.publish() == 5
    assert sorted(running.job_ids("embedding")) == sorted(map(str, job_ids))


def test_two_relays_send_each_job_once(
    engine: Engine, organization: OrganizationClient, relay: Relay, running: Valkey
) -> None:
    job_ids = submit(engine, organization, 20)
    threads = [threading.Thread(target=relay.publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(running.job_ids("embedding")) == sorted(map(str, job_ids))


def test_while_the_broker_is_down_jobs_wait_and_are_sent_later(
    engine: Engine, organization: OrganizationClient, relay: Relay, running: Valkey
) -> None:
    [sent] = submit(engine, organization)
    relay.publish()  # so that a connection is open when the broker dies
    running.kill()
    try:
        job_ids = submit(engine, organization, 3)
        with pytest.raises(BrokerUnavailable):
            relay.publish()
        assert not any(is_published(engine, job_id) for job_id in job_ids)
        relay.run_once()  # says so in the log, and raises nothing
        assert not any(is_published(engine, job_id) for job_id in job_ids)
    finally:
        running.start()

    def send() -> bool:
        relay.run_once()
        return all(is_published(engine, job_id) for job_id in job_ids)

    eventually(send)
    assert set(map(str, job_ids)) <= set(running.job_ids("embedding"))
    age(engine, LOST_AFTER_SECONDS + 1)  # the broker died with the first message
    running.wipe()

    def send_again() -> bool:
        relay.run_once()
        return str(sent) in running.job_ids("embedding")

    eventually(send_again)


def test_a_wiped_broker_is_filled_again(
    engine: Engine, organization: OrganizationClient, relay: Relay, running: Valkey
) -> None:
    job_ids = submit(engine, organization, 2)
    relay.publish()
    running.wipe()
    relay.run_once()  # too early: a worker may be about to claim them
    relay.run_once()
    assert running.job_ids("embedding") == []
    age(engine, LOST_AFTER_SECONDS + 1)
    relay.run_once()
    relay.run_once()
    assert sorted(running.job_ids("embedding")) == sorted(map(str, job_ids))


def test_what_still_waits_in_the_broker_is_not_sent_again(
    engine: Engine, organization: OrganizationClient, relay: Relay, running: Valkey
) -> None:
    submit(engine, organization, 2)
    relay.publish()
    age(engine, LOST_AFTER_SECONDS + 1)
    relay.run_once()
    relay.run_once()
    assert len(running.job_ids("embedding")) == 2


def test_a_dead_workers_job_is_sent_again(
    engine: Engine, organization: OrganizationClient, relay: Relay, running: Valkey
) -> None:
    [job_id] = submit(engine, organization)
    relay.publish()
    running.wipe()  # the worker took the message
    with transaction(engine) as session:
        store.claim(session, job_id, 60)
        past = text("now() - interval '1 second'")
        session.execute(update(Job).where(Job.id == job_id).values(lease_until=past))
    relay.run_once()
    assert running.job_ids("embedding") == [str(job_id)]


def test_a_commit_wakes_the_relay(
    engine: Engine, organization: OrganizationClient, settings: Settings
) -> None:
    wake, stop = threading.Event(), threading.Event()
    listener = threading.Thread(target=listen, args=(settings.database_url, wake, stop))
    listener.start()
    listening = text("SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN outlay_jobs'")

    def is_listening() -> bool:
        with transaction(engine) as session:
            return bool(session.scalar(listening))

    try:
        eventually(is_listening)
        assert not wake.is_set()
        submit(engine, organization)
        assert wake.wait(10)
    finally:
        stop.set()
        listener.join()


@pytest.mark.timeout(60)
def test_a_broker_that_never_answers_keeps_no_job(
    relay: Relay, engine: Engine, organization: OrganizationClient
) -> None:
    [job] = submit(engine, organization)
    with silent_port() as port:
        celery: Celery = create_celery()
        celery.conf.broker_url = f"redis://127.0.0.1:{port}/0"
        with pytest.raises(BrokerUnavailable):
            Relay(engine, Broker(celery.conf.broker_url), celery).publish()
        celery.close()
    assert not is_published(engine, job)
    assert relay.publish() == 1
