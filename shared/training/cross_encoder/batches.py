"""The training data of a reranker: a dataset with the lists of all epochs, and its batch sampler."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.engines.encoder import SentenceTransformerEncoder
from shared.training.cross_encoder.lists import Example, epoch_lists, rank_categories
from shared.training.cross_encoder.spec import RerankerRequest
from shared.training.library_trainer import consecutive_batches, planned_sampler
from shared.training.rows import TrainRow

# The loss takes the softmax of a list's labels as the distribution to learn. With this label for the correct
# category and 0 for the others, the softmax puts practically everything on the correct one.
CORRECT_LABEL = 30.0
MEASURED_CANDIDATES = 10


@dataclass(frozen=True)
class RerankerData:
    """A dataset, the class of its batch sampler, and each test row's candidates (category ids)."""

    dataset: Any
    sampler: Any
    test_candidates: list[tuple[str, ...]]


def reranker_data(request: RerankerRequest) -> RerankerData:
    """The lists of all epochs, with the miner's hard negatives.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from datasets import Dataset

    miner = SentenceTransformerEncoder(request.miner, device=request.device, precision="float32")
    miner_texts = request.miner_category_texts or request.category_texts
    rows: list[TrainRow | Example] = [*request.train_rows, *request.examples]
    ranked = rank_categories(
        miner, [*_rows_for_miner(request, request.train_rows), *request.examples], miner_texts
    )
    epochs = [
        epoch_lists(
            rows,
            request.category_texts,
            ranked,
            negatives_per_row=request.negatives_per_row,
            seed=request.seed,
            epoch=epoch,
        )
        for epoch in range(request.epochs)
    ]
    lists = [ranked_list for epoch in epochs for ranked_list in epoch]
    columns = {
        "query": [ranked_list.query for ranked_list in lists],
        "documents": [[ranked_list.correct, *ranked_list.wrong] for ranked_list in lists],
        "labels": [[CORRECT_LABEL, *(0.0 for _ in ranked_list.wrong)] for ranked_list in lists],
    }
    ranked_for_test = rank_categories(miner, _rows_for_miner(request, request.test_rows), miner_texts)
    plan = consecutive_batches(len(epochs[0]), len(epochs), request.batch_size)
    return RerankerData(
        dataset=Dataset.from_dict(columns),
        sampler=planned_sampler(plan),
        test_candidates=[category_ids[:MEASURED_CANDIDATES] for category_ids in ranked_for_test],
    )


def first_stage(rows: Sequence[TrainRow], candidates: Sequence[Sequence[str]]) -> tuple[float, ...]:
    """1 / rank of each row's category among its candidates, 0 where it is not among them."""
    return tuple(
        1 / (1 + category_ids.index(row.category_id)) if row.category_id in category_ids else 0.0
        for row, category_ids in zip(rows, candidates, strict=True)
    )


def _rows_for_miner(request: RerankerRequest, rows: Sequence[TrainRow]) -> list[TrainRow | Example]:
    """The rows in the miner's text format."""
    texts = request.miner_texts
    if texts is None:
        return list(rows)
    return [replace(row, text=texts.of_transaction(row.fields)) if row.fields else row for row in rows]
