"""Conditions that several stores share."""

import uuid
from collections.abc import Collection

from sqlalchemy import ColumnElement, Uuid, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute


def among(column: InstrumentedAttribute[uuid.UUID], ids: Collection[uuid.UUID]) -> ColumnElement[bool]:
    """Whether the column is one of `ids`: joined with an array, so that each is looked up or hashed.

    In a prepared statement Postgres compares a list of values one by one with each row that the organisation
    has: 300 ms a thousand ids at 50,000 rows.
    """
    return column.in_(select(func.unnest(literal(list(ids), ARRAY(Uuid())))))
