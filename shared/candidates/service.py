"""What may happen to a candidate: made, looked at, approved, rejected, skipped, undone."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.candidates import store
from shared.candidates.tables import Candidate
from shared.kit.ids import new_id
from shared.transactions.text import TransactionFields


@dataclass(frozen=True)
class Difficulty:
    """Where a model put the meant category (1: first) and how far before the best other one."""

    rank: int | None
    margin: float | None
    model_version_id: uuid.UUID


@dataclass(frozen=True)
class NewCandidate:
    """A candidate as a generator gives it: `fields`, or a `paraphrase` of the category's name."""

    category_id: uuid.UUID
    fields: TransactionFields | None = None
    occurred_on: dt.date | None = None
    paraphrase: str | None = None
    difficulty: Difficulty | None = None


@dataclass(frozen=True)
class Origin:
    """What made a batch of candidates."""

    job_id: uuid.UUID
    style: str
    prompt_version: str
    llm: str


def add(
    session: Session, organization_id: uuid.UUID, origin: Origin, new: Sequence[NewCandidate]
) -> list[uuid.UUID]:
    """Keep candidates for review; their ids, in the order given."""
    rows = [_row(organization_id, origin, one) for one in new]
    store.add(session, rows)
    return [row.id for row in rows]


def fields_of(candidate: Candidate) -> TransactionFields:
    """The candidate's descriptive fields; it must not be a paraphrase."""
    assert candidate.merchant_name is not None, "a paraphrase has no fields"
    names = TransactionFields.__dataclass_fields__
    values = {name: getattr(candidate, name) for name in names}
    return TransactionFields(**{**values, "merchant_category": tuple(candidate.merchant_category)})


def _row(organization_id: uuid.UUID, origin: Origin, new: NewCandidate) -> Candidate:
    assert (new.fields is None) != (new.paraphrase is None), "one of both"
    fields = {} if new.fields is None else dict(vars(new.fields))
    return Candidate(
        id=new_id(),
        organization_id=organization_id,
        kind="transaction" if new.fields is not None else "paraphrase",
        status="pending",
        category_id=new.category_id,
        paraphrase=new.paraphrase,
        **{**fields, "merchant_category": list(fields.get("merchant_category", ()))},
        occurred_on=new.occurred_on,
        **vars(origin),
        rank=new.difficulty.rank if new.difficulty else None,
        margin=new.difficulty.margin if new.difficulty else None,
        model_version_id=new.difficulty.model_version_id if new.difficulty else None,
    )
