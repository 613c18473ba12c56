"""What the overall figure hides: the same figures for parts of the rows, and what is taken for what. Pure."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from shared.datasets.service import Item
from shared.evaluation import metrics
from shared.evaluation.figures import as_json
from shared.evaluation.runner import EvaluationRows, RankedRow
from shared.transactions.merchant import clean_merchant
from shared.transactions.text import amount_band

CONFUSIONS = 20
DEPARTMENTS = 20
BINS = 10
LABELLED = ((0, "0"), (4, "1-4"), (19, "5-19"), (99, "20-99"))


def merchant_key(item: Item) -> str:
    """A row's merchant as merchants are compared: cleaned and folded."""
    return clean_merchant(item.fields.merchant_name).strip().casefold()


def slices(answers: Sequence[RankedRow], rows: EvaluationRows) -> dict[str, Any]:
    """recall@k and MRR@k of the rows by what was seen of them, how large they are and who spent.

    Seen: a category or merchant that a row of the dataset's train split has. `labelled_rows`: how many rows
    of the row's category speak as history. Parts without rows are left out; of the departments, the 20
    largest stay.
    """
    categories = {item.category_id for item in rows.train}
    merchants = {merchant_key(item) for item in rows.train}
    labelled = Counter(item.category_id for item in rows.history)
    departments = Counter(_department(answer.item) for answer in answers)
    largest = {name for name, _ in departments.most_common(DEPARTMENTS)}
    by: dict[str, Callable[[Item], str]] = {
        "category_seen": lambda item: _seen(item.category_id in categories),
        "merchant_seen": lambda item: _seen(merchant_key(item) in merchants),
        "amount_band": lambda item: amount_band(item.fields.amount) or "none",
        "labelled_rows": lambda item: _labelled(labelled[item.category_id]),
        "department": _department,
    }
    found = {name: _by(answers, part_of) for name, part_of in by.items()}
    found["department"] = {name: one for name, one in found["department"].items() if name in largest}
    return found


def confusions(answers: Sequence[RankedRow], names: Mapping[uuid.UUID, str]) -> list[dict[str, Any]]:
    """The pairs of a row's category and the other one that came first, the 20 with most rows first."""
    pairs = Counter(
        (answer.item.category_id, answer.suggested_category_id)
        for answer in answers
        if answer.suggested_category_id not in (None, answer.item.category_id)
    )
    ordered = sorted(pairs.items(), key=lambda one: (-one[1], str(one[0])))
    return [
        {
            "category_id": str(own),
            "category": names[own],
            "suggested_id": str(other),
            "suggested": names[other],
            "rows": rows,
        }
        for (own, other), rows in ordered[:CONFUSIONS]
        if other is not None
    ]


def reliability(answers: Sequence[RankedRow]) -> dict[str, Any]:
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
        edges = {"low": number / BINS, "high": (number + 1) / BINS}
        bins.append({**edges, "n": n, "mean_score": mean, "accuracy": accuracy})
    return {"bins": bins, "expected_calibration_error": error if scored else None}


def _by(answers: Sequence[RankedRow], part_of: Callable[[Item], str]) -> dict[str, Any]:
    parts = [part_of(answer.item) for answer in answers]
    found = metrics.evaluate_by(parts, [answer.rank for answer in answers])
    return {name: as_json(found[name], ("recall", "mrr")) for name in sorted(found)}


def _seen(is_seen: bool) -> str:
    return "seen" if is_seen else "unseen"


def _labelled(count: int) -> str:
    return next((name for limit, name in LABELLED if count <= limit), "100+")


def _department(item: Item) -> str:
    return " ".join((item.fields.department or "").split()) or "none"
