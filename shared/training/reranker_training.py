"""Fine-tuning a reranker: a cross-encoder learns to tell a row's category from those that look like it.

Runs in a process of its own, as `finetune` does: it prints nothing and writes only to `output_dir`.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.engines.devices import Device, training_precision
from shared.engines.encoder import SentenceTransformerEncoder, load_model
from shared.engines.reranker import is_cross_encoder, load_cross_encoder
from shared.training.finetune import TrainProgress
from shared.training.reranker_lists import RankedList, by_similarity, epoch_lists
from shared.training.reranker_watching import RerankerWatch
from shared.training.rows import TrainRow
from shared.training.watching import EpochMetrics, callback
from shared.transactions.formats import TextFormat

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

# The loss takes the softmax of a list's labels for the distribution to learn: with this one for the right
# category and 0 for the others, all of it is the right one's.
RIGHT = 30.0
WATCHED_CANDIDATES = 10
HEAD_LEARNING_RATE = 1e-3  # of a new head, which has everything to learn


@dataclass(frozen=True)
class RerankerRequest:
    """What to train, on what, and how.

    `miner`: the folder of the bi-encoder whose candidates will be reranked; its nearest wrong categories are
    the negatives. `base_model`: the folder to start from, a cross-encoder or a bi-encoder, whose weights then
    get a new head. `category_texts` by category id; `test_rows` are watched after each epoch, never learnt
    from; where the miner reads other texts than the reranker, `miner_texts` and `miner_category_texts` say
    which, and every row has its fields. `output_dir` is made, or must be empty.
    """

    base_model: Path
    miner: Path
    output_dir: Path
    category_texts: Mapping[str, str]
    train_rows: tuple[TrainRow, ...]
    test_rows: tuple[TrainRow, ...] = ()
    miner_texts: TextFormat | None = None
    miner_category_texts: Mapping[str, str] | None = None
    epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 5e-5
    warmup_ratio: float = 0.1
    negatives_per_row: int = 5
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


def train_reranker(request: RerankerRequest, on_progress: Callable[[TrainProgress], None]) -> RerankerResult:
    """Train and save the weights of the best epoch, loadable with plain sentence-transformers.

    A list is a transaction's text with its category's and with those of the wrong categories that the miner
    finds nearest, and the loss is that of a softmax over it (ListNet with one right answer: Cao et al., 2007,
    doi:10.1145/1273496.1273513). The same request on the same machine gives the same weights.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from transformers import set_seed

    started = time.monotonic()
    set_seed(request.seed)
    texts = request.category_texts
    miner = SentenceTransformerEncoder(request.miner, device=request.device, precision="float32")
    mined = request.miner_category_texts or texts
    nearest = by_similarity(miner, _for_miner(request, request.train_rows), mined)
    candidates = [
        one[:WATCHED_CANDIDATES]
        for one in by_similarity(miner, _for_miner(request, request.test_rows), mined)
    ]
    lists = [
        epoch_lists(
            request.train_rows,
            texts,
            nearest,
            negatives_per_row=request.negatives_per_row,
            seed=request.seed,
            epoch=epoch,
        )
        for epoch in range(request.epochs)
    ]
    model = _start(request)
    watch = RerankerWatch(model, request.test_rows, texts, candidates)
    watch.measure(0)
    losses: list[float] = []

    def progress(*values: Any) -> None:
        step = TrainProgress(*values)
        losses.append(step.loss)
        on_progress(step)

    precision = training_precision(model.device.type)
    _train(model, request, precision, lists, watch, progress)
    watch.restore_kept()
    model.save_pretrained(str(request.output_dir), create_model_card=False, safe_serialization=True)
    return RerankerResult(
        model_dir=request.output_dir,
        first_stage=tuple(
            1 / (1 + found.index(row.category_id)) if row.category_id in found else 0.0
            for row, found in zip(request.test_rows, candidates, strict=True)
        ),
        epochs=tuple(watch.epochs),
        best_epoch=watch.kept_epoch,
        steps=len(losses),
        seconds=time.monotonic() - started,
        device=model.device.type,
        precision=precision,
        losses=tuple(losses),
    )


def _for_miner(request: RerankerRequest, rows: Sequence[TrainRow]) -> list[TrainRow]:
    """The rows with the texts that the miner reads."""
    texts = request.miner_texts
    if texts is None:
        return list(rows)
    return [replace(row, text=texts.of_transaction(row.fields)) if row.fields else row for row in rows]


def _start(request: RerankerRequest) -> Any:
    """A cross-encoder as it is, or a bi-encoder's transformer with a new head on the mean of its tokens.

    The first token, on which a head usually sits, says little in models that were trained to use the mean.
    """
    if is_cross_encoder(request.base_model):
        return load_cross_encoder(request.base_model, device=request.device)
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense
    from sentence_transformers.sentence_transformer.modules import Pooling

    encoder = load_model(request.base_model, device=request.device)
    transformer = encoder[0]
    width = transformer.get_embedding_dimension()
    head = Dense(width, 1, activation_function=None, module_output_name="scores")
    return CrossEncoder(modules=[transformer, Pooling(width, "mean"), head], device=encoder.device)


def _train(
    model: "CrossEncoder",
    request: RerankerRequest,
    precision: str,
    lists: Sequence[Sequence[RankedList]],
    watch: RerankerWatch,
    on_step: Callable[[float, int, int, float], None],
) -> None:
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, losses
    from transformers.trainer_callback import PrinterCallback

    class Trainer(CrossEncoderTrainer):
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """None: the library's card quotes training texts, which are an organisation's transactions."""

    everything = [one for epoch in lists for one in epoch]
    data = Dataset.from_dict(
        {
            "query": [one.query for one in everything],
            "documents": [[one.right, *one.wrong] for one in everything],
            "labels": [[RIGHT, *(0.0 for _ in one.wrong)] for one in everything],
        }
    )
    trainer = Trainer(
        model=model,
        args=_arguments(request, precision, model.device.type, _planned(lists, request.batch_size)),
        train_dataset=data,
        loss=losses.ListNetLoss(model, mini_batch_size=-1),
        callbacks=[callback(watch, on_step)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _arguments(request: RerankerRequest, precision: str, device: str, sampler: Any) -> Any:
    from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments

    head_rate = max(request.learning_rate, HEAD_LEARNING_RATE)
    mapping = {} if is_cross_encoder(request.base_model) else {r"\b2\.linear\.": head_rate}
    return CrossEncoderTrainingArguments(
        output_dir=str(request.output_dir),
        num_train_epochs=request.epochs,
        per_device_train_batch_size=request.batch_size,
        learning_rate=request.learning_rate,
        learning_rate_mapping=mapping,
        warmup_steps=request.warmup_ratio,  # below 1 a share of all steps
        batch_sampler=sampler,
        bf16=precision == "bfloat16",
        fp16=precision == "float16",
        use_cpu=device == "cpu",
        seed=request.seed,
        data_seed=request.seed,
        full_determinism=device == "cuda",
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="steps",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=device == "cuda",
    )


def _planned(lists: Sequence[Sequence[RankedList]], batch_size: int) -> Any:
    """A sampler that hands out each epoch's lists, which stand in the dataset one epoch after the other."""
    from sentence_transformers.base.sampler import DefaultBatchSampler

    size = len(lists[0])

    class Planned(DefaultBatchSampler):
        def __iter__(self) -> Iterator[list[int]]:
            first = self.epoch * size
            for start in range(first, first + size, batch_size):
                yield list(range(start, min(start + batch_size, first + size)))

        def __len__(self) -> int:
            return math.ceil(size / batch_size)

    return Planned
