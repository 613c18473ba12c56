"""Decisions on candidates: approve, reject or skip, one candidate or many, and undo."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from shared.candidates import edits, store
from shared.candidates.edits import EditedCandidate
from shared.candidates.service import LEASE, fields_of
from shared.candidates.store import CandidateFilter
from shared.candidates.tables import Candidate, CandidateDecision
from shared.categories import store as category_store
from shared.kit.errors import Conflict, FieldError
from shared.kit.ids import new_id
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from shared.transactions.service import NewTransaction, UnknownCategory

BULK_LIMIT = 1000

# From status and decision to the status that follows; nothing else is allowed. Undone is pending again.
TRANSITIONS = {
    ("pending", "approve"): "approved",
    ("pending", "reject"): "rejected",
    ("pending", "skip"): "skipped",
    ("skipped", "approve"): "approved",
    ("skipped", "reject"): "rejected",
}


class CandidateDecided(Conflict):
    code = "candidate-decided"
    message = "This candidate has been decided already. Ask for the next one, or undo that decision first."


class CandidateLeased(Conflict):
    code = "candidate-leased"
    message = (
        "Another reviewer is looking at this candidate. Ask for the next one, or try again in five minutes."
    )


class NothingToUndo(Conflict):
    code = "nothing-to-undo"
    message = "This reviewer has no decision that can be undone."


class CandidateRelabelled(Conflict):
    code = "candidate-relabelled"
    message = (
        "Somebody labelled the candidate's transaction since it was approved, so the approval stays. To take"
        " it back nevertheless, delete that transaction first."
    )


@dataclass(frozen=True)
class BulkResult:
    """How many were decided, how many were not (others hold them), how many more match the filter."""

    decided: int
    skipped: int
    remaining: int


def lock_for_decision(
    session: Session, organization_id: uuid.UUID, candidate_id: uuid.UUID, decision: str, actor: str
) -> Candidate:
    """Lock the candidate, if the actor may make this decision on it now.

    Raises:
        CandidateNotFound: no such candidate.
        CandidateDecided: its status does not allow the decision.
        CandidateLeased: another reviewer holds it.
    """
    candidate = store.lock(session, organization_id, candidate_id)
    if (candidate.status, decision) not in TRANSITIONS:
        raise CandidateDecided
    is_live = candidate.leased_until is not None and candidate.leased_until > store.now(session)
    if is_live and candidate.leased_by != actor:
        raise CandidateLeased
    return candidate


def approve(session: Session, candidate: Candidate, edited: EditedCandidate, actor: str) -> None:
    """Approve a locked candidate; a transaction candidate becomes a labelled transaction.

    Raises:
        UnknownCategory: its category is archived, or not the organisation's.
    """
    _check_category(session, candidate.organization_id, edited.category_id)
    changes = edits.apply(candidate, edited)
    _create_transactions(session, candidate.organization_id, [candidate], actor)
    _decide(session, [candidate], "approve", actor, changes=changes)


def reject(session: Session, candidate: Candidate, reason: str | None, actor: str) -> None:
    """Reject a locked candidate."""
    _decide(session, [candidate], "reject", actor, reason=reason)


def skip(session: Session, candidate: Candidate, actor: str) -> None:
    """Skip a locked candidate; it can be decided later."""
    _decide(session, [candidate], "skip", actor)


def approve_many(
    session: Session, organization_id: uuid.UUID, wanted: CandidateFilter | Collection[uuid.UUID], actor: str
) -> BulkResult:
    """Approve up to 1,000 candidates unchanged; those of an archived category stay pending."""
    live = [category.id for category in category_store.all_live(session, organization_id)]
    locked = _lock_many(session, organization_id, wanted, "approve", actor, live)
    _create_transactions(session, organization_id, locked, actor)
    _decide(session, locked, "approve", actor)
    return _bulk_result(session, organization_id, wanted, locked, actor, live)


def reject_many(
    session: Session,
    organization_id: uuid.UUID,
    wanted: CandidateFilter | Collection[uuid.UUID],
    reason: str | None,
    actor: str,
) -> BulkResult:
    """Reject up to 1,000 candidates."""
    locked = _lock_many(session, organization_id, wanted, "reject", actor, None)
    _decide(session, locked, "reject", actor, reason=reason)
    return _bulk_result(session, organization_id, wanted, locked, actor, None)


def undo(session: Session, organization_id: uuid.UUID, actor: str) -> Candidate:
    """Undo the actor's last decision: the candidate is pending again, and held by the actor.

    Raises:
        NothingToUndo: the actor has no decision that is still in force.
        CandidateRelabelled: the transaction has another label by now.
    """
    store.lock_reviewer(session, organization_id, actor)
    last = store.lock_last_decided(session, organization_id, actor)
    if last is None:
        raise NothingToUndo
    candidate, decision = last
    if candidate.transaction_id is not None:
        _remove_transaction(session, organization_id, candidate.transaction_id, actor)
    edits.revert(candidate, decision.changes)
    now = store.now(session)
    candidate.status, candidate.transaction_id, candidate.reason = "pending", None, None
    candidate.decided_by, candidate.decided_at = None, None
    candidate.leased_by, candidate.leased_until = actor, now + LEASE
    decision.undone_at = now
    session.flush()
    return candidate


def _check_category(session: Session, organization_id: uuid.UUID, category_id: uuid.UUID) -> None:
    categories = category_store.by_ids(session, organization_id, [category_id])
    if not categories or categories[0].archived_at is not None:
        message = "Not a live category of this organisation."
        raise UnknownCategory(errors=(FieldError("/changes/category_id", "unknown-category", message),))


def _decide(
    session: Session,
    locked: Sequence[Candidate],
    decision: str,
    actor: str,
    *,
    reason: str | None = None,
    changes: dict[str, Any] | None = None,
) -> None:
    now = store.now(session)
    for candidate in locked:
        candidate.status = TRANSITIONS[candidate.status, decision]
        candidate.decided_by, candidate.decided_at, candidate.reason = actor, now, reason
        candidate.leased_by, candidate.leased_until = None, None
        row = CandidateDecision(
            id=new_id(),
            organization_id=candidate.organization_id,
            candidate_id=candidate.id,
            decision=decision,
            actor=actor,
            reason=reason,
            changes=changes or {},
            created_at=now,  # exactly the candidate's decided_at: so the decision in force is found
        )
        session.add(row)
    session.flush()


def _create_transactions(
    session: Session, organization_id: uuid.UUID, locked: Sequence[Candidate], actor: str
) -> None:
    """Create the approved candidates' transactions and labels; a paraphrase has none.

    A transaction has its candidate's id, so approving again after an undo overwrites it.
    """
    approved = {candidate.id: candidate for candidate in locked if candidate.kind == "transaction"}
    new = [
        NewTransaction(fields_of(candidate), occurred_on=candidate.occurred_on, id=candidate_id)
        for candidate_id, candidate in approved.items()
    ]
    transactions.upsert(session, organization_id, new, source="synthetic")
    labels = {candidate_id: candidate.category_id for candidate_id, candidate in approved.items()}
    transactions.label_many(session, organization_id, labels, source="synthetic", actor=actor)
    for candidate_id, candidate in approved.items():
        candidate.transaction_id = candidate_id


def _remove_transaction(
    session: Session, organization_id: uuid.UUID, transaction_id: uuid.UUID, actor: str
) -> None:
    """Remove the transaction of an approval, if it exists and nobody else has labelled it since."""
    transaction_store.lock(session, organization_id, [transaction_id])
    if not transaction_store.by_ids(session, organization_id, [transaction_id]):
        return
    label = transaction_store.current_labels(session, organization_id, [transaction_id]).get(transaction_id)
    if label is not None and (label.source, label.actor) != ("synthetic", actor):
        raise CandidateRelabelled
    transactions.delete(session, organization_id, transaction_id)


def _lock_many(
    session: Session,
    organization_id: uuid.UUID,
    wanted: CandidateFilter | Collection[uuid.UUID],
    decision: str,
    actor: str,
    category_ids: Collection[uuid.UUID] | None,
) -> list[Candidate]:
    """Lock what a filter finds (pending ones only) or what is named (which may have been skipped)."""
    statuses = [before for before, then in TRANSITIONS if then == decision]
    if isinstance(wanted, CandidateFilter):
        statuses = ["pending"]
    return store.lock_many(session, organization_id, actor, wanted, statuses, category_ids, BULK_LIMIT)


def _bulk_result(
    session: Session,
    organization_id: uuid.UUID,
    wanted: CandidateFilter | Collection[uuid.UUID],
    locked: Sequence[Candidate],
    actor: str,
    category_ids: Collection[uuid.UUID] | None,
) -> BulkResult:
    if not isinstance(wanted, CandidateFilter):
        return BulkResult(len(locked), len(set(wanted)) - len(locked), 0)
    left, free = store.count_pending(session, organization_id, actor, wanted, category_ids)
    return BulkResult(len(locked), left - free, free)
