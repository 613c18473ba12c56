"""Which candidates, and in what order: the conditions that the statements of the store are made of."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from shared.candidates.tables import Candidate

ORDERS = ("hardest", "disagreed", "oldest", "random")


@dataclass(frozen=True)
class CandidateFilter:
    """Which candidates; what is None does not narrow. `max_rank` leaves out those without a rank."""

    status: str | None = None
    kind: str | None = None
    category_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    style: str | None = None
    max_rank: int | None = None


def narrowed(wanted: CandidateFilter) -> list[ColumnElement[bool]]:
    """The conditions that what fits the filter meets, all of them."""
    columns = {
        Candidate.status: wanted.status,
        Candidate.kind: wanted.kind,
        Candidate.category_id: wanted.category_id,
        Candidate.job_id: wanted.job_id,
        Candidate.style: wanted.style,
    }
    narrowed = [column == value for column, value in columns.items() if value is not None]
    return narrowed if wanted.max_rank is None else [*narrowed, Candidate.rank <= wanted.max_rank]


def is_free(reviewer: str, category_ids: Collection[uuid.UUID] | None = None) -> ColumnElement[bool]:
    """Whether nobody else holds the candidate, by the database's clock; of any category, or of these."""
    until, holder = Candidate.leased_until, Candidate.leased_by
    free = or_(until.is_(None), until <= func.now(), holder == reviewer)
    return free if category_ids is None else and_(free, among(Candidate.category_id, category_ids))


def ordered(order: str, reviewer: str) -> list[ColumnElement[Any]]:
    """What an order of `ORDERS` sorts by; where that is alike, or nothing, the id decides."""
    if order == "hardest":
        return [Candidate.rank.desc().nulls_last(), Candidate.margin.asc().nulls_last()]
    if order == "disagreed":
        return [Candidate.margin.asc().nulls_last()]
    if order == "random":  # the same after a reload, and another one for another reviewer
        return [func.md5(func.concat(Candidate.id, reviewer))]
    assert order == "oldest"
    return []


def among(column: InstrumentedAttribute[uuid.UUID], ids: Collection[uuid.UUID]) -> ColumnElement[bool]:
    """Whether the column is one of `ids`: joined with an array, so each is looked up or hashed."""
    return column.in_(select(func.unnest(literal(list(ids), ARRAY(Uuid())))))
