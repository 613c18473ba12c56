"""Datasets."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from api.schemas.common import Day, In, Name200, Out, PageQuery, RowId
from api.schemas.transactions import Source
from shared.datasets import splits
from shared.datasets.exports import Format
from shared.datasets.report import DatasetReport
from shared.datasets.splits import Strategy
from shared.datasets.tables import Dataset
from shared.jobs.kinds import DatasetParams

Split = Literal["train", "test", "eval"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Ratio = Annotated[float, Field(ge=0, le=1)]


class Ratios(In):
    """How much goes where; together 1."""

    train: Annotated[float, Field(gt=0, le=1)] = splits.Ratios.train
    test: Ratio = splits.Ratios.test
    eval: Ratio = splits.Ratios.eval


class DatasetFilter(In):
    """Which labelled transactions; what is left out or empty restricts nothing."""

    sources: Annotated[list[Source], Field(max_length=3)] = Field(default_factory=list)
    category_ids: Annotated[list[RowId], Field(max_length=1000)] = Field(default_factory=list)
    occurred_from: Day | None = None
    occurred_to: Day | None = None


class DatasetIn(In):
    """A dataset of everything that is labelled now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "May", "seed": 7, "ratios": {"train": 0.7, "test": 0.1, "eval": 0.2}},
                {"name": "Unseen merchants", "strategy": "by_merchant", "filter": {"sources": ["import"]}},
            ]
        }
    )

    name: Name200
    seed: Seed = Field(default=0, description="The same labels and seed give the same splits.")
    ratios: Ratios = Field(default_factory=Ratios)
    strategy: Strategy = Field(
        default="stratified",
        description="What the eval split asks: more of the same (`random`, `stratified`), merchants "
        "(`by_merchant`), categories (`by_category`), departments (`by_department`) or days (`by_time`) that "
        "training has not seen.",
    )
    remove_duplicates: bool = Field(
        default=True, description="Rows alike in all fields stay in the earliest split only."
    )
    filter: DatasetFilter = Field(default_factory=DatasetFilter)

    def params(self) -> DatasetParams:
        """What the job takes."""
        own = self.model_dump(exclude={"ratios", "filter"})
        return DatasetParams(**own, **self.ratios.model_dump(), **self.filter.model_dump())


class DatasetOut(Out):
    """A frozen dataset."""

    id: uuid.UUID
    name: str
    seed: int
    parameters: dict[str, Any]
    counts: dict[str, int] = Field(description="Rows by split.")
    report: DatasetReport | None
    category_count: int = Field(description="Categories as they were when it was frozen.")
    job_id: uuid.UUID
    created_at: dt.datetime

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """The row as it is shown."""
        values = {name: getattr(dataset, name) for name in cls.model_fields if name != "category_count"}
        return cls(**values, category_count=len(dataset.categories))


class ItemQuery(PageQuery):
    """Which items."""

    split: Split | None = None


class DatasetItemOut(Out):
    """One frozen row: a copy of the transaction as it was, and its category."""

    id: uuid.UUID
    transaction_id: uuid.UUID
    category_id: uuid.UUID
    split: Split
    fields: dict[str, Any]


class ExportQuery(In):
    """Which rows, for which tool."""

    format: Format = Field(
        default="jsonl",
        description="`triplets`: anchor, positive, negative. `cohere-rerank`: query, relevant_passages, "
        "hard_negatives, as that vendor's fine-tuning reads them (at least 256 rows).",
    )
    split: Split | None = None
