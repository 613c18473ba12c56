"""What reviewers ask for and decide."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import MISSING, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.config import JsonValue
from pydantic_core import PydanticCustomError

from api.schemas.candidates import Kind, Style
from api.schemas.common import (
    MAX_BATCH,
    Day,
    In,
    Name200,
    RowId,
    Storable,
)
from api.schemas.transaction_fields import change_fields, with_fields
from api.schemas.transactions import TransactionIn
from api.validation_errors import field_errors
from shared.candidates.edits import EditedCandidate
from shared.candidates.store import CandidateFilter
from shared.candidates.tables import Candidate
from shared.kit.errors import FieldError, Invalid
from shared.kit.money import format_amount

Reason = Annotated[str, StringConstraints(max_length=1000), Storable]
Rank = Annotated[int, Field(ge=1, le=100_000)]

_ID = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"
_JANE = "Jane#3f2a"
_FIELDS = tuple(name for name in TransactionIn.model_fields if name != "external_id")


def _examples(*examples: dict[str, JsonValue]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


class ReviewerIn(In):
    """Who is reviewing."""

    model_config = _examples({"reviewer": _JANE})

    reviewer: Name200 = Field(description="A name of your choice; two reviewers never hold one candidate.")


class NextIn(ReviewerIn):
    """How many candidates to look at next, and which first."""

    model_config = _examples({"reviewer": _JANE, "order": "hardest", "count": 1})

    order: Literal["hardest", "disagreed", "oldest", "random"] = Field(
        default="hardest",
        description="hardest: where the model ranks the meant category lowest; disagreed: where it prefers "
        "another one most strongly; random: another order for each reviewer.",
    )
    count: int = Field(default=1, ge=1, le=50)
    category_id: RowId | None = None
    style: Style | None = None
    kind: Kind | None = None

    def filter(self) -> CandidateFilter:
        """What the store takes."""
        return CandidateFilter(category_id=self.category_id, style=self.style, kind=self.kind)


class CandidateChanges(with_fields(In, change_fields())):  # type: ignore[misc]  # made from FIELDS
    """The fields to change before approval; null empties a field where that is possible."""

    model_config = _examples({"memo": "Customer visit", "amount": "412.90"})

    occurred_on: Day | MISSING | None = MISSING
    category_id: RowId | MISSING = MISSING
    paraphrase: Name200 | MISSING = MISSING

    def edited(self, row: Candidate) -> EditedCandidate:
        """The whole candidate with the changes, by the rules of POST /v1/transactions.

        Raises:
            Invalid: the whole breaks one of them, or a field is not one of this kind of candidate.
        """
        changes = self.model_dump()
        category_id = changes.pop("category_id", row.category_id)
        own = {"paraphrase"} if row.kind == "paraphrase" else set(_FIELDS)
        message = f"A candidate of kind '{row.kind}' has no such field."
        if wrong := [
            FieldError(f"/changes/{name}", "unknown-field", message) for name in changes.keys() - own
        ]:
            raise Invalid(errors=tuple(sorted(wrong, key=lambda error: error.pointer)))
        if row.kind == "paraphrase":
            return EditedCandidate(category_id, paraphrase=changes.get("paraphrase", row.paraphrase))
        whole = _whole({name: changes.get(name, getattr(row, name)) for name in _FIELDS})
        return EditedCandidate(category_id, whole.fields(), whole.occurred_on)


def _whole(values: Mapping[str, Any]) -> TransactionIn:
    amount, day = values["amount"], values["occurred_on"]
    written = {
        **values,
        "amount": None if amount is None else format_amount(amount, values["currency"]),
        "occurred_on": None if day is None else day.isoformat(),
    }
    try:
        whole: TransactionIn = TransactionIn.model_validate(written)
    except ValidationError as error:
        raise Invalid(errors=field_errors(error.errors(), prefix="/changes")) from error
    return whole


class ApproveIn(ReviewerIn):
    """An approval, with the changes made before it."""

    model_config = _examples({"reviewer": _JANE, "changes": {"memo": "Customer visit"}})

    changes: CandidateChanges = Field(default_factory=CandidateChanges)


class RejectIn(ReviewerIn):
    """A rejection."""

    model_config = _examples({"reviewer": _JANE, "reason": "No such merchant would sell this."})

    reason: Reason | None = None


class BulkFilter(In):
    """Which pending candidates; filters narrow together."""

    category_id: RowId | None = None
    style: Style | None = None
    job_id: RowId | None = Field(default=None, description="Made by this job.")
    max_rank: Rank | None = Field(default=None, description="The model ranked the meant category so high.")


class BulkIn(ReviewerIn):
    """Up to 1,000 candidates, by id or by filter."""

    model_config = _examples(
        {"reviewer": _JANE, "candidate_ids": [_ID]}, {"reviewer": _JANE, "filter": {"max_rank": 1}}
    )

    candidate_ids: Annotated[list[RowId], Field(min_length=1, max_length=MAX_BATCH)] | None = None
    filter: BulkFilter | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.candidate_ids is None) == (self.filter is None):
            raise PydanticCustomError("one-of-both", "Name either 'candidate_ids' or a 'filter'.")
        return self

    def wanted(self) -> CandidateFilter | list[uuid.UUID]:
        """What the service takes."""
        if self.candidate_ids is not None:
            return self.candidate_ids
        assert self.filter is not None
        return CandidateFilter(**self.filter.model_dump())


class BulkRejectIn(BulkIn):
    """Up to 1,000 candidates to reject, by id or by filter."""

    reason: Reason | None = None
