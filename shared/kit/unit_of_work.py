"""The only place that commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from shared.kit.database_errors import TransactionConflict, translated

T = TypeVar("T")


@contextmanager
def transaction(engine: Engine, *, read_only: bool = False) -> Iterator[Session]:
    """One short transaction: commits on leaving, rolls back on an error.

    Work that takes long (encoding, searching, training) has no place inside. In a `read_only` one Postgres
    itself refuses to write.

    Raises:
        DatabaseUnavailable: no connection, or it was lost on the way.
        StatementTooSlow, TransactionConflict, RowLocked, Conflict: see `shared.kit.database_errors`.
    """
    with translated(), Session(engine, expire_on_commit=False, autoflush=False) as session, session.begin():
        if read_only:
            session.connection(execution_options={"postgresql_readonly": True})
        yield session


@retry(
    retry=retry_if_exception_type(TransactionConflict),
    stop=stop_after_attempt(3),
    wait=wait_random(0, 0.1),
    reraise=True,
)
def run_in_transaction(engine: Engine, work: Callable[[Session], T]) -> T:
    """What `work` returns, from a transaction of its own; begun again where it met a deadlock.

    Raises:
        TransactionConflict: three times in a row. Otherwise as `transaction`.
    """
    with transaction(engine) as session:
        return work(session)
