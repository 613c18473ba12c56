"""Candidates: made-up transactions that wait for a person."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import Out, PageQuery, RowId
from api.schemas.transaction_fields import output_fields, with_fields
from shared.candidates.decisions import BulkResult
from shared.candidates.store import CandidateFilter
from shared.candidates.tables import Candidate, CandidateDecision
from shared.categories.tables import Category
from shared.kit.money import format_amount

Status = Literal["pending", "approved", "rejected", "skipped"]
Kind = Literal["transaction", "paraphrase"]
Style = Literal["plain", "ambiguous", "adversarial", "paraphrase", "offline"]


class CandidateQuery(PageQuery):
    """Which candidates; filters narrow together."""

    status: Status | None = None
    kind: Kind | None = None
    category_id: RowId | None = None
    job_id: RowId | None = Field(default=None, description="Made by this job.")
    style: Style | None = None

    def filter(self) -> CandidateFilter:
        """What the store takes."""
        return CandidateFilter(**self.model_dump(exclude={"limit", "cursor"}))


class CategoryRefOut(Out):
    """A category, named."""

    id: uuid.UUID
    code: str | None
    name: str


class _Proposal(Out):
    id: uuid.UUID
    kind: Kind
    status: Status
    category: CategoryRefOut = Field(description="The one that the candidate is meant to show.")
    paraphrase: str | None = Field(description="The other name; such a candidate has no fields.")


class CandidateOut(with_fields(_Proposal, output_fields(is_required=False))):  # type: ignore[misc]  # made from FIELDS
    """A made-up transaction, or another name for a category, and what became of it."""

    occurred_on: dt.date | None
    job_id: uuid.UUID
    style: Style
    prompt_version: str
    llm: str
    rank: int | None = Field(
        description="Where the active model put the category when it was made; 1: first."
    )
    margin: float | None = Field(description="How far its score was above the best other category's.")
    created_at: dt.datetime
    leased_by: str | None
    leased_until: dt.datetime | None
    decided_by: str | None
    decided_at: dt.datetime | None
    reason: str | None
    transaction_id: uuid.UUID | None = Field(description="Of the transaction that the approval made.")

    @classmethod
    def of(cls, row: Candidate, categories: Mapping[uuid.UUID, Category]) -> Self:
        """The row as it is shown."""
        values = {name: getattr(row, name) for name in cls.model_fields if name not in {"amount", "category"}}
        amount = None if row.amount is None else format_amount(row.amount, row.currency)
        category = CategoryRefOut.model_validate(categories[row.category_id])
        shown: Self = cls.model_validate({**values, "amount": amount, "category": category})
        return shown


class CandidatesOut(Out):
    """Candidates that the reviewer holds now, in the order asked for."""

    data: list[CandidateOut]


class DecidedOut(Out):
    """The candidate after the decision."""

    candidate: CandidateOut


class ApprovedOut(Out):
    """What became of many."""

    approved: int
    skipped: int = Field(description="Others hold them, they were decided before, or are not there.")
    remaining: int = Field(description="Pending ones that fit the filter too; ask again for the next 1,000.")

    @classmethod
    def of(cls, bulk: BulkResult) -> Self:
        """What the service counted."""
        return cls(approved=bulk.decided, skipped=bulk.skipped, remaining=bulk.remaining)


class RejectedOut(Out):
    """What became of many."""

    rejected: int
    skipped: int = Field(description="Others hold them, they were decided before, or are not there.")
    remaining: int = Field(description="Pending ones that fit the filter too; ask again for the next 1,000.")

    @classmethod
    def of(cls, bulk: BulkResult) -> Self:
        """What the service counted."""
        return cls(rejected=bulk.decided, skipped=bulk.skipped, remaining=bulk.remaining)


class CountsOut(Out):
    """How many candidates of each status."""

    pending: int = 0
    approved: int = 0
    rejected: int = 0
    skipped: int = 0


class CategoryProgressOut(CountsOut):
    """How far the review of one category's candidates is."""

    category: CategoryRefOut


class ProgressOut(Out):
    """How far the review is."""

    total: CountsOut
    by_category: Sequence[CategoryProgressOut] = Field(description="Those with candidates, by name.")

    @classmethod
    def of(
        cls, counts: Mapping[uuid.UUID, Mapping[str, int]], categories: Mapping[uuid.UUID, Category]
    ) -> Self:
        """The counts of the service, with the categories named."""
        names = sorted(counts, key=lambda category_id: (categories[category_id].name, category_id))
        total = {status: sum(row[status] for row in counts.values()) for status in CountsOut.model_fields}
        rows = [{**counts[id_], "category": categories[id_]} for id_ in names]
        return cls.model_validate({"total": total, "by_category": rows})


class DecisionsQuery(BaseModel):
    """In which format."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["jsonl", "csv"] = Field(
        default="jsonl",
        description="JSON lines, or CSV, where an apostrophe stands before what a spreadsheet would run.",
    )


class DecisionOut(Out):
    """One decision as it is exported, with its candidate as it is now."""

    id: uuid.UUID
    created_at: dt.datetime
    decision: Literal["approve", "reject", "skip"]
    actor: str
    reason: str | None
    changes: dict[str, Any] = Field(description="{field: [before, after]}")
    undone_at: dt.datetime | None
    candidate_id: uuid.UUID
    kind: Kind
    status: Status
    category_id: uuid.UUID
    category_code: str | None
    category_name: str
    merchant_name: str | None
    paraphrase: str | None
    job_id: uuid.UUID
    style: Style
    prompt_version: str
    llm: str
    rank: int | None
    transaction_id: uuid.UUID | None

    @classmethod
    def of(
        cls, decision: CandidateDecision, row: Candidate, categories: Mapping[uuid.UUID, Category]
    ) -> Self:
        """The decision as a row of the file."""
        category = categories[row.category_id]
        named = {"category_code": category.code, "category_name": category.name}
        rest = cls.model_fields.keys() - named.keys()
        values = {name: getattr(decision if hasattr(decision, name) else row, name) for name in rest}
        return cls.model_validate({**values, **named})
