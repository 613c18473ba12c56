"""The engine and the declarative base."""

import datetime as dt
import uuid
from typing import Any, ClassVar

from sqlalchemy import DateTime, Engine, MetaData, create_engine, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.kit.ids import new_id

# Fixed names, so that a migration can drop what an earlier one made.
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


def create_db_engine(url: str, *, pool_size: int, statement_timeout_s: float = 5) -> Engine:
    """A pooled psycopg engine whose every session is bounded in time.

    `url` is a `postgresql://` URL (SQLAlchemy 2.1 reads it as psycopg 3); `statement_timeout_s` in seconds.
    """
    options = (
        f"-c statement_timeout={int(statement_timeout_s * 1000)} "
        "-c idle_in_transaction_session_timeout=30000 -c lock_timeout=5000 -c timezone=UTC"
    )
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=3,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={"options": options, "connect_timeout": 3, "application_name": "outlay"},
    )
