"""What an evaluation and a comparison look like as JSON, in the shapes that the lab's pages take."""

import random
import uuid
from typing import Any

Json = dict[str, Any]

TRAVEL, MEALS, SOFTWARE, NEVER = (str(uuid.UUID(int=number)) for number in (1, 2, 3, 4))
NAMES = {TRAVEL: "Travel: lodging", MEALS: "Meals", SOFTWARE: "=Software & <subscriptions>", NEVER: "Gifts"}


def figure(value: float, n: int = 66) -> Json:
    """A figure with an interval that a sample of this size has, about."""
    half = 0.98 / n**0.5
    return {"value": value, "low": max(0.0, value - half), "high": min(1.0, value + half), "n": n}


def measures(best: float, n: int = 66) -> Json:
    """recall@k and MRR@k that grow with k."""
    steps = {k: best + (1 - best) * share for k, share in (("1", 0.0), ("3", 0.5), ("5", 0.6), ("10", 0.8))}
    return {
        "n": n,
        "recall": {k: figure(value, n) for k, value in steps.items()},
        "mrr": {k: figure(best + (value - best) / 2, n) for k, value in steps.items()},
    }


def metrics(best: float = 0.7) -> Json:
    """All that is measured of an evaluation."""
    more = {"ndcg": {"10": figure(best + 0.1)}, "macro_recall": {"1": figure(best - 0.05)}}
    return {
        **measures(best),
        **more,
        "triplet_accuracy": figure(0.95),
        "without_history": {**measures(best - 0.2), **more},
        "without_reranker": {**measures(best - 0.1), **more},
    }


def per_category() -> Json:
    """Three categories, of which one was never right."""
    return {TRAVEL: measures(0.9, 40), MEALS: measures(0.5, 20), SOFTWARE: measures(0.0, 6)}


def report(seed: int = 0) -> Json:
    """Slices, confusions, reliability and a map of thirty points."""
    rng = random.Random(seed)
    ids = [TRAVEL, MEALS, SOFTWARE]
    centres = {category_id: (number, number % 2) for number, category_id in enumerate(ids)}

    def place(category_id: str, spread: float) -> list[float]:
        return [centre + rng.gauss(0, spread) for centre in centres[category_id]]

    points: list[Json] = [
        *(
            {"kind": "category", "label": NAMES[category_id], "category_id": category_id}
            for category_id in ids
        ),
        *(
            {"kind": "transaction", "label": f"Row {number}", "category_id": ids[number % 3]}
            for number in range(30)
        ),
    ]
    for point in points:
        point |= {"before": place(point["category_id"], 0.8), "after": place(point["category_id"], 0.1)}
    parts = ("category_seen", "merchant_seen")
    return {
        "slices": {
            **{name: {"seen": measures(0.8, 60), "unseen": measures(0.2, 6)} for name in parts},
            "amount_band": {"under 10": measures(0.6, 30), "10 to 100": measures(0.75, 36)},
            "labelled_rows": {"0": measures(0.2, 6), "1-4": measures(0.5, 20), "100+": measures(0.9, 40)},
            "department": {"Sales": measures(0.7, 50), "R&D": measures(0.6, 16)},
        },
        "confusions": [
            confusion(MEALS, TRAVEL, 7),
            confusion(SOFTWARE, MEALS, 4),
            {**confusion(SOFTWARE, MEALS, 1), "suggested_id": None, "suggested": None},
        ],
        "reliability": {
            "bins": [
                {
                    "low": low / 10,
                    "high": (low + 1) / 10,
                    "n": low * 2,
                    "mean_score": low / 10 + 0.05,
                    "accuracy": low / 12,
                }
                for low in range(10)
            ],
            "expected_calibration_error": 0.123,
        },
        "map": {"method": "pca", "points": points},
    }


def confusion(right: str, suggested: str, rows: int) -> Json:
    """A pair that was mistaken so often."""
    return {
        **{"category_id": right, "category": NAMES[right]},
        **{"suggested_id": suggested, "suggested": NAMES[suggested], "rows": rows},
    }


def comparison() -> Json:
    """What comparing two evaluations found: one row better, one worse, one as it was."""
    rows = [("recall", 1, 0.1, 0.02), ("recall", 5, 0.0, 1.0), ("mrr", 5, -0.05, 0.4)]
    ranks = [(1, None, TRAVEL, MEALS), (4, 1, TRAVEL, SOFTWARE), (2, 2, MEALS, MEALS)]
    return {
        "warnings": [],
        "n": 3,
        "differences": [
            {
                **{"metric": metric, "k": k, "baseline": 0.6, "candidate": 0.6 + difference},
                **{"difference": difference, "low": difference - 0.08, "high": difference + 0.08, "p": p},
            }
            for metric, k, difference, p in rows
        ],
        **{"improved": 1, "regressed": 1, "unchanged": 1},
        "rows": [
            {
                **{"dataset_item_id": str(uuid.UUID(int=number)), "category_id": SOFTWARE},
                "merchant_name": f"+Merchant {number}",
                **{"baseline_rank": before, "candidate_rank": after},
                **{"baseline_suggested_id": suggested, "candidate_suggested_id": then},
            }
            for number, (before, after, suggested, then) in enumerate(ranks)
        ],
    }
