"""From a request's transactions to questions, and from questions to answers."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.connections import Connections
from api.schemas.categorize import CategorizeBatchIn, CategorizeBatchOut, CategorizeIn, CategorizeItemOut
from api.schemas.transactions import TransactionIn, external_id_of, parse_transaction
from api.validation_errors import field_errors
from shared.bootstrap import Resources
from shared.categorization import service as categorization
from shared.categorization.questions import Question, stored_questions
from shared.categorization.service import Answer
from shared.kit.errors import FieldError


@dataclass(frozen=True)
class Asked:
    """One transaction of a batch: what to ask about it, or what is wrong with it."""

    external_id: str | None
    question: Question | None
    errors: tuple[FieldError, ...] = ()


async def question_of(body: CategorizeIn, connections: Connections, organization_id: uuid.UUID) -> Question:
    """The transaction that was sent along, or the stored one that was named.

    Raises:
        TransactionNotFound: the organisation has none of this id.
    """
    if body.transaction is not None:
        return Question(body.transaction.fields())
    assert body.transaction_id is not None, "the schema asks for one of both"
    [question] = await _stored([body.transaction_id], connections, organization_id)
    return question


async def questions_of(
    body: CategorizeBatchIn, connections: Connections, organization_id: uuid.UUID
) -> list[Asked]:
    """The batch's transactions in order; for stored ones raises like `question_of`."""
    if body.transaction_ids is not None:
        questions = await _stored(body.transaction_ids, connections, organization_id)
        return [Asked(None, question) for question in questions]
    return [_asked(index, item) for index, item in enumerate(body.transactions or [])]


async def answer(
    resources: Resources,
    connections: Connections,
    organization_id: uuid.UUID,
    questions: Sequence[Question],
    top_k: int,
) -> list[Answer]:
    """An answer to each question.

    The permit covers the service's two short transactions; none is open while it encodes and searches.
    """
    if not questions:
        return []
    async with connections.permit():
        return await run_in_threadpool(
            categorization.categorize, resources, organization_id, questions, top_k
        )


def batch_out(asked: Sequence[Asked], answers: Sequence[Answer]) -> CategorizeBatchOut:
    """The answers, in order, put between the transactions that there was nothing to ask about."""
    left = iter(answers)
    return CategorizeBatchOut(results=[_result(index, item, left) for index, item in enumerate(asked)])


def _result(index: int, item: Asked, answers: Iterator[Answer]) -> CategorizeItemOut:
    found = None if item.question is None else next(answers)
    return CategorizeItemOut.model_validate(
        {
            "index": index,
            "external_id": item.external_id,
            "transaction_id": item.question.transaction_id if item.question else None,
            "status": "invalid" if found is None else "categorized",
            "answer": found,
            "errors": item.errors,
        }
    )


async def _stored(
    ids: Sequence[uuid.UUID], connections: Connections, organization_id: uuid.UUID
) -> list[Question]:
    return await connections.run(lambda session: stored_questions(session, organization_id, ids))


def _asked(index: int, item: TransactionIn) -> Asked:
    parsed = parse_transaction(item)
    if isinstance(parsed, ValidationError):
        errors = field_errors(parsed.errors(), prefix=f"/transactions/{index}")
        return Asked(external_id_of(item), None, errors)
    return Asked(parsed.external_id, Question(parsed.fields()))
