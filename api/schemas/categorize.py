"""The main job's questions and answers."""

import uuid
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, SkipValidation, model_validator
from pydantic.config import JsonValue
from pydantic_core import PydanticCustomError

from api.schemas.common import MAX_BATCH, ErrorOut, In, Out, RowId
from api.schemas.transactions import TransactionIn

TopK = Annotated[int, Field(ge=1, le=50, description="How many categories at most.")]

_TRANSACTION: dict[str, JsonValue] = {
    "merchant_name": "Marriott",
    "merchant_category": ["Lodging"],
    "amount": "420.00",
    "currency": "USD",
    "memo": "PyCon, 2 nights",
}


class CategorizeIn(In):
    """A transaction, sent along or stored before."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"transaction": _TRANSACTION, "top_k": 5},
                {"transaction_id": "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"},
            ]
        }
    )

    transaction: TransactionIn | None = None
    transaction_id: RowId | None = None
    top_k: TopK = 5

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.transaction is None) == (self.transaction_id is None):
            raise PydanticCustomError("one-of", "Send either 'transaction' or 'transaction_id'.")
        return self


class CategorizeBatchIn(In):
    """Up to 1,000 transactions, sent along or stored before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"transactions": [_TRANSACTION], "top_k": 3}]})

    transactions: Annotated[
        list[Annotated[TransactionIn, SkipValidation]] | None, Field(min_length=1, max_length=MAX_BATCH)
    ] = None
    transaction_ids: Annotated[list[RowId] | None, Field(min_length=1, max_length=MAX_BATCH)] = None
    top_k: TopK = 5

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.transactions is None) == (self.transaction_ids is None):
            raise PydanticCustomError("one-of", "Send either 'transactions' or 'transaction_ids'.")
        return self


class SuggestedCategoryOut(Out):
    """A category, named."""

    id: uuid.UUID
    code: str | None
    name: str


class EvidenceOut(Out):
    """A labelled transaction that spoke for the category."""

    transaction_id: uuid.UUID
    merchant_name: str
    category: str
    similarity: float = Field(description="Cosine, -1 to 1.")


class SuggestionOut(Out):
    """One category that fits."""

    category: SuggestedCategoryOut
    rank: int = Field(description="1 is the best.")
    score: float = Field(description="0 to 1; comparable within one answer.")
    evidence: list[EvidenceOut]


class CategorizeOut(Out):
    """Which categories fit, best first."""

    model_version: str = Field(description="The name of the model version that answered.")
    model_version_id: uuid.UUID
    reranker_version: str | None = Field(
        description="The name of the reranker that had a say in the order; null: none had."
    )
    decision: Literal["suggest", "none"]
    reason: str
    suggestions: list[SuggestionOut]


class CategorizeItemOut(Out):
    """What became of one transaction of a batch."""

    index: int
    external_id: str | None
    transaction_id: uuid.UUID | None = Field(description="Of a stored transaction.")
    status: Literal["categorized", "invalid"]
    answer: CategorizeOut | None
    errors: list[ErrorOut]


class CategorizeBatchOut(Out):
    """What became of each transaction of a batch, in its order."""

    results: list[CategorizeItemOut]
