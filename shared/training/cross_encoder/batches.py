"""Lists in the shape that a reranker's trainer takes: a dataset and its batch sampler."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.engines.encoder import SentenceTransformerEncoder
from shared.training.batch_sampler import in_order, planned
from shared.training.cross_encoder.lists import Example, by_similarity, epoch_lists
from shared.training.cross_encoder.spec import RerankerRequest
from shared.training.rows import TrainRow

# The loss takes the softmax of a list's labels for the distribution to learn: with this one for the right
# category and 0 for the others, all of it is the right one's.
RIGHT = 30.0
WATCHED_CANDIDATES = 10


@dataclass(frozen=True)
class CrossEncoderData:
    """A dataset, the class of its batch sampler, and what the miner finds for each test row: category ids."""

    data: Any
    sampler: Any
    candidates: list[tuple[str, ...]]


def feed(request: RerankerRequest) -> CrossEncoderData:
    """All epochs' lists, with the miner's hard negatives.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from datasets import Dataset

    miner = SentenceTransformerEncoder(request.miner, device=request.device, precision="float32")
    mined = request.miner_category_texts or request.category_texts
    learnt: list[TrainRow | Example] = [*request.train_rows, *request.examples]
    nearest = by_similarity(miner, [*_for_miner(request, request.train_rows), *request.examples], mined)
    lists = [
        epoch_lists(
            learnt,
            request.category_texts,
            nearest,
            negatives_per_row=request.negatives_per_row,
            seed=request.seed,
            epoch=epoch,
        )
        for epoch in range(request.epochs)
    ]
    everything = [one for epoch in lists for one in epoch]
    columns = {
        "query": [one.query for one in everything],
        "documents": [[one.right, *one.wrong] for one in everything],
        "labels": [[RIGHT, *(0.0 for _ in one.wrong)] for one in everything],
    }
    watched = by_similarity(miner, _for_miner(request, request.test_rows), mined)
    candidates = [found[:WATCHED_CANDIDATES] for found in watched]
    plan = in_order(len(lists[0]), len(lists), request.batch_size)
    return CrossEncoderData(Dataset.from_dict(columns), planned(plan), candidates)


def first_stage(rows: Sequence[TrainRow], candidates: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """1 / rank of each row's category among its candidates, 0 where it is not among them."""
    return tuple(
        1 / (1 + found.index(row.category_id)) if row.category_id in found else 0.0
        for row, found in zip(rows, candidates, strict=True)
    )


def _for_miner(request: RerankerRequest, rows: Sequence[TrainRow]) -> list[TrainRow | Example]:
    """The rows with the texts that the miner reads."""
    texts = request.miner_texts
    if texts is None:
        return list(rows)
    return [replace(row, text=texts.of_transaction(row.fields)) if row.fields else row for row in rows]
