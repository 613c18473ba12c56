"""The input and the output of a reranker's training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.engines.devices import Device
from shared.training.cross_encoder.lists import Example
from shared.training.metrics import EpochMetrics
from shared.training.rows import TrainRow
from shared.transactions.formats import TextFormat


@dataclass(frozen=True)
class RerankerRequest:
    """What to train, on what, and how.

    `miner`: the folder of the bi-encoder whose candidates will be reranked; the wrong categories that it
    ranks highest are the negatives. `base_model`: the folder of the model to start from, a cross-encoder, or
    a bi-encoder, which then gets a new head. `category_texts` by category id. `test_rows` are measured after
    each epoch and never trained on; `examples` are trained on like rows. Where the miner reads another text
    format than the reranker, `miner_texts` and `miner_category_texts` have it, and every row needs its
    `fields`. `output_dir` is created, or must be empty.
    """

    base_model: Path
    miner: Path
    output_dir: Path
    category_texts: Mapping[str, str]
    train_rows: tuple[TrainRow, ...]
    test_rows: tuple[TrainRow, ...] = ()
    examples: tuple[Example, ...] = ()
    miner_texts: TextFormat | None = None
    miner_category_texts: Mapping[str, str] | None = None
    epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 5e-5
    warmup_ratio: float = 0.1
    negatives_per_row: int = 3
    seed: int = 0
    device: Device = "auto"


@dataclass(frozen=True)
class RerankerResult:
    """A trained reranker and its metrics.

    `epochs` starts before the training (epoch 0) and measures the order of the ten categories that the miner
    ranks highest for each test row; `best_epoch` is the epoch whose weights were kept. `first_stage`: for
    each test row 1 / rank of its category by the miner, 0 where it is not among those ten. `losses`: of each
    step.
    """

    model_dir: Path
    first_stage: tuple[float, ...]
    epochs: tuple[EpochMetrics, ...]
    best_epoch: int
    steps: int
    seconds: float
    device: str
    precision: str
    losses: tuple[float, ...] = field(repr=False)
