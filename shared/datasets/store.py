"""Queries on datasets."""

import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from shared.datasets.tables import Dataset, DatasetItem
from shared.kit.errors import NotFound
from shared.kit.paging import Page, Paging, page


class DatasetNotFound(NotFound):
    code = "dataset-not-found"
    message = "There is no such dataset."


def get(session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID) -> Dataset:
    """The organisation's frozen dataset."""
    dataset = session.scalar(
        select(Dataset).where(
            Dataset.organization_id == organization_id,
            Dataset.id == dataset_id,
            Dataset.frozen_at.is_not(None),
        )
    )
    if dataset is None:
        raise DatasetNotFound
    return dataset


def names(
    session: Session, organization_id: uuid.UUID, dataset_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, str]:
    """The names of those of the datasets that are the organisation's."""
    query = select(Dataset.id, Dataset.name).where(
        Dataset.organization_id == organization_id, Dataset.id.in_(dataset_ids)
    )
    return {row.id: row.name for row in session.execute(query)}


def list_(session: Session, organization_id: uuid.UUID, paging: Paging) -> Page[Dataset]:
    """The organisation's frozen datasets, newest first."""
    query = select(Dataset).where(Dataset.organization_id == organization_id, Dataset.frozen_at.is_not(None))
    return page(session, query, Dataset.id, paging, resource="datasets", newest_first=True)


def replace(session: Session, dataset: Dataset) -> None:
    """Insert the dataset, after removing what an earlier attempt of its job left."""
    session.execute(delete(Dataset).where(Dataset.id == dataset.id, Dataset.frozen_at.is_(None)))
    session.add(dataset)
    session.flush()


def add_items(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert items."""
    session.execute(insert(DatasetItem), list(rows))


def freeze(session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID) -> Dataset:
    """Make the dataset visible; it never changes afterwards."""
    dataset = session.scalars(
        select(Dataset).where(Dataset.organization_id == organization_id, Dataset.id == dataset_id)
    ).one()
    dataset.frozen_at = func.now()
    session.flush()
    return dataset


def named_jobs(session: Session, job_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """The jobs among these that a dataset came from, in any organisation."""
    return set(session.scalars(select(Dataset.job_id).where(Dataset.job_id.in_(job_ids)).distinct()))


def list_items(
    session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, paging: Paging, *, split: str | None
) -> Page[DatasetItem]:
    """A page of the dataset's items, of one split or of all."""
    query = select(DatasetItem).where(
        DatasetItem.organization_id == organization_id, DatasetItem.dataset_id == dataset_id
    )
    if split is not None:
        query = query.where(DatasetItem.split == split)
    return page(session, query, DatasetItem.id, paging, resource="dataset-items")


def iterate_items(
    session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str
) -> Iterator[DatasetItem]:
    """Every item of one split, in the order of id."""
    query = select(DatasetItem).where(
        DatasetItem.organization_id == organization_id,
        DatasetItem.dataset_id == dataset_id,
        DatasetItem.split == split,
    )
    yield from session.scalars(query.order_by(DatasetItem.id).execution_options(yield_per=1000))
