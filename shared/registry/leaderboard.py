"""Which evaluations may stand in one table, and the names of the models in it."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.registry.tables import Evaluation, ModelVersion

MOST = 500


@dataclass(frozen=True)
class Board:
    """A split of a dataset on which something was measured, and how often."""

    dataset_id: uuid.UUID
    split: str
    evaluations: int


def boards(session: Session, organization_id: uuid.UUID) -> list[Board]:
    """Every (dataset, split) of the organisation that has evaluations, newest dataset first."""
    query = (
        select(Evaluation.dataset_id, Evaluation.split, func.count())
        .where(Evaluation.organization_id == organization_id)
        .group_by(Evaluation.dataset_id, Evaluation.split)
        .order_by(Evaluation.dataset_id.desc(), Evaluation.split)
    )
    return [Board(dataset_id, split, count) for dataset_id, split, count in session.execute(query)]


def evaluations(
    session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str
) -> Sequence[Evaluation]:
    """The evaluations on one split of a dataset, newest first; the 500 newest where there are more."""
    query = (
        select(Evaluation)
        .where(Evaluation.organization_id == organization_id)
        .where(Evaluation.dataset_id == dataset_id, Evaluation.split == split)
        .order_by(Evaluation.id.desc())
        .limit(MOST)
    )
    return session.scalars(query).all()


def model_names(
    session: Session, organization_id: uuid.UUID, version_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, str]:
    """The names of those of the model versions that are the organisation's."""
    query = select(ModelVersion.id, ModelVersion.name).where(
        ModelVersion.organization_id == organization_id, ModelVersion.id.in_(list(version_ids))
    )
    return {row.id: row.name for row in session.execute(query)}
