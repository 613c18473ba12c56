"""Transactions and their labels."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import ValidationError

from api.deps import Id, Reader, Session, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.responses import Responses, problems
from api.schemas.common import PageOut
from api.schemas.labels import LabelIn, LabelOut, LabelQueueIn
from api.schemas.transactions import (
    BatchOut,
    TransactionBatchIn,
    TransactionIn,
    TransactionOut,
    TransactionQuery,
)
from shared.kit.paging import Paging
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store

router = APIRouter(route_class=OnceRoute, prefix="/v1/transactions", tags=["transactions"])

OVERWRITTEN: Responses = {200: {"model": TransactionOut, "description": "Known, and overwritten."}}


@router.post(
    "",
    status_code=201,
    responses=OVERWRITTEN | problems(403, 422),
)
def put_transaction(
    body: TransactionIn, writer: Writer, session: WriterOnce, response: Response
) -> TransactionOut:
    """Store a transaction: 201 when it is new, 200 when its `external_id` was known: it is overwritten."""
    organization_id = writer.organization_id
    [stored] = transactions.upsert(session, organization_id, [body.new()], source="api")
    response.status_code = 201 if stored.is_created else 200
    response.headers["Location"] = f"/v1/transactions/{stored.id}"
    row = transaction_store.get(session, organization_id, stored.id)
    label = transaction_store.current_labels(session, organization_id, [row.id]).get(row.id)
    return TransactionOut.of(row, label)


@router.post("/batch", responses=problems(403, 422))
def put_transactions(body: TransactionBatchIn, writer: Writer, session: WriterOnce) -> BatchOut:
    """Store up to 1,000 transactions at once. Those that are wrong are reported, the others stored."""
    parsed = body.parsed()
    new = [item.new() for item in parsed if not isinstance(item, ValidationError)]
    stored = transactions.upsert(session, writer.organization_id, new, source="api")
    return BatchOut.of(body, parsed, stored)


@router.get("")
def list_transactions(
    query: Annotated[TransactionQuery, Query()], reader: Reader, session: Session
) -> PageOut[TransactionOut]:
    """The transactions, newest first, each with its current label."""
    page = transaction_store.list_(session, reader.organization_id, query.filter(), query.paging())
    ids = [row.id for row in page.rows]
    labels = transaction_store.current_labels(session, reader.organization_id, ids)
    rows = [TransactionOut.of(row, labels.get(row.id)) for row in page.rows]
    return PageOut[TransactionOut].of(rows, page.next)


@router.post("/next", responses=problems(403, 422), tags=["labels"])
def lease_transactions(body: LabelQueueIn, writer: Writer, session: WriterOnce) -> PageOut[TransactionOut]:
    """Unlabelled transactions, newest first, that for five minutes no other reviewer is given."""
    page = transactions.lease_unlabelled(
        session,
        writer.organization_id,
        body.reviewer,
        held=body.transaction_ids,
        paging=Paging(body.count, body.cursor) if body.count else None,
    )
    return PageOut[TransactionOut].of([TransactionOut.of(row, None) for row in page.rows], page.next)


@router.get("/{transaction_id}", responses=problems(404))
def get_transaction(transaction_id: Id, reader: Reader, session: Session) -> TransactionOut:
    """One transaction with its current label."""
    row = transaction_store.get(session, reader.organization_id, transaction_id)
    label = transaction_store.current_labels(session, reader.organization_id, [row.id]).get(row.id)
    return TransactionOut.of(row, label)


@router.delete("/{transaction_id}", status_code=204, responses=problems(403, 404))
def delete_transaction(transaction_id: Id, writer: Writer, session: Session) -> None:
    """Remove the transaction and its labels; frozen datasets keep their copy."""
    transactions.delete(session, writer.organization_id, transaction_id)


@router.put("/{transaction_id}/label", responses=problems(403, 404, 409, 422), tags=["labels"])
def label_transaction(transaction_id: Id, body: LabelIn, writer: Writer, session: Session) -> LabelOut:
    """A person's decision. It counts for categorize as soon as the index has it, normally within 2 s."""
    label = transactions.label(
        session,
        writer.organization_id,
        transaction_id,
        body.category_id,
        source="human",
        actor=body.reviewer or writer.key_name,
        unless_labelled_by_another=body.unless_labelled_by_another,
    )
    return LabelOut.model_validate(label)


@router.get("/{transaction_id}/labels", responses=problems(404), tags=["labels"])
def list_labels(transaction_id: Id, reader: Reader, session: Session) -> PageOut[LabelOut]:
    """Every label that the transaction ever had, newest first."""
    return PageOut[LabelOut].of(transactions.labels(session, reader.organization_id, transaction_id))
