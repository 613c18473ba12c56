"""Decisions on candidates: approved, rejected, skipped, by one or by the thousand, and taken back."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from shared.candidates import edits, store
from shared.candidates.edits import Edited
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
    message = "There is no decision of this reviewer that could be taken back."


class CandidateRelabelled(Conflict):
    code = "candidate-relabelled"
    message = (
        "Somebody labelled the candidate's transaction since it was approved, so the approval stays. To take"
        " it back nevertheless, delete that transaction first."
    )


@dataclass(frozen=True)
class Bulk:
    """How many were decided, how many others hold or cannot be, how many more fit the filter."""

    decided: int
    skipped: int
    remaining: int


def hold(
    session: Session, organization_id: uuid.UUID, candidate_id: uuid.UUID, decision: str, actor: str
) -> Candidate:
    """The candidate, locked, provided that the actor may decide this about it now.

    Raises:
        CandidateNotFound: no such candidate.
        CandidateDecided: its status does not allow the decision.
        CandidateLeased: somebody else is looking at it.
    """
    candidate = store.hold(session, organization_id, candidate_id)
    if (candidate.status, decision) not in TRANSITIONS:
        raise CandidateDecided
    is_live = candidate.leased_until is not None and candidate.leased_until > store.now(session)
    if is_live and candidate.leased_by != actor:
        raise CandidateLeased
    return candidate


def approve(session: Session, candidate: Candidate, edited: Edited, actor: str) -> None:
    """Approve a candidate that is held; a made-up transaction becomes one, with its label.

    Raises:
        UnknownCategory: its category is archived, or not the organisation's.
    """
    _check_category(session, candidate.organization_id, edited.category_id)
    changes = edits.apply(candidate, edited)
    _materialize(session, candidate.organization_id, [candidate], actor)
    _decide(session, [candidate], "approve", actor, changes=changes)


def reject(session: Session, candidate: Candidate, reason: str | None, actor: str) -> None:
    """Reject a candidate that is held."""
    _decide(session, [candidate], "reject", actor, reason=reason)


def skip(session: Session, candidate: Candidate, actor: str) -> None:
    """Put a candidate that is held aside; it can be decided later."""
    _decide(session, [candidate], "skip", actor)


def approve_many(
    session: Session, organization_id: uuid.UUID, wanted: CandidateFilter | Collection[uuid.UUID], actor: str
) -> Bulk:
    """Approve up to 1,000 as they are; those of an archived category are left as they are."""
    live = [category.id for category in category_store.all_live(session, organization_id)]
    held = _hold_many(session, organization_id, wanted, "approve", actor, live)
    _materialize(session, organization_id, held, actor)
    _decide(session, held, "approve", actor)
    return _bulk(session, organization_id, wanted, held, actor, live)


def reject_many(
    session: Session,
    organization_id: uuid.UUID,
    wanted: CandidateFilter | Collection[uuid.UUID],
    reason: str | None,
    actor: str,
) -> Bulk:
    """Reject up to 1,000."""
    held = _hold_many(session, organization_id, wanted, "reject", actor, None)
    _decide(session, held, "reject", actor, reason=reason)
    return _bulk(session, organization_id, wanted, held, actor, None)


def undo(session: Session, organization_id: uuid.UUID, actor: str) -> Candidate:
    """Take the actor's last decision back: pending again as before it, and held by the actor.

    Raises:
        NothingToUndo: the actor has no decision that is still in force.
        CandidateRelabelled: the transaction has another label by now.
    """
    store.serialize(session, organization_id, actor)
    found = store.hold_last_decided(session, organization_id, actor)
    if found is None:
        raise NothingToUndo
    candidate, decision = found
    if candidate.transaction_id is not None:
        _dematerialize(session, organization_id, candidate.transaction_id, actor)
    edits.put_back(candidate, decision.changes)
    now = store.now(session)
    candidate.status, candidate.transaction_id, candidate.reason = "pending", None, None
    candidate.decided_by, candidate.decided_at = None, None
    candidate.leased_by, candidate.leased_until = actor, now + LEASE
    decision.undone_at = now
    session.flush()
    return candidate


def _check_category(session: Session, organization_id: uuid.UUID, category_id: uuid.UUID) -> None:
    found = category_store.by_ids(session, organization_id, [category_id])
    if not found or found[0].archived_at is not None:
        message = "Not a live category of this organisation."
        raise UnknownCategory(errors=(FieldError("/changes/category_id", "unknown-category", message),))


def _decide(
    session: Session,
    held: Sequence[Candidate],
    decision: str,
    actor: str,
    *,
    reason: str | None = None,
    changes: dict[str, Any] | None = None,
) -> None:
    now = store.now(session)
    for candidate in held:
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


def _materialize(session: Session, organization_id: uuid.UUID, held: Sequence[Candidate], actor: str) -> None:
    """Make the approved candidates' transactions and labels; a paraphrase has none.

    A transaction has its candidate's id, so approving again after an undo is writing it again.
    """
    made = {one.id: one for one in held if one.kind == "transaction"}
    new = [NewTransaction(fields_of(one), occurred_on=one.occurred_on, id=key) for key, one in made.items()]
    transactions.upsert(session, organization_id, new, source="synthetic")
    labels = {key: one.category_id for key, one in made.items()}
    transactions.label_many(session, organization_id, labels, source="synthetic", actor=actor)
    for key, one in made.items():
        one.transaction_id = key


def _dematerialize(
    session: Session, organization_id: uuid.UUID, transaction_id: uuid.UUID, actor: str
) -> None:
    """Remove the transaction of an approval, unless somebody else has had a say in it or it is gone."""
    transaction_store.lock(session, organization_id, [transaction_id])
    if not transaction_store.by_ids(session, organization_id, [transaction_id]):
        return
    label = transaction_store.current_labels(session, organization_id, [transaction_id]).get(transaction_id)
    if label is not None and (label.source, label.actor) != ("synthetic", actor):
        raise CandidateRelabelled
    transactions.delete(session, organization_id, transaction_id)


def _hold_many(
    session: Session,
    organization_id: uuid.UUID,
    wanted: CandidateFilter | Collection[uuid.UUID],
    decision: str,
    actor: str,
    category_ids: Collection[uuid.UUID] | None,
) -> list[Candidate]:
    """What a filter finds must be pending; what is named may have been skipped before."""
    statuses = [before for before, then in TRANSITIONS if then == decision]
    if isinstance(wanted, CandidateFilter):
        statuses = ["pending"]
    return store.hold_many(session, organization_id, actor, wanted, statuses, category_ids, BULK_LIMIT)


def _bulk(
    session: Session,
    organization_id: uuid.UUID,
    wanted: CandidateFilter | Collection[uuid.UUID],
    held: Sequence[Candidate],
    actor: str,
    category_ids: Collection[uuid.UUID] | None,
) -> Bulk:
    if not isinstance(wanted, CandidateFilter):
        return Bulk(len(held), len(set(wanted)) - len(held), 0)
    left, free = store.count_pending(session, organization_id, actor, wanted, category_ids)
    return Bulk(len(held), left - free, free)
