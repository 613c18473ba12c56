"""Datasets."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from api.schemas.common import In, Name200, Out, PageQuery
from shared.datasets import splits
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


class DatasetIn(In):
    """A dataset of everything that is labelled now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "May", "seed": 7, "ratios": {"train": 0.7, "test": 0.1, "eval": 0.2}}]
        }
    )

    name: Name200
    seed: Seed = Field(default=0, description="The same labels and seed give the same splits.")
    ratios: Ratios = Field(default_factory=Ratios)

    def params(self) -> DatasetParams:
        """What the job takes."""
        return DatasetParams(name=self.name, seed=self.seed, **self.ratios.model_dump())


class DatasetOut(Out):
    """A frozen dataset."""

    id: uuid.UUID
    name: str
    seed: int
    parameters: dict[str, Any]
    counts: dict[str, Any] = Field(description="Rows by split.")
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
