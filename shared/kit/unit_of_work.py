"""The only place that commits."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from shared.kit.errors import Unavailable


class DatabaseUnavailable(Unavailable):
    code = "database-unavailable"
    message = "The database does not answer. Try again in a few seconds."


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """One short transaction: commits on leaving, rolls back on an error.

    Work that takes long (encoding, searching, training) has no place inside.

    Raises:
        DatabaseUnavailable: no connection, or it was lost on the way.
    """
    session = Session(engine, expire_on_commit=False, autoflush=False)
    try:
        with session.begin():
            yield session
    except (PoolTimeout, OperationalError) as error:
        raise DatabaseUnavailable(retry_after=2) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(retry_after=2) from error
        raise
    finally:
        session.close()
