"""Pairs and labelled texts in the shape that the trainer takes: a dataset and its batch sampler."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.training.batch_sampler import planned
from shared.training.bi_encoder.distillation import taught
from shared.training.bi_encoder.field_dropout import with_dropout
from shared.training.bi_encoder.losses import OF_LABELS
from shared.training.bi_encoder.negatives import Negatives, Pool, hardest
from shared.training.bi_encoder.pairs import Pair, batch_count, epoch_batches
from shared.training.bi_encoder.spec import FinetuneRequest
from shared.training.rows import TrainRow, text_format

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_BLOCK = 512  # rows whose similarities to all texts are held at once


@dataclass
class BiEncoderData:
    """A dataset and the class of its batch sampler; `handed` counts the rows that it has given out."""

    data: Any = None
    sampler: Any = None
    handed: int = 0

    def count(self, rows: int) -> None:
        """So many more rows were given out."""
        self.handed += rows


def feed(model: "SentenceTransformer", request: FinetuneRequest) -> BiEncoderData:
    """What the recipe's loss learns from; hard negatives are mined with the model as it is now.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    if request.recipe.loss in OF_LABELS:
        return labelled(request)
    if request.recipe.loss == "margin_mse":
        return _taught(model, request)
    return paired(request, negatives_of(model, request))


def _taught(model: "SentenceTransformer", request: FinetuneRequest) -> BiEncoderData:
    made = BiEncoderData()
    made.data, made.sampler = taught(model, request, made.count)
    return made


def negatives_of(model: "SentenceTransformer", request: FinetuneRequest) -> Negatives | None:
    """What the pairs' negatives are drawn from; None where those of the batch are all.

    A triplet needs one, so "in_batch" is "hard" to the loss "triplet".
    """
    recipe = request.recipe
    is_triplet = recipe.loss == "triplet"
    kind = "hard" if is_triplet and recipe.negatives == "in_batch" else recipe.negatives
    if kind == "in_batch":
        return None
    pool = Pool.of(request.train_rows, request.category_texts)
    count = 1 if is_triplet else recipe.negatives_per_pair
    if kind == "random":
        return Negatives(pool, count)
    vectors = np.asarray(
        model.encode(list(pool.texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    )
    found = []
    for start in range(0, len(request.train_rows), _BLOCK):
        block = request.train_rows[start : start + _BLOCK]
        similarity = vectors[[pool.positions[row.text] for row in block]] @ vectors.T
        found += hardest(similarity, block, pool, margin=recipe.negative_margin, each=max(2, count))
    return Negatives(pool, count, tuple(found))


def paired(request: FinetuneRequest, negatives: Negatives | None = None) -> BiEncoderData:
    """All epochs' pairs in one dataset, and the sampler that hands out each epoch's batches of them.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from datasets import Dataset

    pairs, plan = _plan(request, negatives)
    columns = {"anchor": [pair.anchor for pair in pairs], "positive": [pair.positive for pair in pairs]}
    for number in range(negatives.count if negatives else 0):
        columns[f"negative_{number + 1}"] = [pair.negatives[number] for pair in pairs]
    made = BiEncoderData(Dataset.from_dict(columns))
    made.sampler = planned(plan, made.count)
    return made


def _plan(request: FinetuneRequest, negatives: Negatives | None) -> tuple[list[Pair], list[list[list[int]]]]:
    """All epochs' pairs, and each epoch's batches as positions among them."""
    recipe = request.recipe
    pairs: list[Pair] = []
    plan: list[list[list[int]]] = []
    for epoch in range(recipe.epochs):
        batches = epoch_batches(
            rows_of(request, epoch),
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


def labelled(request: FinetuneRequest) -> BiEncoderData:
    """Texts with their category's number, and a sampler that puts at least two of a category in a batch.

    Category texts are among them, so that they end near their own transactions. Where fields are dropped,
    each epoch has texts of its own.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from datasets import Dataset
    from sentence_transformers.base.sampler import GroupByLabelBatchSampler

    texts = request.category_texts
    batch_count(request.train_rows, texts, 2)  # refuses rows without contrast
    used = sorted({row.category_id for row in request.train_rows})
    numbers = {category_id: number for number, category_id in enumerate(used)}
    own = [TrainRow(texts[one], one) for one in used]
    epochs = request.recipe.epochs if request.recipe.field_dropout else 1
    everything = [row for epoch in range(epochs) for row in (*rows_of(request, epoch), *own)]
    each = len(everything) // epochs
    made = BiEncoderData()

    class Grouped(GroupByLabelBatchSampler):
        def __init__(self, dataset: Any, *args: Any, **options: Any) -> None:
            super().__init__(dataset.select(range(each)), *args, **options)

        def __iter__(self) -> Iterator[list[int]]:
            offset = each * (self.epoch % epochs)
            for batch in super().__iter__():
                made.count(len(batch))
                yield [offset + index for index in batch]

    columns = {
        "text": [row.text for row in everything],
        "label": [numbers[row.category_id] for row in everything],
    }
    made.data, made.sampler = Dataset.from_dict(columns), Grouped
    return made


def rows_of(request: FinetuneRequest, epoch: int) -> Sequence[TrainRow]:
    """The rows with their texts in one epoch."""
    recipe = request.recipe
    return with_dropout(
        request.train_rows,
        text_format(recipe),
        rate=recipe.field_dropout,
        seed=recipe.seed,
        epoch=epoch,
    )
