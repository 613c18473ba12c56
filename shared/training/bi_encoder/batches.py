"""The training data of a recipe: a dataset with the texts of all epochs, and its batch sampler."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.training.bi_encoder.distillation import Lesson, draw_epoch, make_lessons
from shared.training.bi_encoder.losses import OF_LABELS
from shared.training.bi_encoder.negatives import NegativePool, Negatives, hardest
from shared.training.bi_encoder.pairs import Pair, batch_count, epoch_batches
from shared.training.bi_encoder.spec import FinetuneRequest
from shared.training.library_trainer import consecutive_batches, planned_sampler
from shared.training.rows import TrainRow, text_format
from shared.transactions.fields import DROPOUT_FIELDS, TransactionFields
from shared.transactions.formats import TextFormat

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_BLOCK = 512  # rows whose similarities to all texts are held in memory at once

_EMPTY = TransactionFields(merchant_name="")


@dataclass
class TrainingData:
    """A dataset and the class of its batch sampler; `rows_used` counts the rows of the batches so far."""

    dataset: Any = None
    sampler: Any = None
    rows_used: int = 0

    def add_rows(self, count: int) -> None:
        """Count the rows of a batch."""
        self.rows_used += count


def training_data(model: "SentenceTransformer", request: FinetuneRequest) -> TrainingData:
    """The data for the recipe's loss. Hard negatives are mined with the model as it is now.

    Raises:
        Untrainable: fewer than two categories, or one without a text; no teacher for `margin_mse`.
    """
    if request.recipe.loss in OF_LABELS:
        return labelled_data(request)
    if request.recipe.loss == "margin_mse":
        return lesson_data(request, make_lessons(model, request))
    return paired_data(request, negatives_of(model, request))


def paired_data(request: FinetuneRequest, negatives: Negatives | None = None) -> TrainingData:
    """The pairs of all epochs, and the sampler of each epoch's batches.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from datasets import Dataset

    pairs, plan = _plan_pairs(request, negatives)
    columns = {"anchor": [pair.anchor for pair in pairs], "positive": [pair.positive for pair in pairs]}
    for number in range(negatives.count if negatives else 0):
        columns[f"negative_{number + 1}"] = [pair.negatives[number] for pair in pairs]
    data = TrainingData(Dataset.from_dict(columns))
    data.sampler = planned_sampler(plan, data.add_rows)
    return data


def _plan_pairs(
    request: FinetuneRequest, negatives: Negatives | None
) -> tuple[list[Pair], list[list[list[int]]]]:
    """The pairs of all epochs, and each epoch's batches as positions among them."""
    recipe = request.recipe
    pairs: list[Pair] = []
    plan: list[list[list[int]]] = []
    for epoch in range(recipe.epochs):
        batches = epoch_batches(
            epoch_rows(request, epoch),
            request.category_texts,
            batch_size=recipe.batch_size,
            transaction_share=recipe.transaction_share,
            seed=recipe.seed,
            epoch=epoch,
            negatives=negatives,
            is_in_batch=recipe.loss != "triplet",
        )
        plan.append([])
        for batch in batches:
            plan[-1].append(list(range(len(pairs), len(pairs) + len(batch))))
            pairs.extend(batch)
    return pairs, plan


def negatives_of(model: "SentenceTransformer", request: FinetuneRequest) -> Negatives | None:
    """The recipe's negatives beyond those of the batch; None where there are no others.

    A triplet needs a negative, so with the loss "triplet" the choice "in_batch" means "hard".
    """
    recipe = request.recipe
    is_triplet = recipe.loss == "triplet"
    kind = "hard" if is_triplet and recipe.negatives == "in_batch" else recipe.negatives
    if kind == "in_batch":
        return None
    pool = NegativePool.from_rows(request.train_rows, request.category_texts)
    count = 1 if is_triplet else recipe.negatives_per_pair
    if kind == "random":
        return Negatives(pool, count)
    vectors = np.asarray(
        model.encode(list(pool.texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    )
    positions = []
    for start in range(0, len(request.train_rows), _BLOCK):
        block = request.train_rows[start : start + _BLOCK]
        similarity = vectors[[pool.positions[row.text] for row in block]] @ vectors.T
        positions += hardest(
            similarity, block, pool, margin=recipe.negative_margin, per_category=max(2, count)
        )
    return Negatives(pool, count, tuple(positions))


def labelled_data(request: FinetuneRequest) -> TrainingData:
    """Texts with their category's number, and a sampler that puts at least two of a category in a batch.

    Category texts are among them, so that they end up near their own transactions. With field dropout each
    epoch has texts of its own.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from datasets import Dataset
    from sentence_transformers.base.sampler import GroupByLabelBatchSampler

    texts = request.category_texts
    batch_count(request.train_rows, texts, 2)  # raises Untrainable
    used = sorted({row.category_id for row in request.train_rows})
    numbers = {category_id: number for number, category_id in enumerate(used)}
    category_rows = [TrainRow(texts[category_id], category_id) for category_id in used]
    epochs = request.recipe.epochs if request.recipe.field_dropout else 1
    rows = [row for epoch in range(epochs) for row in (*epoch_rows(request, epoch), *category_rows)]
    rows_per_epoch = len(rows) // epochs
    data = TrainingData()

    class EpochBatchSampler(GroupByLabelBatchSampler):
        """Groups the first epoch's rows, and shifts the batches of a later epoch to that epoch's rows."""

        def __init__(self, dataset: Any, *args: Any, **options: Any) -> None:
            super().__init__(dataset.select(range(rows_per_epoch)), *args, **options)

        def __iter__(self) -> Iterator[list[int]]:
            offset = rows_per_epoch * (self.epoch % epochs)
            for batch in super().__iter__():
                data.add_rows(len(batch))
                yield [offset + index for index in batch]

    columns = {"text": [row.text for row in rows], "label": [numbers[row.category_id] for row in rows]}
    data.dataset, data.sampler = Dataset.from_dict(columns), EpochBatchSampler
    return data


def lesson_data(request: FinetuneRequest, lessons: Sequence[Lesson]) -> TrainingData:
    """The lessons of all epochs in the order in which they are learnt, and the sampler of their batches."""
    from datasets import Dataset

    recipe = request.recipe
    count = recipe.negatives_per_pair
    all_epochs = [
        lesson
        for epoch in range(recipe.epochs)
        for lesson in draw_epoch(lessons, negatives=count, seed=recipe.seed, epoch=epoch)
    ]
    columns: dict[str, Any] = {
        "anchor": [lesson.anchor for lesson in all_epochs],
        "positive": [lesson.positive for lesson in all_epochs],
    }
    for number in range(count):
        columns[f"negative_{number + 1}"] = [lesson.negatives[number] for lesson in all_epochs]
    columns["label"] = [list(lesson.margins) for lesson in all_epochs]
    data = TrainingData(Dataset.from_dict(columns))
    data.sampler = planned_sampler(
        consecutive_batches(len(lessons), recipe.epochs, recipe.batch_size), data.add_rows
    )
    return data


def epoch_rows(request: FinetuneRequest, epoch: int) -> Sequence[TrainRow]:
    """The training rows with their texts in one epoch."""
    recipe = request.recipe
    return drop_fields(
        request.train_rows, text_format(recipe), rate=recipe.field_dropout, seed=recipe.seed, epoch=epoch
    )


def drop_fields(
    rows: Sequence[TrainRow], texts: TextFormat, *, rate: float, seed: int, epoch: int
) -> Sequence[TrainRow]:
    """Field dropout: texts of one epoch in which each given field is missing with the probability `rate`.

    In production many fields are missing, and the model learns to do without any of them. A text never loses
    every field. Rows without `fields` stay as they are.
    """
    if rate == 0:
        return rows
    rng = random.Random(f"{seed}/{epoch}/fields")  # noqa: S311  # dropping fields, not secrets
    return [
        row
        if row.fields is None
        else replace(row, text=_text_with_dropout(row.fields, texts, rate, rng) or row.text)
        for row in rows
    ]


def _text_with_dropout(fields: TransactionFields, texts: TextFormat, rate: float, rng: random.Random) -> str:
    given = [name for name in DROPOUT_FIELDS if getattr(fields, name) != getattr(_EMPTY, name)]
    dropped = [name for name in given if rng.random() < rate]
    if given and len(dropped) == len(given):
        dropped.remove(rng.choice(dropped))
    return texts.of_transaction(replace(fields, **{name: getattr(_EMPTY, name) for name in dropped}))
