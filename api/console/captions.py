"""The captions of the lab's charts: a title, and what the chart shows in words. Pure; charts.py draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import dist
from typing import Any

from api.console.tables import of_slices, points_of
from shared.kit.measures import Estimate
from shared.registry.reports import EvaluationMetrics, EvaluationReport

Json = Mapping[str, Any]


@dataclass(frozen=True)
class ChartCaption:
    """A chart's name in charts.json, its title, what it shows in words, and the table with its numbers."""

    name: str
    title: str
    text: str
    table: str


def of_evaluation(metrics: EvaluationMetrics, report: EvaluationReport | None) -> dict[str, ChartCaption]:
    """The figures that this evaluation has data for, by name."""
    captions = [
        *(_measures(metrics, "recall", "recall@k"), _measures(metrics, "mrr", "MRR@k")),
        *(_slices(report), _confusions(report), _reliability(report), *_maps(report)),
    ]
    return {figure.name: figure for figure in captions if figure is not None}


def of_comparison(differences: Sequence[Json]) -> dict[str, ChartCaption]:
    """The figure of a comparison, by name."""
    if not differences:
        return {}
    text = "Candidate less baseline with 95 % intervals; an interval that has 0 in it may be chance."
    return {"differences": ChartCaption("differences", "Differences", text, "differences")}


def of_leaderboard(best: str, figure: Estimate | None) -> dict[str, ChartCaption]:
    """The figure of a leaderboard, given its first row, by name."""
    if figure is None:
        return {}
    text = (
        f"Highest: {best}, {_interval(figure)}. Intervals that overlap say little: compare two by their rows."
    )
    return {"leaders": ChartCaption("leaders", "recall@1", text, "leaderboard")}


def _measures(metrics: EvaluationMetrics, measure: str, title: str) -> ChartCaption | None:
    estimates = {k: metrics.find(measure, k) for k in (1, 3, 5, 10)}
    parts = [f"@{k} {_interval(estimate)}" for k, estimate in estimates.items() if estimate is not None]
    return ChartCaption(measure, title, f"As served: {', '.join(parts)}.", "metrics") if parts else None


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _slices(report: EvaluationReport | None) -> ChartCaption | None:
    rows = [row for row in of_slices(report).rows if row[3]]
    if not rows:
        return None
    name, value, n, recall, *_ = min(rows, key=lambda row: row[3].value)
    text = f"Lowest: {name}: {value}, {_interval(recall)}, {n} rows."
    return ChartCaption("slices", "recall@1 by part of the rows", text, "slices")


def _confusions(report: EvaluationReport | None) -> ChartCaption | None:
    if report is None or not report.confusions:
        return None
    first = report.confusions[0]
    text = f"Most often: {first.category} taken for {first.suggested or 'nothing'}, {first.rows} rows."
    return ChartCaption("confusions", "Confusions", text, "confusions")


def _reliability(report: EvaluationReport | None) -> ChartCaption | None:
    if report is None or not any(bin_.n for bin_ in report.reliability.bins):
        return None
    error = report.reliability.expected_calibration_error
    text = (
        f"Expected calibration error {error:.3f}: scores are so far from the share that was right. "
        "Above the dashed line the model is better than it says, below it worse."
    )
    return ChartCaption("reliability", "Reliability", text, "reliability")


def _maps(report: EvaluationReport | None) -> list[ChartCaption]:
    if report is None or report.map is None or not report.map.points:
        return []
    signs = f"{report.map.method.upper()}; diamonds are categories, dots transactions."
    # Of the base model there is no after.
    is_trained = any(point.before != point.after for point in report.map.points)
    titles = (("before", "Before training"), *([("after", "After training")] if is_trained else []))
    return [
        ChartCaption(f"map_{when}", title, f"{signs} {_nearest(report, when)}", "map")
        for when, title in titles
    ]


def _nearest(report: EvaluationReport | None, when: str) -> str:
    """How many transactions of the map lie nearest to their own category."""
    points = points_of(report)
    places = {point.category_id: getattr(point, when) for point in points if point.kind == "category"}
    transactions = [point for point in points if point.kind == "transaction" and point.category_id in places]
    if not transactions:
        return "No transaction on it has its category there."
    own = sum(
        min(places, key=lambda id_: dist(places[id_], getattr(point, when))) == point.category_id
        for point in transactions
    )
    total = len(transactions)
    return f"{own} of {total} transactions are nearest to their own category, as far as the map shows."
