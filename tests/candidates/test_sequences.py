"""Whatever two reviewers do in whatever order, the rows stay those of a model of them."""

import uuid
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from shared.candidates import decisions
from shared.candidates import service as candidates
from shared.candidates.edits import EditedCandidate
from shared.candidates.tables import Candidate
from shared.kit.errors import Conflict
from shared.kit.unit_of_work import transaction
from shared.transactions.tables import Label, Transaction
from tests.factories import OrganizationClient, new_candidates, new_category, new_organization

RESULTS = {"approve": "approved", "reject": "rejected", "skip": "skipped"}
REVIEWERS = st.sampled_from(["Jane", "Joe"])
DECISIONS = st.tuples(st.sampled_from(sorted(RESULTS)), REVIEWERS, st.integers(0, 4), st.booleans())
UNDOS = st.tuples(st.just("undo"), REVIEWERS, st.just(0), st.just(False))


@dataclass
class Model:
    """What the candidates should be: written from the rules, not from the code."""

    status: dict[uuid.UUID, str]
    holder: dict[uuid.UUID, str] = field(default_factory=dict)
    transactions: list[tuple[str, uuid.UUID]] = field(default_factory=list)

    def decide(self, decision: str, actor: str, candidate_id: uuid.UUID) -> bool:
        """Whether it is allowed; then it has happened."""
        is_open = self.status[candidate_id] == "pending" or (
            self.status[candidate_id] == "skipped" and decision != "skip"
        )
        if not is_open or self.holder.get(candidate_id, actor) != actor:
            return False
        self.status[candidate_id] = RESULTS[decision]
        self.holder.pop(candidate_id, None)
        self.transactions = [(who, which) for who, which in self.transactions if which != candidate_id] + [
            (actor, candidate_id)
        ]
        return True

    def undo(self, actor: str) -> bool:
        """Whether there is something to undo; then it has happened."""
        mine = [which for who, which in self.transactions if who == actor]
        if not mine:
            return False
        self.transactions.remove((actor, mine[-1]))
        self.status[mine[-1]], self.holder[mine[-1]] = "pending", actor
        return True


def act(
    engine: Engine,
    organization_id: uuid.UUID,
    decision: str,
    actor: str,
    candidate_id: uuid.UUID,
    other: uuid.UUID | None,
) -> bool:
    """Do it; False where it is refused. `other`: the category to change to before an approval."""
    try:
        with transaction(engine) as session:
            if decision == "undo":
                decisions.undo(session, organization_id, actor)
                return True
            row = decisions.lock_for_decision(session, organization_id, candidate_id, decision, actor)
            if decision == "approve":
                fields = None if row.kind == "paraphrase" else candidates.fields_of(row)
                decisions.approve(
                    session,
                    row,
                    EditedCandidate(other or row.category_id, fields, paraphrase=row.paraphrase),
                    actor,
                )
            elif decision == "reject":
                decisions.reject(session, row, None, actor)
            else:
                decisions.skip(session, row, actor)
            return True
    except Conflict:
        return False


def check(engine: Engine, organization_id: uuid.UUID, model: Model, category_id: uuid.UUID) -> None:
    """Compare all rows with the model."""
    with transaction(engine) as session:
        query = select(Candidate).where(Candidate.organization_id == organization_id)
        rows = {row.id: row for row in session.scalars(query)}
        transactions = select(Transaction.id, Transaction.source).where(
            Transaction.organization_id == organization_id
        )
        stored = [(row[0], row[1]) for row in session.execute(transactions)]
        labels = select(Label).where(Label.organization_id == organization_id, Label.is_current)
        current = [
            (label.transaction_id, label.category_id, label.source) for label in session.scalars(labels)
        ]
        progress = candidates.progress(session, organization_id)
    assert {candidate_id: row.status for candidate_id, row in rows.items()} == model.status
    counted: Counter[str] = Counter()
    for counts in progress.values():
        counted.update(counts)
    assert counted.total() == len(rows)
    assert +counted == Counter(model.status.values())
    approved = [row for row in rows.values() if row.status == "approved" and row.kind == "transaction"]
    assert sorted(stored) == sorted((row.transaction_id, "synthetic") for row in approved)
    assert sorted(current) == sorted((row.transaction_id, row.category_id, "synthetic") for row in approved)
    for row in rows.values():
        if row.status == "pending":  # whatever was edited before is put back
            assert (row.category_id, row.decided_by, row.transaction_id) == (category_id, None, None)


@given(steps=st.lists(st.one_of(DECISIONS, UNDOS), max_size=14))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_two_reviewers(
    engine: Engine, client: TestClient, steps: list[tuple[str, str, int, bool]]
) -> None:
    organization: OrganizationClient = new_organization(client)
    category_id, other = (uuid.UUID(new_category(organization)["id"]) for _ in range(2))
    candidate_ids = new_candidates(engine, organization, 4, category_id=category_id)
    candidate_ids += new_candidates(
        engine, organization, 1, category_id=category_id, paraphrase="Overnight stays"
    )
    model = Model(dict.fromkeys(candidate_ids, "pending"))
    for decision, actor, position, is_moved in steps:
        candidate_id = candidate_ids[position]
        expected = model.undo(actor) if decision == "undo" else model.decide(decision, actor, candidate_id)
        done = act(engine, organization.id, decision, actor, candidate_id, other if is_moved else None)
        assert done == expected, (decision, actor, position)
        check(engine, organization.id, model, category_id)
