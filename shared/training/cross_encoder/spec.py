"""What a reranker's training is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.engines.devices import Device
from shared.training.cross_encoder.lists import Example
from shared.training.early_stopping import EpochMetrics
from shared.training.rows import TrainRow
from shared.transactions.formats import TextFormat


@dataclass(frozen=True)
class RerankerRequest:
    """What to train, on what, and how.

    `miner`: the folder of the bi-encoder whose candidates will be reranked; its nearest wrong categories are
    the negatives. `base_model`: the folder to start from, a cross-encoder or a bi-encoder, whose weights then
    get a new head. `category_texts` by category id; `test_rows` are watched after each epoch, never learnt
    from; `examples` are learnt from as rows are. Where the miner reads other texts than the reranker,
    `miner_texts` and `miner_category_texts` say which, and every row has its fields. `output_dir` is made, or
    must be empty.
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
    """What came out. `epochs` starts before the training (epoch 0) and holds how the test rows' ten nearest
    categories are put in order; `best_epoch` is the one whose weights were kept. `first_stage`: 1 / rank of
    each test row's category by the miner, 0 where it is not among those ten.
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
