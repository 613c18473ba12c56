"""Pairs and labelled texts in the shape that the trainer takes: a dataset and its batch sampler."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.training.pairs import Pair, TrainRow, batch_count, epoch_batches


def paired(
    rows: Sequence[TrainRow],
    category_texts: Mapping[str, str],
    *,
    batch_size: int,
    transaction_share: float,
    seed: int,
    epochs: int,
) -> tuple[Any, Any]:
    """All epochs' pairs in one dataset, and the sampler that hands out each epoch's batches of them.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from datasets import Dataset
    from sentence_transformers.base.sampler import DefaultBatchSampler

    pairs: list[Pair] = []
    plan: list[list[list[int]]] = []
    for epoch in range(epochs):
        batches = epoch_batches(
            rows,
            category_texts,
            batch_size=batch_size,
            transaction_share=transaction_share,
            seed=seed,
            epoch=epoch,
        )
        plan.append([])
        for batch in batches:
            plan[-1].append(list(range(len(pairs), len(pairs) + len(batch))))
            pairs.extend(batch)

    class Planned(DefaultBatchSampler):
        def __iter__(self) -> Iterator[list[int]]:
            return iter(plan[self.epoch])

        def __len__(self) -> int:
            return len(plan[0])

    columns = {"anchor": [pair.anchor for pair in pairs], "positive": [pair.positive for pair in pairs]}
    return Dataset.from_dict(columns), Planned


def labelled(rows: Sequence[TrainRow], category_texts: Mapping[str, str]) -> tuple[Any, Any]:
    """Texts with their category's number, and a sampler that puts at least two of a category in a batch.

    Category texts are among them, so that they end near their own transactions.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from datasets import Dataset
    from sentence_transformers.base.sampler import BatchSamplers

    batch_count(rows, category_texts, 2)  # refuses rows without contrast
    used = sorted({row.category_id for row in rows})
    numbers = {category_id: number for number, category_id in enumerate(used)}
    everything = [*rows, *(TrainRow(category_texts[one], one) for one in used)]
    columns = {
        "text": [row.text for row in everything],
        "label": [numbers[row.category_id] for row in everything],
    }
    return Dataset.from_dict(columns), BatchSamplers.GROUP_BY_LABEL
