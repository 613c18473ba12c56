"""What the overall figure hides: the same figures for parts of the rows, and what is taken for what. Pure."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from shared.datasets.service import Item
from shared.evaluation.metrics import evaluate_by
from shared.evaluation.runner import EvaluationRows, RankedRow
from shared.kit.measures import RetrievalMeasures
from shared.kit.text import tidy
from shared.registry.reports import ConfusedPair, Reliability, ReliabilityBin
from shared.transactions.merchant import merchant_key
from shared.transactions.text import amount_band

CONFUSIONS = 20
DEPARTMENTS = 20
BINS = 10
LABELLED = ((0, "0"), (4, "1-4"), (19, "5-19"), (99, "20-99"))


def slices(answers: Sequence[RankedRow], rows: EvaluationRows) -> dict[str, dict[str, RetrievalMeasures]]:
    """recall@k and MRR@k of the rows by what was seen of them, how large they are and who spent.

    Seen: a category or merchant that a row of the dataset's train split has. `labelled_rows`: how many rows
    of the row's category speak as history. Parts without rows are left out; of the departments, the 20
    largest stay.
    """
    categories = {item.category_id for item in rows.train}
    merchants = {merchant_key(item.fields.merchant_name) for item in rows.train}
    labelled = Counter(item.category_id for item in rows.history)
    departments = Counter(_department(answer.item) for answer in answers)
    largest = {name for name, _ in departments.most_common(DEPARTMENTS)}
    part_of: dict[str, Callable[[Item], str]] = {
        "category_seen": lambda item: _seen(item.category_id in categories),
        "merchant_seen": lambda item: _seen(merchant_key(item.fields.merchant_name) in merchants),
        "amount_band": lambda item: amount_band(item.fields.amount) or "none",
        "labelled_rows": lambda item: _labelled(labelled[item.category_id]),
        "department": _department,
    }
    measured = {name: _measure_parts(answers, part) for name, part in part_of.items()}
    measured["department"] = {
        name: measures for name, measures in measured["department"].items() if name in largest
    }
    return measured


def confusions(answers: Sequence[RankedRow], names: Mapping[uuid.UUID, str]) -> tuple[ConfusedPair, ...]:
    """The pairs of a row's category and the other one that came first, the 20 with most rows first."""
    pairs = Counter(
        (answer.item.category_id, answer.suggested_category_id)
        for answer in answers
        if answer.suggested_category_id not in (None, answer.item.category_id)
    )
    ordered = sorted(pairs.items(), key=lambda pair_and_rows: (-pair_and_rows[1], str(pair_and_rows[0])))
    return tuple(
        ConfusedPair(
            category_id=own,
            category=names[own],
            suggested_id=suggested,
            suggested=names[suggested],
            rows=rows,
        )
        for (own, suggested), rows in ordered[:CONFUSIONS]
        if suggested is not None
    )


def reliability(answers: Sequence[RankedRow]) -> Reliability:
    """Whether a first suggestion's score is the chance that it is right: ten bins of equal width, and the
    expected calibration error, the mean over the rows of their bin's |accuracy - mean score| (Guo et al.,
    2017, arXiv:1706.04599). Rows without a suggestion are in no bin.
    """
    scored = [(answer.score, answer.rank == 1) for answer in answers if answer.score is not None]
    scores = np.array([score for score, _ in scored], dtype=np.float64)
    right = np.array([is_right for _, is_right in scored], dtype=np.float64)
    bin_of = np.minimum((scores * BINS).astype(int), BINS - 1)
    bins, error = [], 0.0
    for number in range(BINS):
        inside = bin_of == number
        n = int(inside.sum())
        mean, accuracy = (float(scores[inside].mean()), float(right[inside].mean())) if n else (None, None)
        if mean is not None and accuracy is not None:
            error += n / len(scored) * abs(accuracy - mean)
        low, high = number / BINS, (number + 1) / BINS
        bins.append(ReliabilityBin(low=low, high=high, n=n, mean_score=mean, accuracy=accuracy))
    return Reliability(bins=tuple(bins), expected_calibration_error=error if scored else None)


def _measure_parts(
    answers: Sequence[RankedRow], part_of: Callable[[Item], str]
) -> dict[str, RetrievalMeasures]:
    parts = [part_of(answer.item) for answer in answers]
    metrics = evaluate_by(parts, [answer.rank for answer in answers])
    return {part: metrics[part].as_short_measures() for part in sorted(metrics)}


def _seen(is_seen: bool) -> str:
    return "seen" if is_seen else "unseen"


def _labelled(count: int) -> str:
    return next((name for limit, name in LABELLED if count <= limit), "100+")


def _department(item: Item) -> str:
    return tidy(item.fields.department) or "none"
