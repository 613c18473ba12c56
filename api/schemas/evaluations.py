"""Evaluations: what a model version or a baseline scores, and how two of them differ."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.common import In, Out, PageQuery, RowId
from api.schemas.datasets import Split
from shared.jobs.kinds import BaselinesParams, EvaluationParams, Projection
from shared.kit.measures import RetrievalMeasures
from shared.registry.reports import EvaluationMetrics, EvaluationReport

Method = Literal["model", "most_frequent", "merchant_majority", "bm25_categories", "bm25_history", "tfidf_lr"]

_ID = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"


class EvaluationIn(In):
    """What to measure."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"dataset_id": _ID, "model_version_id": _ID, "split": "eval"}]}
    )

    dataset_id: RowId
    model_version_id: RowId
    split: Split = "eval"
    reranker_version_id: RowId | None = Field(
        default=None, description="A second stage behind the model; null: none."
    )
    rerank_top_n: Annotated[int, Field(ge=2, le=50)] = Field(
        default=10, description="How many top categories are reranked."
    )
    renamed: bool = Field(
        default=False,
        description="With categories under other names that were approved, where there are any.",
    )
    projection: Projection = Field(
        default="pca",
        description="How the map of the embeddings is drawn; `umap` needs the extra of that name where the "
        "workers run, or the job fails with `projection-not-installed`.",
    )

    def params(self) -> EvaluationParams:
        """What the job takes."""
        return EvaluationParams(**self.model_dump())


class BaselinesIn(In):
    """Where to measure what needs no model."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"split": "eval"}]})

    split: Split = "eval"

    def params(self, dataset_id: uuid.UUID) -> BaselinesParams:
        """What the job takes."""
        return BaselinesParams(dataset_id=dataset_id, split=self.split)


class EvaluationQuery(PageQuery):
    """Which evaluations: with dataset and split, all that may stand in one table."""

    model_version_id: RowId | None = None
    dataset_id: RowId | None = None
    split: Split | None = None


class EvaluationOut(Out):
    """What a model version or a baseline scored on one split of a dataset."""

    id: uuid.UUID
    dataset_id: uuid.UUID
    method: Method
    model_version_id: uuid.UUID | None = Field(description="null: a baseline.")
    reranker_version_id: uuid.UUID | None = Field(description="The second stage; null: none.")
    split: Split
    metrics: EvaluationMetrics
    per_category: dict[uuid.UUID, RetrievalMeasures] = Field(
        description="The measures of each category's rows."
    )
    job_id: uuid.UUID
    created_at: dt.datetime


class EvaluationReportOut(EvaluationOut):
    """An evaluation with its report."""

    report: EvaluationReport | None = Field(description="null: made before there was one.")


class EvaluationRowOut(Out):
    """Where one row's right category came in."""

    dataset_item_id: uuid.UUID
    rank: int | None = Field(description="1 is first; null: it was not among the candidates.")
    rank_without_history: int | None = Field(description="The same by the categories' own texts alone.")
    rank_without_reranker: int | None = Field(description="The same before the second stage.")
    suggested_category_id: uuid.UUID | None = Field(description="What came first.")
    score: float | None = Field(description="Its score.")


class ComparisonQuery(BaseModel):
    """Which two evaluations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    baseline: RowId
    candidate: RowId


class ComparedOut(Out):
    """One of two evaluations, and what it measured."""

    id: uuid.UUID
    method: Method
    model_version_id: uuid.UUID | None
    model_name: str | None
    reranker_version_id: uuid.UUID | None
    reranker_name: str | None
    split: Split
    dataset_id: uuid.UUID


class DifferenceOut(Out):
    """One figure of both, and the difference: candidate less baseline."""

    metric: Literal["recall", "mrr", "ndcg"]
    k: int
    baseline: float
    candidate: float
    difference: float
    low: float = Field(description="Of the difference's 95 % interval, by a paired bootstrap.")
    high: float
    p: float = Field(description="How likely chance alone does as much, by a paired permutation test.")


class ComparedRowOut(Out):
    """A row that the two rank differently."""

    dataset_item_id: uuid.UUID = Field(description="The candidate's.")
    category_id: uuid.UUID
    merchant_name: str
    baseline_rank: int | None
    candidate_rank: int | None
    baseline_suggested_id: uuid.UUID | None
    candidate_suggested_id: uuid.UUID | None


class ComparisonOut(Out):
    """Two evaluations on the rows that both have."""

    baseline: ComparedOut
    candidate: ComparedOut
    warnings: list[str] = Field(description="What differs in how they were made.")
    n: int = Field(description="Rows that both have: copies of one transaction with one category.")
    differences: list[DifferenceOut]
    improved: int
    regressed: int
    unchanged: int
    rows: list[ComparedRowOut] = Field(
        description="At most 200 of those that changed: regressions first, worst first, then improvements."
    )


class EvaluationExportQuery(In):
    """As which file."""

    format: Literal["csv", "json"] = Field(
        default="csv", description="`csv`: a line for each row. `json`: the evaluation with its rows."
    )
