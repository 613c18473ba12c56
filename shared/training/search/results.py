"""What the jobs of a search leave behind as their results."""

import uuid
from typing import Any, Literal

from pydantic import Field

from shared.kit.pydantic_json import JSONModel


class TrialScores(JSONModel):
    """How a recipe did when it was cross-validated."""

    value: float = Field(description="MRR@5: the mean of 1 / rank over all rows, 0 beyond the fifth rank.")
    low: float = Field(description="Lower end of the 95 % bootstrap interval of `value`.")
    high: float
    n: int = Field(description="Rows that were ranked.")
    recall_at_1: float
    running: tuple[float, ...] = Field(description="`value` over the rows so far, after each fold.")
    is_pruned: bool = Field(description="Whether folds were skipped because `value` was too low.")
    seconds: float


class TrialResult(TrialScores):
    """The result of a job of kind `trial`."""

    number: int = Field(description="Of the trial within its search, from 0.")


class SearchTrial(JSONModel):
    """A trial in the result of its search; a failed one has no figures."""

    number: int
    status: Literal["complete", "pruned", "failed"]
    job_id: uuid.UUID
    recipe: dict[str, Any] = Field(description="As in POST /v1/trainings.")
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    recall_at_1: float | None = None
    running: tuple[float, ...] | None = None


class SearchResult(JSONModel):
    """The result of a job of kind `search`."""

    best: SearchTrial
    trials: list[SearchTrial] = Field(description="In the order in which they were asked for.")
    training_job_id: uuid.UUID = Field(description="The training of the best recipe on all training rows.")
