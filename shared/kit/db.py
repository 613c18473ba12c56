"""The engine and the declarative base."""

import datetime as dt
import uuid
from typing import Any, ClassVar, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import DateTime, Engine, MetaData, create_engine, event, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.kit.ids import new_id

T = TypeVar("T")

# Parameters of libpq. A peer whose machine has gone is noticed within some 30 s, also while we only listen.
KEEPALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 15,  # seconds of silence before the first probe
    "keepalives_interval": 5,  # seconds between probes
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds that sent data may stay unacknowledged
}
CHECK_INTERVAL_S = 0.1  # how often psycopg looks for Ctrl-C while it waits, by default

# Fixed names, so that a later migration can drop a constraint.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dt.datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: JSONB,
        list[float]: JSONB,
    }


class Row:
    """What most tables share: a time-ordered id and the time of creation, on the database's clock."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class PatientConnection(psycopg.Connection[Any]):
    """A connection that waits for an answer, but not for ever.

    The server's own timeouts are of no use when it is the server that stands still, and TCP's notice a
    machine that is gone, not a process that is frozen. So each round trip has an end on this side too.
    """

    answer_timeout_s: float = 10

    def wait(self, gen: PQGen[T], interval: float = CHECK_INTERVAL_S, timeout: float | None = None) -> T:
        """Run the exchange to its end.

        Raises:
            psycopg.OperationalError: no answer within `answer_timeout_s`; the connection is closed.
        """
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.answer_timeout_s)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # the server has said nothing
                self.close()  # so a late answer must not meet the next question
            raise


def create_db_engine(
    url: str, *, pool_size: int, statement_timeout_s: float = 5, answer_timeout_s: float | None = None
) -> Engine:
    """A pooled psycopg engine whose every session is bounded in time, on both sides.

    `url` is a `postgresql://` URL (SQLAlchemy 2.1 reads it as psycopg 3). In seconds: the server ends a
    statement after `statement_timeout_s`; a server that says nothing at all is given up after
    `answer_timeout_s`, by default 5 s later. An error's text never holds the values of a statement.
    """
    options = (
        f"-c statement_timeout={int(statement_timeout_s * 1000)} "
        "-c idle_in_transaction_session_timeout=30000 -c lock_timeout=5000 -c timezone=UTC"
    )
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=3,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": 3, "application_name": "outlay", **KEEPALIVE},
    )
    limit = statement_timeout_s + 5 if answer_timeout_s is None else answer_timeout_s

    @event.listens_for(engine, "do_connect")
    def _connect(_: Any, __: Any, args: Any, options: dict[str, Any]) -> PatientConnection:
        connection = PatientConnection.connect(*args, **options)
        connection.answer_timeout_s = limit
        return connection

    return engine
