"""What evaluations found, row by row and with what was asked: for comparisons and for files."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.datasets.tables import DatasetItem
from shared.registry.tables import Evaluation, EvaluationRow


@dataclass(frozen=True)
class Measured:
    """One row of an evaluation, and the frozen transaction that it is about."""

    dataset_item_id: uuid.UUID
    transaction_id: uuid.UUID
    category_id: uuid.UUID
    merchant_name: str
    rank: int | None
    rank_without_history: int | None
    rank_without_reranker: int | None
    suggested_category_id: uuid.UUID | None
    score: float | None


def rows(
    session: Session,
    organization_id: uuid.UUID,
    evaluation_id: uuid.UUID,
    *,
    after: uuid.UUID | None = None,
    limit: int | None = None,
) -> Sequence[Measured]:
    """The rows of an evaluation in the order of the dataset's items, all or a page of them."""
    query = (
        select(
            EvaluationRow.dataset_item_id,
            DatasetItem.transaction_id,
            DatasetItem.category_id,
            DatasetItem.fields["merchant_name"].astext,
            EvaluationRow.rank,
            EvaluationRow.rank_without_history,
            EvaluationRow.rank_without_reranker,
            EvaluationRow.suggested_category_id,
            EvaluationRow.score,
        )
        .join(
            DatasetItem,
            (DatasetItem.organization_id == EvaluationRow.organization_id)
            & (DatasetItem.id == EvaluationRow.dataset_item_id),
        )
        .where(EvaluationRow.organization_id == organization_id, EvaluationRow.evaluation_id == evaluation_id)
        .order_by(EvaluationRow.dataset_item_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(EvaluationRow.dataset_item_id > after)
    return [Measured(*row) for row in session.execute(query)]


def latest_of(session: Session, organization_id: uuid.UUID, version_id: uuid.UUID) -> Evaluation | None:
    """The newest evaluation of a model with the categories under their own names."""
    query = select(Evaluation).where(
        Evaluation.organization_id == organization_id,
        Evaluation.model_version_id == version_id,
        Evaluation.report["renamed"].astext.is_(None),
    )
    return session.scalars(query.order_by(Evaluation.id.desc()).limit(1)).first()
