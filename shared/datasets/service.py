"""Datasets: requesting and reading them."""

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.datasets import store
from shared.datasets.report import DatasetReport, SplitParity
from shared.datasets.store import DatasetNotFound
from shared.datasets.tables import DatasetItem
from shared.jobs import service as jobs
from shared.jobs.kinds import CheckDatasetParams, DatasetParams
from shared.jobs.tables import Job
from shared.kit.errors import FieldError, Invalid
from shared.kit.paging import Page, Paging
from shared.transactions import store as transaction_store
from shared.transactions.fields import TransactionFields
from shared.transactions.text import transaction_text

__all__ = ["DatasetNotFound"]

MIN_LABELLED = 3


class TooFewLabels(Invalid):
    code = "too-few-labels"
    message = "A dataset needs at least three labelled transactions. Label some, or import labelled ones."


@dataclass(frozen=True)
class Item:
    """One frozen row as training and evaluation see it; `text` in the default format."""

    id: uuid.UUID
    transaction_id: uuid.UUID
    category_id: uuid.UUID
    text: str
    fields: TransactionFields


def submit(
    session: Session, organization_id: uuid.UUID, params: DatasetParams, *, request_id: str | None = None
) -> Job:
    """Queue the freezing of everything that is labelled.

    Raises:
        Invalid: the ratios do not add up to 1.
        TooFewLabels: fewer than three labelled transactions.
    """
    if abs(params.train + params.test + params.eval - 1) > 1e-6:
        error = FieldError("/ratios", "not-one", "The three ratios must add up to 1.")
        raise Invalid(errors=(error,))
    if transaction_store.count_labelled(session, organization_id) < MIN_LABELLED:
        raise TooFewLabels
    return jobs.submit(session, organization_id, params, request_id=request_id)


def submit_check(
    session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, *, request_id: str | None = None
) -> Job:
    """Queue the comparison of the dataset's splits.

    Raises:
        DatasetNotFound: not the organisation's.
    """
    store.get(session, organization_id, dataset_id)
    params = CheckDatasetParams(dataset_id=dataset_id)
    return jobs.submit(session, organization_id, params, request_id=request_id)


def record_parity(
    session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, parity: SplitParity
) -> None:
    """Keep the comparison of the splits with the rest of the report."""
    dataset = store.get(session, organization_id, dataset_id)
    dataset.report = (dataset.report or DatasetReport()).model_copy(update={"parity": parity})
    session.flush()


def list_items(
    session: Session,
    organization_id: uuid.UUID,
    dataset_id: uuid.UUID,
    paging: Paging,
    *,
    split: str | None = None,
) -> Page[DatasetItem]:
    """A page of the dataset's items."""
    store.get(session, organization_id, dataset_id)
    return store.list_items(session, organization_id, dataset_id, paging, split=split)


def items(session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str) -> list[Item]:
    """Every row of one split, its text made by the same function that serving uses."""
    items: list[Item] = []
    for row in store.iterate_items(session, organization_id, dataset_id, split):
        fields = TransactionFields.of_json(row.fields)
        items.append(Item(row.id, row.transaction_id, row.category_id, transaction_text(fields), fields))
    return items
