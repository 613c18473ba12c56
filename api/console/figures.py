"""The charts that a page of the lab has, and what each shows in words. Pure; charts.py draws them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import dist
from typing import Any

from api.console.tables import bins_of, figure_of, of_slices, points_of

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A chart: its name in charts.json, its title, what it shows in words, and the table of its numbers."""

    name: str
    title: str
    text: str
    table: str


def of_evaluation(metrics: Json, report: Json | None) -> dict[str, Figure]:
    """The figures that this evaluation has data for, by name."""
    found = [
        *(_measures(metrics, "recall", "recall@k"), _measures(metrics, "mrr", "MRR@k")),
        *(_slices(report), _confusions(report), _reliability(report), *_maps(report)),
    ]
    return {figure.name: figure for figure in found if figure is not None}


def of_comparison(differences: Sequence[Json]) -> dict[str, Figure]:
    """The figure of a comparison, by name."""
    if not differences:
        return {}
    text = "Candidate less baseline with 95 % intervals; an interval that has 0 in it may be chance."
    return {"differences": Figure("differences", "Differences", text, "differences")}


def of_leaderboard(best: str, figure: Json | None) -> dict[str, Figure]:
    """The figure of a leaderboard, given its first row, by name."""
    if figure is None:
        return {}
    text = (
        f"Highest: {best}, {_interval(figure)}. Intervals that overlap say little: compare two by their rows."
    )
    return {"leaders": Figure("leaders", "recall@1", text, "leaderboard")}


def _measures(metrics: Json, measure: str, title: str) -> Figure | None:
    parts = [
        f"@{k} {_interval(one)}" for k in ("1", "3", "5", "10") if (one := figure_of(metrics, measure, k))
    ]
    return Figure(measure, title, f"As served: {', '.join(parts)}.", "metrics") if parts else None


def _interval(figure: Json) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.2f} to {figure['high']:.2f})"


def _slices(report: Json | None) -> Figure | None:
    rows = [row for row in of_slices(report).rows if row[3]]
    if not rows:
        return None
    name, value, n, one, *_ = min(rows, key=lambda row: row[3]["value"])
    text = f"Lowest: {name}: {value}, {_interval(one)}, {n} rows."
    return Figure("slices", "recall@1 by part of the rows", text, "slices")


def _confusions(report: Json | None) -> Figure | None:
    found = (report or {}).get("confusions") or []
    if not found:
        return None
    first = found[0]
    text = (
        f"Most often: {first['category']} taken for {first['suggested'] or 'nothing'}, {first['rows']} rows."
    )
    return Figure("confusions", "Confusions", text, "confusions")


def _reliability(report: Json | None) -> Figure | None:
    if not any(one["n"] for one in bins_of(report)):
        return None
    error = (report or {})["reliability"]["expected_calibration_error"]
    text = (
        f"Expected calibration error {error:.3f}: scores are so far from the share that was right. "
        "Above the dashed line the model is better than it says, below it worse."
    )
    return Figure("reliability", "Reliability", text, "reliability")


def _maps(report: Json | None) -> list[Figure]:
    if not points_of(report):
        return []
    method = str((report or {})["map"].get("method", "pca")).upper()
    signs = f"{method}; diamonds are categories, dots transactions."
    # Of the base model there is no after.
    is_trained = any(one["before"] != one["after"] for one in points_of(report))
    titles = (("before", "Before training"), *([("after", "After training")] if is_trained else []))
    return [
        Figure(f"map_{when}", title, f"{signs} {_nearest(report, when)}", "map") for when, title in titles
    ]


def _nearest(report: Json | None, when: str) -> str:
    """How many transactions of the map lie nearest to their own category."""
    points = points_of(report)
    places = {one["category_id"]: one[when] for one in points if one["kind"] == "category"}
    asked = [one for one in points if one["kind"] == "transaction" and one["category_id"] in places]
    if not asked:
        return "No transaction on it has its category there."
    own = sum(
        min(places, key=lambda name: dist(places[name], one[when])) == one["category_id"] for one in asked
    )
    return f"{own} of {len(asked)} transactions are nearest to their own category, as far as the map shows."
