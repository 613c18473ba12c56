"""The figures of a model card: of the training's test rows, of evaluations, and of two on the same rows."""

import uuid
from collections.abc import Mapping
from typing import Any

from shared.kit.intervals import figure
from shared.registry.tables import Evaluation

_MRR_AT = 5


def of_test(test: Mapping[str, Any]) -> dict[str, Any]:
    """What a training noted of its test rows, ready to be shown: `training/comparing.py` has its shape."""
    rows = [
        {"label": label}
        | {side: _shown(test[side][name]) for side in ("before", "after")}
        | {"difference": _signed(test["difference"][name])}
        for name, label in (("recall_at_1", "recall@1"), ("recall_at_5", "recall@5"), ("mrr", "MRR"))
    ]
    return {"rows": rows, **{name: test[name] for name in ("n", "improved", "regressed", "unchanged")}}


def of_evaluation(found: Evaluation, dataset: str) -> list[dict[str, Any]]:
    """A row of the table of evaluations; two where a reranker stood behind the model, with it and without."""
    stages = {"with the reranker": found.metrics, "without it": found.metrics.get("without_reranker")}
    if found.reranker_version_id is None:
        stages = {"this one": found.metrics}
    return [
        {
            "dataset": dataset,
            "split": found.split,
            "n": metrics["n"],
            "model": model,
            "recall_1": _shown(metrics["recall"]["1"]),
            "recall_5": _shown(metrics["recall"]["5"]),
            "mrr_5": _shown(metrics["mrr"][str(_MRR_AT)]),
        }
        for model, metrics in stages.items()
        if metrics is not None
    ]


def compare(
    before: Mapping[uuid.UUID, int | None], after: Mapping[uuid.UUID, int | None]
) -> dict[str, Any] | None:
    """The differences row by row, of the ranks of the rows that both have; None where there are none."""
    both = sorted(before.keys() & after.keys())
    if not both:
        return None
    pairs = [(before[item], after[item]) for item in both]
    hits = [float(new == 1) - float(old == 1) for old, new in pairs]
    reciprocals = [_reciprocal(new) - _reciprocal(old) for old, new in pairs]
    return {
        "n": len(both),
        "recall_1": _signed(vars(figure(hits))),
        "mrr_5": _signed(vars(figure(reciprocals))),
        "improved": sum(_place(new) < _place(old) for old, new in pairs),
        "regressed": sum(_place(new) > _place(old) for old, new in pairs),
    }


def _reciprocal(rank: int | None) -> float:
    return 1 / rank if rank is not None and rank <= _MRR_AT else 0.0


def _place(rank: int | None) -> float:
    return float("inf") if rank is None else rank


def _shown(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:  # JSON has no NaN: of no rows
        return "none"
    return "{value:.3f} ({low:.3f} to {high:.3f})".format(**figure)


def _signed(figure: Mapping[str, Any]) -> str:
    return "{value:+.3f} ({low:+.3f} to {high:+.3f})".format(**figure)
