"""The input and the output of a fine-tuning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.engines.devices import Device, Precision
from shared.jobs.kinds import Recipe
from shared.training.metrics import EpochMetrics
from shared.training.rows import TrainRow
from shared.transactions.formats import TextFormat


@dataclass(frozen=True)
class TeacherModel:
    """The model that teaches with the loss `margin_mse`: a reranker or a bi-encoder, and its text format."""

    folder: Path
    is_reranker: bool
    texts: TextFormat
    category_texts: Mapping[str, str]


@dataclass(frozen=True)
class FinetuneRequest:
    """What to train, on what, and how; the recipe's defaults were chosen with `benchmarks/recipe.py`.

    `category_texts` by category id, in the recipe's text format like the texts of the rows. `test_rows` are
    measured after each epoch and never trained on. `precision` "auto" is the fastest that does no harm on the
    device. With `has_gradient_checkpointing`, activations are computed twice instead of being kept in memory.
    `output_dir` is created, or must be empty.
    """

    base_model: Path
    output_dir: Path
    category_texts: Mapping[str, str]
    train_rows: tuple[TrainRow, ...]
    test_rows: tuple[TrainRow, ...] = ()
    recipe: Recipe = field(default_factory=Recipe)
    device: Device = "auto"
    precision: Precision = "auto"
    has_gradient_checkpointing: bool = False
    teacher: TeacherModel | None = None


@dataclass(frozen=True)
class FinetuneResult:
    """A trained model and its metrics.

    The triplet accuracies are those of `TripletEvaluator` on the test rows, None without test rows. `epochs`
    starts with the base model (epoch 0); `best_epoch` is the epoch whose weights were kept. `rows` counts the
    anchors, or labelled texts, of all epochs; `rows_per_second` is over the time of the epochs, the
    measurement of the test rows included. `peak_memory_mb` in MiB, of what `peak_memory_of` says: the tensors
    on the "device", or the whole "process". `dimensions`: the lengths that the vectors may be cut to, the
    full length first. `losses`: of each step.
    """

    model_dir: Path
    epochs: tuple[EpochMetrics, ...]
    best_epoch: int
    triplet_accuracy_before: float | None
    triplet_accuracy_after: float | None
    steps: int
    seconds: float
    rows: int
    rows_per_second: float
    peak_memory_mb: float
    peak_memory_of: str
    dimensions: tuple[int, ...]
    device: str
    precision: str
    losses: tuple[float, ...] = field(repr=False)
