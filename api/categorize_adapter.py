"""From a request's transactions to inputs of categorisation, and from its answers to the response."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.connections import Connections
from api.limits import ComputeThreads
from api.schemas.categorize import CategorizeBatchIn, CategorizeBatchOut, CategorizeIn, CategorizeItemOut
from api.schemas.transactions import TransactionIn, external_id_of, parse_transaction
from api.validation_errors import field_errors
from api.warm_up import WarmUp
from shared.categorization.context import TransactionInput, read_context, stored_inputs
from shared.categorization.habits import HabitsCache
from shared.categorization.service import Answer, build_answers, compute_rankings
from shared.kit.errors import FieldError
from shared.resources import Resources

ReadInputs = Callable[[Session], Sequence[TransactionInput]]


@dataclass(frozen=True)
class Categorizer:
    """Answers requests in three steps, and holds a database connection only in the first and the last."""

    resources: Resources
    habits: HabitsCache
    connections: Connections
    threads: ComputeThreads
    warm_up: WarmUp

    async def categorize(self, body: CategorizeIn, organization_id: uuid.UUID) -> Answer:
        """The answer for the transaction that was sent along, or for the stored one that was named.

        Raises:
            WarmingUp: the models are not loaded yet.
            TransactionNotFound: the organisation has no transaction of this id.
            NoActiveModel: see `read_context`.
            Overloaded: see `ComputeThreads`.
        """
        if body.transaction is not None:
            read_inputs = _given([TransactionInput(body.transaction.fields())])
        else:
            assert body.transaction_id is not None, "the schema asks for one of both"
            read_inputs = _stored([body.transaction_id], organization_id)
        [answer] = await self._answers(organization_id, read_inputs, body.top_k)
        return answer

    async def categorize_batch(
        self, body: CategorizeBatchIn, organization_id: uuid.UUID
    ) -> CategorizeBatchOut:
        """The answers for a batch, in its order, with what is wrong with the transactions that have none.

        Raises:
            WarmingUp, TransactionNotFound, NoActiveModel, Overloaded: like `categorize`.
        """
        if body.transaction_ids is not None:
            items = [_BatchItem(transaction_id=row_id) for row_id in body.transaction_ids]
            read_inputs = _stored(body.transaction_ids, organization_id)
        else:
            items = [_parse(index, item) for index, item in enumerate(body.transactions or [])]
            read_inputs = _given([item.parsed for item in items if item.parsed is not None])
        answers: Sequence[Answer] = []
        if not all(item.errors for item in items):
            answers = await self._answers(organization_id, read_inputs, body.top_k)
        return _response(items, answers)

    async def _answers(
        self, organization_id: uuid.UUID, read_inputs: ReadInputs, top_k: int
    ) -> Sequence[Answer]:
        self.warm_up.check()
        resources = self.resources
        context = await self.connections.run(
            lambda session: read_context(session, organization_id, self.habits, read_inputs(session))
        )
        rankings = await self.threads.run(
            lambda: compute_rankings(
                context,
                top_k,
                index=resources.index,
                encoders=resources.encoders,
                rerankers=resources.rerankers,
            )
        )
        return await self.connections.run(lambda session: build_answers(session, context, rankings))


@dataclass(frozen=True)
class _BatchItem:
    """A transaction of a batch: parsed, stored, or with what is wrong with it."""

    external_id: str | None = None
    transaction_id: uuid.UUID | None = None
    parsed: TransactionInput | None = None
    errors: tuple[FieldError, ...] = ()


def _given(inputs: Sequence[TransactionInput]) -> ReadInputs:
    return lambda _: inputs


def _stored(ids: Sequence[uuid.UUID], organization_id: uuid.UUID) -> ReadInputs:
    return lambda session: stored_inputs(session, organization_id, ids)


def _parse(index: int, item: TransactionIn) -> _BatchItem:
    parsed = parse_transaction(item)
    if isinstance(parsed, ValidationError):
        errors = field_errors(parsed.errors(), prefix=f"/transactions/{index}")
        return _BatchItem(external_id_of(item), errors=errors)
    return _BatchItem(parsed.external_id, parsed=TransactionInput(parsed.fields()))


def _response(items: Sequence[_BatchItem], answers: Sequence[Answer]) -> CategorizeBatchOut:
    remaining = iter(answers)
    return CategorizeBatchOut(
        results=[_item_response(index, item, remaining) for index, item in enumerate(items)]
    )


def _item_response(index: int, item: _BatchItem, remaining: Iterator[Answer]) -> CategorizeItemOut:
    return CategorizeItemOut.model_validate(
        {
            "index": index,
            "external_id": item.external_id,
            "transaction_id": item.transaction_id,
            "status": "invalid" if item.errors else "categorized",
            "answer": None if item.errors else next(remaining),
            "errors": item.errors,
        }
    )
