"""Candidates: added by a generator, and leased to reviewers."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from shared.candidates import store
from shared.candidates.store import CandidateFilter
from shared.candidates.tables import STATUSES, Candidate
from shared.categories import store as category_store
from shared.categories.tables import Category
from shared.kit.errors import FieldError, Invalid
from shared.kit.ids import new_id
from shared.transactions.fields import NAMES_FIELDS, TransactionFields
from shared.transactions.service import UnknownCategory

LEASE = dt.timedelta(minutes=5)
MAX_ERRORS = 100


class UnknownCandidate(Invalid):
    code = "unknown-candidate"
    message = "Some of the candidates do not exist. Nothing was decided."


@dataclass(frozen=True)
class Difficulty:
    """Where a model put the meant category (1: first) and how far before the best other one."""

    rank: int | None
    margin: float | None
    model_version_id: uuid.UUID


@dataclass(frozen=True)
class NewCandidate:
    """A candidate as a generator gives it: `fields`, or a `paraphrase` of the category's name.

    `id` is set where writing twice must be writing once.
    """

    category_id: uuid.UUID
    fields: TransactionFields | None = None
    occurred_on: dt.date | None = None
    paraphrase: str | None = None
    difficulty: Difficulty | None = None
    id: uuid.UUID | None = None


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
    rows = [_row(organization_id, origin, candidate) for candidate in new]
    store.add(session, rows)
    return [row.id for row in rows]


def lease(
    session: Session,
    organization_id: uuid.UUID,
    reviewer: str,
    wanted: CandidateFilter,
    *,
    order: str,
    count: int,
) -> list[Candidate]:
    """Up to `count` pending candidates, for five minutes nobody's but the reviewer's.

    Those that the reviewer already has come first and are theirs for another five minutes.
    """
    store.lock_reviewer(session, organization_id, reviewer)
    locked = store.lock_next(
        session, organization_id, reviewer, replace(wanted, status="pending"), order, count
    )
    until = store.now(session) + LEASE
    for candidate in locked:
        candidate.leased_by, candidate.leased_until = reviewer, until
    session.flush()
    return locked


def progress(session: Session, organization_id: uuid.UUID) -> dict[uuid.UUID, dict[str, int]]:
    """How many candidates of each status each category has, by its id; one query."""
    counts: dict[uuid.UUID, dict[str, int]] = {}
    for category_id, status, number in store.count_by_category(session, organization_id):
        counts.setdefault(category_id, dict.fromkeys(STATUSES, 0))[status] = number
    return counts


def categories_of(
    session: Session, organization_id: uuid.UUID, category_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, Category]:
    """The categories, archived or not, by id."""
    categories = category_store.by_ids(session, organization_id, set(category_ids))
    return {category.id: category for category in categories}


def check_category(
    session: Session, organization_id: uuid.UUID, category_id: uuid.UUID | None, pointer: str
) -> None:
    """Refuse a filter by a category that the organisation does not have.

    Raises:
        UnknownCategory: `pointer` is where it stands in the request.
    """
    if category_id is not None and not category_store.by_ids(session, organization_id, [category_id]):
        error = FieldError(pointer, "unknown-category", "Not a category of this organisation.")
        raise UnknownCategory(errors=(error,))


def check_wanted(
    session: Session, organization_id: uuid.UUID, wanted: CandidateFilter | Sequence[uuid.UUID]
) -> None:
    """Refuse a choice that names what the organisation does not have.

    Raises:
        UnknownCategory: the filter's category.
        UnknownCandidate: one or more of the ids.
    """
    if isinstance(wanted, CandidateFilter):
        check_category(session, organization_id, wanted.category_id, "/filter/category_id")
        return
    known = store.known_ids(session, organization_id, wanted)
    message = "Not a candidate of this organisation."
    positions = [position for position, candidate_id in enumerate(wanted) if candidate_id not in known]
    if positions:
        pointers = [f"/candidate_ids/{position}" for position in positions[:MAX_ERRORS]]
        raise UnknownCandidate(
            errors=tuple(FieldError(pointer, "unknown-candidate", message) for pointer in pointers)
        )


def fields_of(candidate: Candidate) -> TransactionFields:
    """The candidate's descriptive fields; it must not be a paraphrase."""
    assert candidate.merchant_name is not None, "a paraphrase has no fields"
    return TransactionFields.of_row(candidate)


def _row(organization_id: uuid.UUID, origin: Origin, new: NewCandidate) -> Candidate:
    assert (new.fields is None) != (new.paraphrase is None), "either fields or a paraphrase"
    fields = {name: [] for name in NAMES_FIELDS} if new.fields is None else new.fields.columns()
    return Candidate(
        id=new.id or new_id(),
        organization_id=organization_id,
        kind="transaction" if new.fields is not None else "paraphrase",
        status="pending",
        category_id=new.category_id,
        paraphrase=new.paraphrase,
        **fields,
        occurred_on=new.occurred_on,
        **vars(origin),
        rank=new.difficulty.rank if new.difficulty else None,
        margin=new.difficulty.margin if new.difficulty else None,
        model_version_id=new.difficulty.model_version_id if new.difficulty else None,
    )
