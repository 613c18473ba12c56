"""What an evaluation measured, as its row keeps it and as pages, model cards, exports and the API show it.

Rows of earlier versions are read, too: what they lack has a default.
"""

import uuid
from typing import Literal

from pydantic import Field

from shared.kit.measures import Estimate, RetrievalMeasures, is_missing
from shared.kit.pydantic_json import JSONModel

Point = tuple[float, float]


class EvaluationMetrics(RetrievalMeasures):
    """The measures of all rows, as served and with a part of serving left out."""

    triplet_accuracy: Estimate | None = Field(
        default=None,
        description="How often a row's text is nearer to its own category's text than to another one's.",
    )
    without_history: RetrievalMeasures | None = Field(
        default=None, exclude_if=is_missing, description="By the categories' own texts alone."
    )
    without_reranker: RetrievalMeasures | None = Field(
        default=None, exclude_if=is_missing, description="Before the second stage."
    )


class ConfusedPair(JSONModel):
    """Rows of a category for which another one was suggested first."""

    category_id: uuid.UUID
    category: str
    suggested_id: uuid.UUID | None
    suggested: str | None
    rows: int


class ReliabilityBin(JSONModel):
    """The rows whose first suggestion has a score between `low` and `high`, and how many were right."""

    low: float
    high: float
    n: int
    mean_score: float | None
    accuracy: float | None


class Reliability(JSONModel):
    """Whether a first suggestion's score is the chance that it is right."""

    bins: tuple[ReliabilityBin, ...] = ()
    expected_calibration_error: float | None = Field(
        default=None, description="The mean over rows of their bin's |accuracy - mean score|."
    )


class MapPoint(JSONModel):
    """A category or a transaction on the map, before and after training."""

    kind: Literal["category", "transaction"]
    label: str
    category_id: uuid.UUID
    before: Point
    after: Point


class EmbeddingMap(JSONModel):
    """The embeddings on a plane."""

    method: Literal["pca", "umap"] = "pca"
    points: tuple[MapPoint, ...] = ()


class RenamedCategories(JSONModel):
    """Which categories were given another name."""

    categories: int = Field(description="How many were renamed.")
    of: int = Field(description="How many the dataset has.")
    names: dict[uuid.UUID, str] = Field(description="The other name by category id.")


class EvaluationReport(JSONModel):
    """What an evaluation found beside its measures, and by which rules it was made."""

    evaluator: str | None = Field(
        default=None, description="The version of the rules; compare only within one."
    )
    history_rows: int | None = Field(default=None, description="Labelled rows that served as history.")
    renamed: RenamedCategories | None = None
    slices: dict[str, dict[str, RetrievalMeasures]] = Field(
        default_factory=dict,
        description="Measures by what training has seen (`category_seen`, `merchant_seen`), `amount_band`, "
        "`labelled_rows` of the category and `department`.",
    )
    confusions: tuple[ConfusedPair, ...] = Field(
        default=(), description="The 20 pairs with most rows, most first."
    )
    reliability: Reliability = Field(default_factory=Reliability)
    map: EmbeddingMap | None = None


class EvaluationResult(JSONModel):
    """The result of a job of kind `evaluate`."""

    evaluation_id: uuid.UUID
    metrics: EvaluationMetrics
    renamed: RenamedCategories | None


class BaselinesResult(JSONModel):
    """The result of a job of kind `baselines`."""

    evaluation_ids: dict[str, uuid.UUID] = Field(description="By method.")
