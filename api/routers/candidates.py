"""Candidates: looked at one after the other, and decided."""

import uuid
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import orm
from starlette.responses import StreamingResponse

from api.deps import Connections, Id, Reader, Session, Writer
from api.exports import decision_lines
from api.idempotency import OnceRoute, WriterOnce
from api.responses import Responses, problems
from api.schemas.candidates import (
    ApprovedOut,
    CandidateOut,
    CandidateQuery,
    CandidatesOut,
    DecidedOut,
    DecisionsQuery,
    ProgressOut,
    RejectedOut,
)
from api.schemas.common import PageOut
from api.schemas.review import ApproveIn, BulkIn, BulkRejectIn, NextIn, RejectIn, ReviewerIn
from shared.candidates import decisions
from shared.candidates import service as candidates
from shared.candidates import store as candidate_store
from shared.candidates.tables import Candidate
from shared.kit.lines import MEDIA_TYPES

router = APIRouter(route_class=OnceRoute, prefix="/v1/candidates", tags=["candidates"])

EXPORTED: Responses = {
    200: {
        "description": "The file.",
        "content": {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES.values()},
    }
}


@router.get("")
def list_candidates(
    query: Annotated[CandidateQuery, Query()], reader: Reader, session: Session
) -> PageOut[CandidateOut]:
    """The candidates, newest first."""
    page = candidate_store.list_(session, reader.organization_id, query.filter(), query.paging())
    return PageOut[CandidateOut].of(_shown(session, reader.organization_id, page.rows), page.next)


@router.get("/progress")
def show_progress(reader: Reader, session: Session) -> ProgressOut:
    """How many candidates are pending, approved, rejected and skipped, in all and by category."""
    counts = candidates.progress(session, reader.organization_id)
    return ProgressOut.of(counts, candidates.categories_of(session, reader.organization_id, counts))


@router.get("/decisions", response_class=StreamingResponse, responses=EXPORTED)
async def export_decisions(
    query: Annotated[DecisionsQuery, Query()], reader: Reader, connections: Connections
) -> StreamingResponse:
    """Every decision, undone ones too, oldest first, as a file."""
    lines = await decision_lines(connections, reader.organization_id, query.format)
    return StreamingResponse(lines, media_type=MEDIA_TYPES[query.format])


@router.get("/{candidate_id}", responses=problems(404))
def get_candidate(candidate_id: Id, reader: Reader, session: Session) -> CandidateOut:
    """One candidate."""
    row = candidate_store.get(session, reader.organization_id, candidate_id)
    return _shown(session, reader.organization_id, [row])[0]


@router.post("/next", responses=problems(403, 422))
def lease_candidates(body: NextIn, writer: Writer, session: WriterOnce) -> CandidatesOut:
    """Pending candidates that for five minutes nobody else is given; those you already hold come first."""
    organization_id = writer.organization_id
    candidates.check_category(session, organization_id, body.category_id, "/category_id")
    rows = candidates.lease(
        session, organization_id, body.reviewer, body.filter(), order=body.order, count=body.count
    )
    return CandidatesOut(data=_shown(session, organization_id, rows))


@router.post("/undo", responses=problems(403, 409, 422))
def undo_decision(body: ReviewerIn, writer: Writer, session: WriterOnce) -> DecidedOut:
    """Take your last decision back: the candidate is pending and yours, an approval's transaction gone."""
    row = decisions.undo(session, writer.organization_id, body.reviewer)
    return _decided(session, row)


@router.post("/approve", responses=problems(403, 422))
def approve_candidates(body: BulkIn, writer: Writer, session: WriterOnce) -> ApprovedOut:
    """Approve up to 1,000 as they are; those that others hold or whose category is archived are skipped."""
    organization_id, wanted = writer.organization_id, body.wanted()
    candidates.check_wanted(session, organization_id, wanted)
    return ApprovedOut.of(decisions.approve_many(session, organization_id, wanted, body.reviewer))


@router.post("/reject", responses=problems(403, 422))
def reject_candidates(body: BulkRejectIn, writer: Writer, session: WriterOnce) -> RejectedOut:
    """Reject up to 1,000; those that others hold are skipped."""
    organization_id, wanted = writer.organization_id, body.wanted()
    candidates.check_wanted(session, organization_id, wanted)
    return RejectedOut.of(decisions.reject_many(session, organization_id, wanted, body.reason, body.reviewer))


@router.post("/{candidate_id}/approve", responses=problems(403, 404, 409, 422))
def approve_candidate(candidate_id: Id, body: ApproveIn, writer: Writer, session: WriterOnce) -> DecidedOut:
    """Approve it, with your changes: a labelled transaction of source `synthetic` is made of it.

    A paraphrase makes none.
    """
    row = decisions.lock_for_decision(session, writer.organization_id, candidate_id, "approve", body.reviewer)
    decisions.approve(session, row, body.changes.edited(row), body.reviewer)
    return _decided(session, row)


@router.post("/{candidate_id}/reject", responses=problems(403, 404, 409, 422))
def reject_candidate(candidate_id: Id, body: RejectIn, writer: Writer, session: WriterOnce) -> DecidedOut:
    """Reject it, with a reason if you like."""
    row = decisions.lock_for_decision(session, writer.organization_id, candidate_id, "reject", body.reviewer)
    decisions.reject(session, row, body.reason, body.reviewer)
    return _decided(session, row)


@router.post("/{candidate_id}/skip", responses=problems(403, 404, 409, 422))
def skip_candidate(candidate_id: Id, body: ReviewerIn, writer: Writer, session: WriterOnce) -> DecidedOut:
    """Put it aside; it can be approved or rejected later."""
    row = decisions.lock_for_decision(session, writer.organization_id, candidate_id, "skip", body.reviewer)
    decisions.skip(session, row, body.reviewer)
    return _decided(session, row)


def _shown(session: orm.Session, organization_id: uuid.UUID, rows: Sequence[Candidate]) -> list[CandidateOut]:
    named = candidates.categories_of(session, organization_id, {row.category_id for row in rows})
    return [CandidateOut.of(row, named) for row in rows]


def _decided(session: orm.Session, row: Candidate) -> DecidedOut:
    return DecidedOut(candidate=_shown(session, row.organization_id, [row])[0])
