"""What a fine-tuning is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.engines.devices import Device, Precision
from shared.jobs.kinds import Recipe
from shared.training.early_stopping import EpochMetrics
from shared.training.rows import TrainRow
from shared.transactions.formats import TextFormat


@dataclass(frozen=True)
class Teacher:
    """Who teaches with the loss `margin_mse`: a reranker or a bi-encoder, and the texts that it reads."""

    folder: Path
    is_reranker: bool
    texts: TextFormat
    category_texts: Mapping[str, str]


@dataclass(frozen=True)
class FinetuneRequest:
    """What to train, on what, and how; the recipe's defaults chosen with `benchmarks/recipe.py`.

    `category_texts` by category id, in the recipe's text format like the rows' texts; `test_rows` are watched
    after each epoch, never learnt from; `precision` "auto" is what the hardware multiplies fastest without
    harm; with `has_gradient_checkpointing` activations are computed twice instead of kept; `output_dir` is
    made, or must be empty.
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
    teacher: Teacher | None = None


@dataclass(frozen=True)
class TrainProgress:
    """Where the training stands after a step: `epoch` in fractions, `loss` of that step."""

    epoch: float
    step: int
    total_steps: int
    loss: float


@dataclass(frozen=True)
class FinetuneResult:
    """What came out. Accuracies are those of `TripletEvaluator` on the test rows, None where there are none.

    `epochs` starts with the base model (epoch 0); `best_epoch` is the one whose weights were kept. `rows` are
    the anchors, or labelled texts, of all epochs, `rows_per_second` those of the epochs' own time, watching
    the test rows included. `peak_memory_mb` in MiB, of what `peak_memory_of` says: the tensors on the
    "device", or all of the "process". `dimensions`: what the vectors may be cut to, the whole first.
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
