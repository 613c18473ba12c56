"""What is read from the database before transactions are categorised: one short transaction for a batch."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.categories import store as category_store
from shared.categories.tables import Category
from shared.categorization import precedents
from shared.categorization.habits import Habits, HabitsCache
from shared.categorization.precedents import Precedents
from shared.registry.serving import Serving, get_active
from shared.transactions import store as transaction_store
from shared.transactions.fields import TransactionFields


@dataclass(frozen=True)
class TransactionInput:
    """A transaction to categorise; `transaction_id` if it is a stored one."""

    fields: TransactionFields
    transaction_id: uuid.UUID | None = None


@dataclass(frozen=True)
class LabelHistory:
    """What people decided before, except the nearest neighbours, which the index knows.

    `labels`: the current category of each stored transaction among the inputs that has one.
    """

    habits: Habits
    precedents: Precedents
    labels: Mapping[uuid.UUID, uuid.UUID]


@dataclass(frozen=True)
class CategorizationContext:
    """The transactions of a batch, and all that categorising them needs of the database."""

    organization_id: uuid.UUID
    inputs: Sequence[TransactionInput]
    serving: Serving
    chart: Mapping[uuid.UUID, Category]
    history: LabelHistory


def stored_inputs(
    session: Session, organization_id: uuid.UUID, transaction_ids: Sequence[uuid.UUID]
) -> list[TransactionInput]:
    """Stored transactions as inputs, in the order of the ids.

    Raises:
        TransactionNotFound: one of them is not the organisation's.
    """
    rows = {row.id: row for row in transaction_store.by_ids(session, organization_id, transaction_ids)}
    if any(row_id not in rows for row_id in transaction_ids):
        raise transaction_store.TransactionNotFound
    return [TransactionInput(TransactionFields.of_row(rows[row_id]), row_id) for row_id in transaction_ids]


def read_context(
    session: Session, organization_id: uuid.UUID, habits: HabitsCache, inputs: Sequence[TransactionInput]
) -> CategorizationContext:
    """Read what categorising the inputs needs: labels as they are now, habits as they were counted last.

    The active model is read once, so an answer never mixes two models.

    Raises:
        NoActiveModel: the organisation has not activated one.
    """
    serving = get_active(session, organization_id)
    chart = {row.id: row for row in category_store.all_live(session, organization_id)}
    stored_ids = [given.transaction_id for given in inputs if given.transaction_id]
    labels = transaction_store.current_labels(session, organization_id, stored_ids) if stored_ids else {}
    history = LabelHistory(
        habits.get(session, organization_id),
        precedents.read(session, organization_id, [given.fields for given in inputs]),
        {row_id: label.category_id for row_id, label in labels.items()},
    )
    return CategorizationContext(organization_id, inputs, serving, chart, history)
