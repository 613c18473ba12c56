"""What the active model is bad at, by its last evaluation, and what the organisation has few examples of."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.datasets import service as datasets
from shared.generation.batch_plan import Need
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.transactions import store as transaction_store

MOST_CONFUSED = 20


@dataclass(frozen=True)
class Confusion:
    """Rows of `right` that the model files under `mistaken_for` first."""

    right: uuid.UUID
    mistaken_for: uuid.UUID
    count: int


def needs(
    session: Session, organization_id: uuid.UUID, category_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, Need]:
    """What is known of each category; recall is unknown without an evaluation of the active model."""
    labelled = transaction_store.count_labelled_by_category(session, organization_id)
    evaluation = registry.find_last_evaluation_of_active(session, organization_id)
    measures = {} if evaluation is None else evaluation.per_category
    return {
        category_id: Need(
            labelled.get(category_id, 0),
            measures[category_id].recall[1].value if category_id in measures else None,
        )
        for category_id in category_ids
    }


def confusions(session: Session, organization_id: uuid.UUID) -> list[Confusion] | None:
    """What the active model confuses, most frequent first; None where it was never evaluated."""
    evaluation = registry.find_last_evaluation_of_active(session, organization_id)
    if evaluation is None:
        return None
    items = datasets.items(session, organization_id, evaluation.dataset_id, evaluation.split)
    right = {item.id: item.category_id for item in items}
    suggested = model_store.suggestions_of(session, organization_id, evaluation.id)
    counts = Counter(
        (right[item_id], suggestion)
        for item_id, suggestion in suggested
        if suggestion is not None and item_id in right and suggestion != right[item_id]
    )
    confusions = [Confusion(*pair, count) for pair, count in counts.items()]
    confusions.sort(key=lambda confusion: (-confusion.count, confusion.right, confusion.mistaken_for))
    return confusions[:MOST_CONFUSED]
