"""Queries on candidates and the decisions on them."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from shared.candidates.tables import Candidate, CandidateDecision
from shared.kit.errors import NotFound
from shared.kit.paging import Page, Paging, page
from shared.kit.sql import among


class CandidateNotFound(NotFound):
    code = "candidate-not-found"
    message = "There is no such candidate."


ORDERS = ("hardest", "disagreed", "oldest", "random")


@dataclass(frozen=True)
class CandidateFilter:
    """Which candidates; None matches any. `max_rank` leaves out candidates without a rank."""

    status: str | None = None
    kind: str | None = None
    category_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    style: str | None = None
    max_rank: int | None = None


def add(session: Session, candidates: Sequence[Candidate]) -> None:
    """Insert the candidates."""
    session.add_all(candidates)
    session.flush()


def named_jobs(session: Session, job_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the jobs, of whatever organisation, that a candidate came from."""
    return set(session.scalars(select(Candidate.job_id).where(Candidate.job_id.in_(job_ids)).distinct()))


def now(session: Session) -> dt.datetime:
    """When the session's transaction began, by the database's clock."""
    return session.scalars(select(func.now())).one()


def lock_reviewer(session: Session, organization_id: uuid.UUID, reviewer: str) -> None:
    """Let the reviewer's requests through one at a time, until the session's transaction ends."""
    key = func.hashtextextended(f"review\x1f{organization_id}\x1f{reviewer}", 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def get(session: Session, organization_id: uuid.UUID, candidate_id: uuid.UUID) -> Candidate:
    """The organisation's candidate."""
    return _get_one(session, _of(organization_id).where(Candidate.id == candidate_id))


def lock(session: Session, organization_id: uuid.UUID, candidate_id: uuid.UUID) -> Candidate:
    """The candidate as it is now, locked until the session's transaction ends."""
    query = _of(organization_id).where(Candidate.id == candidate_id)
    return _get_one(session, query.with_for_update().execution_options(populate_existing=True))


def list_(
    session: Session, organization_id: uuid.UUID, wanted: CandidateFilter, paging: Paging
) -> Page[Candidate]:
    """The organisation's candidates, newest first."""
    query = _of(organization_id).where(*filter_conditions(wanted))
    return page(session, query, Candidate.id, paging, resource="candidates", newest_first=True)


def known_ids(session: Session, organization_id: uuid.UUID, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of the ids are candidates of the organisation."""
    query = select(Candidate.id).where(Candidate.organization_id == organization_id)
    return set(session.scalars(query.where(among(Candidate.id, ids))))


def lock_next(
    session: Session,
    organization_id: uuid.UUID,
    reviewer: str,
    wanted: CandidateFilter,
    order: str,
    count: int,
) -> list[Candidate]:
    """Lock up to `count` candidates that the reviewer may look at: those that they already hold first.

    Candidates that another transaction is about to lease or decide are skipped, not waited for.
    """
    mine = and_(Candidate.leased_by.is_not(None), Candidate.leased_by == reviewer)
    query = (
        select(Candidate.id)
        .where(Candidate.organization_id == organization_id, *filter_conditions(wanted), is_free(reviewer))
        .order_by(mine.desc(), *sort_columns(order, reviewer), Candidate.id)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    # Ids alone first: every row that waits is sorted, and a narrow row sorts in memory.
    return _load(session, organization_id, session.scalars(query).all())


def lock_many(
    session: Session,
    organization_id: uuid.UUID,
    reviewer: str,
    wanted: CandidateFilter | Collection[uuid.UUID],
    statuses: Collection[str],
    category_ids: Collection[uuid.UUID] | None,
    limit: int,
) -> list[Candidate]:
    """Lock up to `limit` of the candidates that nobody else holds, oldest first.

    `category_ids`: only of these categories; None: of any.
    """
    query = select(Candidate.id).where(
        Candidate.organization_id == organization_id,
        Candidate.status.in_(statuses),
        *(
            filter_conditions(wanted)
            if isinstance(wanted, CandidateFilter)
            else [among(Candidate.id, wanted)]
        ),
        is_free(reviewer, category_ids),
    )
    ids = session.scalars(query.order_by(Candidate.id).limit(limit).with_for_update(skip_locked=True))
    return _load(session, organization_id, ids.all())


def count_pending(
    session: Session,
    organization_id: uuid.UUID,
    reviewer: str,
    wanted: CandidateFilter,
    category_ids: Collection[uuid.UUID] | None,
) -> tuple[int, int]:
    """How many pending candidates match, and how many of them `lock_many` would lock for the reviewer."""
    free = is_free(reviewer, category_ids)
    query = select(func.count(), func.count().filter(free)).select_from(Candidate)
    query = query.where(Candidate.organization_id == organization_id, Candidate.status == "pending")
    row = session.execute(query.where(*filter_conditions(wanted))).one()
    return row[0], row[1]


def count_by_category(session: Session, organization_id: uuid.UUID) -> list[tuple[uuid.UUID, str, int]]:
    """(category id, status, how many)."""
    query = (
        select(Candidate.category_id, Candidate.status, func.count())
        .where(Candidate.organization_id == organization_id)
        .group_by(Candidate.category_id, Candidate.status)
    )
    return [(category_id, status, number) for category_id, status, number in session.execute(query)]


def lock_last_decided(
    session: Session, organization_id: uuid.UUID, reviewer: str
) -> tuple[Candidate, CandidateDecision] | None:
    """The reviewer's last decision that is in force, and its candidate, locked.

    In force is the one that the candidate's present status comes from: both have the time of one transaction.
    """
    query = (
        select(Candidate.id, CandidateDecision.id)
        .join(
            CandidateDecision,
            and_(
                CandidateDecision.organization_id == Candidate.organization_id,
                CandidateDecision.candidate_id == Candidate.id,
                CandidateDecision.created_at == Candidate.decided_at,
                CandidateDecision.actor == Candidate.decided_by,
            ),
        )
        .where(
            CandidateDecision.organization_id == organization_id,
            CandidateDecision.actor == reviewer,
            CandidateDecision.undone_at.is_(None),
        )
        .order_by(CandidateDecision.created_at.desc(), CandidateDecision.id.desc())
        .limit(1)
        .with_for_update(of=Candidate)
    )
    ids = session.execute(query).one_or_none()
    if ids is None:
        return None
    candidate_id, decision_id = ids
    decision = session.scalars(select(CandidateDecision).where(CandidateDecision.id == decision_id)).one()
    return get(session, organization_id, candidate_id), decision


def list_decisions(
    session: Session, organization_id: uuid.UUID, after: uuid.UUID | None, limit: int
) -> list[tuple[CandidateDecision, Candidate]]:
    """A page of decisions with their candidates, oldest first."""
    query = (
        select(CandidateDecision, Candidate)
        .join(
            Candidate,
            and_(
                Candidate.organization_id == CandidateDecision.organization_id,
                Candidate.id == CandidateDecision.candidate_id,
            ),
        )
        .where(CandidateDecision.organization_id == organization_id)
        .order_by(CandidateDecision.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(CandidateDecision.id > after)
    return [(row[0], row[1]) for row in session.execute(query)]


def _of(organization_id: uuid.UUID) -> Select[Candidate]:
    return select(Candidate).where(Candidate.organization_id == organization_id)


def _get_one(session: Session, query: Select[Candidate]) -> Candidate:
    candidate = session.scalar(query)
    if candidate is None:
        raise CandidateNotFound
    return candidate


def _load(session: Session, organization_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> list[Candidate]:
    """The rows in the order of their ids; they are locked, so nothing changes in between."""
    rows = session.scalars(_of(organization_id).where(among(Candidate.id, ids)))
    by_id = {row.id: row for row in rows}
    return [by_id[candidate_id] for candidate_id in ids]


def list_newest(session: Session, organization_id: uuid.UUID, limit: int) -> Sequence[Candidate]:
    """The newest candidates in any status: what was rejected should not be generated again either."""
    query = select(Candidate).where(Candidate.organization_id == organization_id)
    return session.scalars(query.order_by(Candidate.id.desc()).limit(limit)).all()


def list_approved(
    session: Session, organization_id: uuid.UUID, category_ids: Collection[uuid.UUID], limit: int
) -> Sequence[Candidate]:
    """The newest approved transactions of the categories."""
    query = select(Candidate).where(
        Candidate.organization_id == organization_id,
        Candidate.status == "approved",
        Candidate.kind == "transaction",
        Candidate.category_id.in_(category_ids),
    )
    return session.scalars(query.order_by(Candidate.id.desc()).limit(limit)).all()


def ids_of_job(session: Session, organization_id: uuid.UUID, job_id: uuid.UUID) -> set[uuid.UUID]:
    """The ids of the candidates that the job generated."""
    query = select(Candidate.id).where(
        Candidate.organization_id == organization_id, Candidate.job_id == job_id
    )
    return set(session.scalars(query))


def approved_paraphrases(session: Session, organization_id: uuid.UUID) -> dict[uuid.UUID, list[str]]:
    """The approved paraphrases of each category that has any, oldest first."""
    query = (
        select(Candidate.category_id, Candidate.paraphrase)
        .where(Candidate.organization_id == organization_id)
        .where(Candidate.kind == "paraphrase", Candidate.status == "approved")
        .order_by(Candidate.id)
    )
    names: dict[uuid.UUID, list[str]] = {}
    for category_id, name in session.execute(query):
        if name is not None:
            names.setdefault(category_id, []).append(name)
    return names


def filter_conditions(wanted: CandidateFilter) -> list[ColumnElement[bool]]:
    """The conditions that a candidate must meet to match the filter, all of them."""
    columns = {
        Candidate.status: wanted.status,
        Candidate.kind: wanted.kind,
        Candidate.category_id: wanted.category_id,
        Candidate.job_id: wanted.job_id,
        Candidate.style: wanted.style,
    }
    conditions = [column == value for column, value in columns.items() if value is not None]
    return conditions if wanted.max_rank is None else [*conditions, Candidate.rank <= wanted.max_rank]


def is_free(reviewer: str, category_ids: Collection[uuid.UUID] | None = None) -> ColumnElement[bool]:
    """Whether nobody else holds the candidate, by the database's clock; of any category, or of these."""
    until, holder = Candidate.leased_until, Candidate.leased_by
    free = or_(until.is_(None), until <= func.now(), holder == reviewer)
    return free if category_ids is None else and_(free, among(Candidate.category_id, category_ids))


def sort_columns(order: str, reviewer: str) -> list[ColumnElement[Any]]:
    """The columns that an order of `ORDERS` sorts by; the id breaks ties."""
    if order == "hardest":
        return [Candidate.rank.desc().nulls_last(), Candidate.margin.asc().nulls_last()]
    if order == "disagreed":
        return [Candidate.margin.asc().nulls_last()]
    if order == "random":  # the same after a reload, and another one for another reviewer
        return [func.md5(func.concat(Candidate.id, reviewer))]
    assert order == "oldest"
    return []
