"""Questions to categorisation: transactions, and what was decided before that bears on them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.categorization import precedents
from shared.categorization.habits import Habits, HabitsCache
from shared.categorization.precedents import Precedents
from shared.categorization.ranking import Query
from shared.engines.encoder import Encoder
from shared.registry.serving import Serving
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from shared.transactions.text import TransactionFields


@dataclass(frozen=True)
class Question:
    """A transaction to categorise; `transaction_id` where it is a stored one."""

    fields: TransactionFields
    transaction_id: uuid.UUID | None = None


def stored_questions(
    session: Session, organization_id: uuid.UUID, transaction_ids: Sequence[uuid.UUID]
) -> list[Question]:
    """Stored transactions as questions, in the order of the ids.

    Raises:
        TransactionNotFound: one of them is not the organisation's.
    """
    found = {row.id: row for row in transaction_store.by_ids(session, organization_id, transaction_ids)}
    if any(row_id not in found for row_id in transaction_ids):
        raise transaction_store.TransactionNotFound
    return [Question(transactions.fields_of(found[row_id]), row_id) for row_id in transaction_ids]


@dataclass(frozen=True)
class LabelHistory:
    """What was decided before, but for the neighbours; `labels` by stored transaction."""

    habits: Habits
    precedents: Precedents
    labels: Mapping[uuid.UUID, uuid.UUID]


def past_of(
    session: Session, organization_id: uuid.UUID, habits: HabitsCache, questions: Sequence[Question]
) -> LabelHistory:
    """What bears on the questions, as the labels are now; habits as they were counted last."""
    asked = [question.transaction_id for question in questions if question.transaction_id]
    labels = transaction_store.current_labels(session, organization_id, asked) if asked else {}
    return LabelHistory(
        habits.get(session, organization_id),
        precedents.read(session, organization_id, [question.fields for question in questions]),
        {row_id: label.category_id for row_id, label in labels.items()},
    )


def queries_of(
    encoder: Encoder, serving: Serving, questions: Sequence[Question], past: LabelHistory
) -> list[Query]:
    """What the index is asked for each question."""
    texts = [serving.texts.of_transaction(question.fields) for question in questions]
    owns = [
        past.labels.get(question.transaction_id) if question.transaction_id else None
        for question in questions
    ]
    return [
        Query(
            vector,
            text,
            question.fields.department,
            question.fields.location,
            question.transaction_id,
            own,
            past.precedents.at(question.fields, own),
        )
        for vector, text, question, own in zip(encoder.encode(texts), texts, questions, owns, strict=True)
    ]
