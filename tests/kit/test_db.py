"""A database that is silent, frozen or slow is said to be away; what it was asked stays out of the error."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from shared.kit.database_errors import DatabaseUnavailable, StatementTooSlow
from shared.kit.db import create_db_engine
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from tests.silence import silent_port

Freeze = Callable[[int], None]

CANARY = "canary-3f9a51"


@pytest.fixture
def impatient(settings: Settings) -> Iterator[Engine]:
    """One connection to the real database, given up after a second."""
    engine = create_db_engine(settings.database_url, pool_size=1, statement_timeout_s=0.5, answer_timeout_s=1)
    yield engine
    engine.dispose()


@pytest.mark.timeout(30)
def test_a_server_that_never_answers_is_away() -> None:
    with silent_port() as port:
        engine = create_db_engine(f"postgresql://outlay@127.0.0.1:{port}/outlay", pool_size=1)
        with pytest.raises(DatabaseUnavailable), transaction(engine) as session:
            session.execute(text("SELECT 1"))
        engine.dispose()


@pytest.fixture
def freeze() -> Iterator[Freeze]:
    """Stop one of the server's processes until the test is over."""
    frozen = []

    def stop(process: int) -> None:
        os.kill(process, signal.SIGSTOP)
        frozen.append(process)

    yield stop
    for process in frozen:
        os.kill(process, signal.SIGCONT)


@pytest.mark.timeout(30)
def test_a_server_that_freezes_inside_a_transaction_is_away(impatient: Engine, freeze: Freeze) -> None:
    def work() -> None:
        with transaction(impatient) as session:
            backend = session.scalar(text("SELECT pg_backend_pid()"))
            assert backend is not None
            freeze(backend)
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        work()


@pytest.mark.timeout(30)
def test_a_kept_connection_whose_server_froze_is_replaced(impatient: Engine, freeze: Freeze) -> None:
    with transaction(impatient) as session:
        kept = session.scalar(text("SELECT pg_backend_pid()"))
    assert kept is not None
    freeze(kept)
    with transaction(impatient) as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != kept


@pytest.mark.timeout(30)
def test_a_statement_has_an_end(impatient: Engine) -> None:
    with pytest.raises(StatementTooSlow), transaction(impatient) as session:
        session.execute(text("SELECT pg_sleep(600)"))


@pytest.mark.timeout(30)
def test_a_pool_that_is_used_up_is_said_not_waited_for(impatient: Engine) -> None:
    with transaction(impatient) as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable), transaction(impatient) as another:
            another.execute(text("SELECT 1"))


def test_sessions_are_bounded_by_the_server_too(engine: Engine) -> None:
    with transaction(engine) as session:
        values = {
            name: session.scalar(text(f"SHOW {name}"))
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        }
    assert values == {
        "statement_timeout": "5s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
    }


def test_an_error_does_not_hold_the_values_of_the_statement(engine: Engine) -> None:
    with pytest.raises(DBAPIError) as caught, transaction(engine) as session:
        session.execute(text("SELECT :memo || nothing FROM nowhere"), {"memo": CANARY})
    assert CANARY not in str(caught.value)
