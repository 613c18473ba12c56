"""What a failed statement means: the only place that reads SQLSTATEs.

The codes are those of https://www.postgresql.org/docs/18/errcodes-appendix.html. A failure that is not listed
is a bug, and stays the error that it is.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.kit.errors import AppError, Conflict, Retryable, Unavailable


class DatabaseUnavailable(Unavailable):
    code = "database-unavailable"
    message = "The database does not answer. Try again in a few seconds."


class DatabaseOutOfResources(Unavailable):
    code = "database-out-of-resources"
    message = "The database has run out of disk space, memory or connections. Its operator has to help."


class StatementTooSlow(Retryable):
    code = "statement-too-slow"
    message = "The database took too long to answer this request. Ask for less at once, or try again later."


class TransactionConflict(Retryable):
    code = "transaction-conflict"
    message = "The request met another one that changed the same rows. Send it again."


class TransactionTooLong(Retryable):
    code = "transaction-too-long"
    message = "The request held a database transaction open for too long, so it was ended. Try again later."


class RowLocked(Retryable):
    code = "row-locked"
    message = "Another request holds a row that this one needs. Send it again in a few seconds."


class ReferencedRowRemoved(Conflict):
    code = "referenced-row-removed"
    message = "Something that this request refers to was removed in the meantime. Look again."


class AlreadyExists(Conflict):
    code = "already-exists"
    message = "Another request has stored the same thing in the meantime. Look again."


CONNECTION_EXCEPTION = "08"  # a class: the first two characters
INSUFFICIENT_RESOURCES = "53"
SYSTEM_ERROR = "58"
FOREIGN_KEY_VIOLATION = "23503"
UNIQUE_VIOLATION = "23505"

_BY_STATE: Mapping[str, tuple[type[AppError], float]] = MappingProxyType(
    {
        "25P03": (TransactionTooLong, 5),  # idle_in_transaction_session_timeout
        "25P04": (TransactionTooLong, 5),  # transaction_timeout
        "40001": (TransactionConflict, 1),  # serialization_failure
        "40P01": (TransactionConflict, 1),  # deadlock_detected
        "53300": (DatabaseUnavailable, 2),  # too_many_connections
        "55P03": (RowLocked, 2),  # lock_not_available
        "57014": (StatementTooSlow, 5),  # query_canceled: statement_timeout
        "57P01": (DatabaseUnavailable, 2),  # admin_shutdown
        "57P02": (DatabaseUnavailable, 2),  # crash_shutdown
        "57P03": (DatabaseUnavailable, 2),  # cannot_connect_now
        "57P04": (DatabaseUnavailable, 2),  # database_dropped
        "57P05": (DatabaseUnavailable, 2),  # idle_session_timeout
    }
)
_BY_CLASS: Mapping[str, tuple[type[AppError], float]] = MappingProxyType(
    {
        CONNECTION_EXCEPTION: (DatabaseUnavailable, 2),
        INSUFFICIENT_RESOURCES: (DatabaseOutOfResources, 30),
        SYSTEM_ERROR: (DatabaseUnavailable, 2),
    }
)
_CONFLICTS: dict[str, type[Conflict]] = {}


def on_unique_violation(constraint: str, error: type[Conflict]) -> None:
    """From now on a violation of this unique constraint or index is that error; a noun's store says which."""
    _CONFLICTS[constraint] = error


def registered_constraints() -> Mapping[str, type[Conflict]]:
    """The unique constraints that have an error of their own."""
    return MappingProxyType(_CONFLICTS)


def meaning_of(error: Exception) -> AppError | None:
    """What the error of SQLAlchemy or its driver means to the caller; None: it is a bug."""
    if isinstance(error, PoolTimeout):
        return DatabaseUnavailable(retry_after=2)
    if not isinstance(error, DBAPIError):
        return None
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state == UNIQUE_VIOLATION:
        return _CONFLICTS.get(_constraint_of(error), AlreadyExists)()
    if state == FOREIGN_KEY_VIOLATION:
        return ReferencedRowRemoved()
    listed = _BY_STATE.get(state or "") or _BY_CLASS.get((state or "")[:2])
    if listed is not None:
        kind, retry_after = listed
        return kind(retry_after=retry_after)
    # Without a SQLSTATE the server has said nothing: no connection, or it was lost on the way.
    is_silent = state is None and _is_operational(error)
    return DatabaseUnavailable(retry_after=2) if is_silent or error.connection_invalidated else None


@contextmanager
def translated() -> Iterator[None]:
    """Raise what a failed statement means instead of the driver's error, from which it is chained."""
    try:
        yield
    except (PoolTimeout, DBAPIError) as error:
        meaning = meaning_of(error)
        if meaning is None:
            raise
        raise meaning from error


def _is_operational(error: DBAPIError) -> bool:
    return isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError)


def _constraint_of(error: DBAPIError) -> str:
    diagnostics = getattr(error.orig, "diag", None)
    return getattr(diagnostics, "constraint_name", None) or ""
