"""The tables of the lab's pages, each of which is a CSV file too. Pure: evaluations in, cells out."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf
from typing import Any, Literal

from shared.kit.lines import csv_line
from shared.kit.measures import Estimate, RetrievalMeasures
from shared.registry.reports import EvaluationMetrics, EvaluationReport, MapPoint

_NUMBER = re.compile(r"\d[\d,]*")
Kind = Literal["text", "count", "number", "figure"]

STAGES = {
    "served": "As served",
    "without_history": "Without history",
    "without_reranker": "Without reranker",
}
# Measure and k, and what people call it.
MEASURES: dict[tuple[str, int], str] = {
    **{("recall", k): f"recall@{k}" for k in (1, 3, 5, 10)},
    **{("mrr", k): f"MRR@{k}" for k in (1, 3, 5, 10)},
    ("ndcg", 10): "NDCG@10",
    ("macro_recall", 1): "recall@1, mean over categories",
}
SLICES = {
    "category_seen": "Category, in training",
    "merchant_seen": "Merchant, in training",
    "labelled_rows": "Labelled rows of the category",
    "amount_band": "Amount",
    "department": "Department",
}


@dataclass(frozen=True)
class Column:
    """A column: its name in CSV, its heading on the page, and what its cells are.

    A `figure` is an `Estimate` and makes four columns of CSV; any cell may be None.
    """

    name: str
    heading: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """Rows of cells, the first of each naming the row; or, where grouped, the rows that share a heading."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    is_grouped: bool = False

    @property
    def shown_columns(self) -> Sequence[Column]:
        """The columns of the page's table; what groups the rows is no column there."""
        return self.columns[1:] if self.is_grouped else self.columns

    @property
    def groups(self) -> list[tuple[str, list[Sequence[Any]]]]:
        """(heading, rows without it) of each group in order; all rows in one where they are not grouped."""
        if not self.is_grouped:
            return [("", list(self.rows))]
        return [
            (head, [row[1:] for row in rows]) for head, rows in groupby(self.rows, key=lambda row: row[0])
        ]

    def csv(self) -> str:
        """The table as a file: numbers in full, and no text that a spreadsheet takes for a formula."""
        lines = [csv_line(name for column in self.columns for name in _names(column))]
        for row in self.rows:
            cells = zip(self.columns, row, strict=True)
            lines.append(csv_line(value for column, cell in cells for value in _values(column, cell)))
        return "".join(lines)


def _names(column: Column) -> Sequence[str]:
    if column.kind != "figure":
        return [column.name]
    return [column.name, *(f"{column.name}_{part}" for part in ("low", "high", "n"))]


def _values(column: Column, cell: Any) -> Sequence[Any]:
    if column.kind == "figure":
        return [None] * 4 if cell is None else [cell.value, cell.low, cell.high, cell.n]
    return [cell]


def stages_of(metrics: EvaluationMetrics) -> dict[str, RetrievalMeasures]:
    """The measures of serving, and of serving with a part left out, by the names of `STAGES`."""
    stages: dict[str, RetrievalMeasures | None] = {
        "served": metrics,
        "without_history": metrics.without_history,
        "without_reranker": metrics.without_reranker,
    }
    return {name: measures for name, measures in stages.items() if measures is not None}


def of_metrics(metrics: EvaluationMetrics) -> Table:
    """Every measure, as served and with a part of serving left out."""
    stages = stages_of(metrics)
    columns = [Column("measure", "Measure"), *(Column(name, STAGES[name], "figure") for name in stages)]
    rows: list[list[Any]] = []
    for (measure, k), text in MEASURES.items():
        estimates = [measures.find(measure, k) for measures in stages.values()]
        if any(estimates):
            rows.append([text, *estimates])
    if metrics.triplet_accuracy is not None:
        rows.append(["triplet accuracy", metrics.triplet_accuracy, *([None] * (len(stages) - 1))])
    return Table("metrics", "Measures with 95 % intervals", columns, rows)


def of_slices(report: EvaluationReport | None) -> Table:
    """The measures of parts of the rows."""
    columns = [
        Column("slice", "Slice"),
        Column("value", "Rows with"),
        Column("n", "n", "count"),
        Column("recall_at_1", "recall@1", "figure"),
        Column("recall_at_5", "recall@5", "figure"),
        Column("mrr_at_5", "MRR@5", "figure"),
    ]
    rows = [] if report is None else list(_slices(report.slices))
    return Table("slices", "Measures by part of the rows", columns, rows, is_grouped=True)


def _slices(slices: Mapping[str, Mapping[str, RetrievalMeasures]]) -> Iterator[Sequence[Any]]:
    for name in [*SLICES, *(name for name in slices if name not in SLICES)]:
        for value, measures in sorted(slices.get(name, {}).items(), key=_slice_order(name)):
            if measures.n:
                estimates = [measures.find(*path) for path in (("recall", 1), ("recall", 5), ("mrr", 5))]
                yield [SLICES.get(name, in_words(name)), value, measures.n, *estimates]


def _slice_order(name: str) -> Callable[[tuple[str, RetrievalMeasures]], Any]:
    """JSON of Postgres keeps no order: departments go by their rows, bands by their numbers."""
    if name == "department":
        return lambda part: (-part[1].n, part[0])
    return lambda part: (
        [float(number.replace(",", "")) for number in _NUMBER.findall(part[0])] or [inf],
        part[0],
    )


def of_categories(per_category: Mapping[uuid.UUID, RetrievalMeasures], names: Mapping[str, str]) -> Table:
    """The measures of each category's rows, worst first."""
    columns = [
        Column("category", "Category"),
        Column("n", "n", "count"),
        Column("recall_at_1", "recall@1", "figure"),
        Column("mrr_at_5", "MRR@5", "figure"),
    ]

    def order(row: tuple[str, int, Estimate | None, Estimate | None]) -> tuple[float, float, int, str]:
        name, n, recall, mrr = row
        return _value(recall), _value(mrr), -n, name

    rows = [
        (
            names.get(str(category_id), str(category_id)),
            measures.n,
            measures.find("recall", 1),
            measures.find("mrr", 5),
        )
        for category_id, measures in per_category.items()
    ]
    rows.sort(key=order)
    return Table("categories", "Categories, worst first", columns, rows)


def _value(estimate: Estimate | None) -> float:
    return 0.0 if estimate is None or estimate.value is None else estimate.value


def of_confusions(report: EvaluationReport | None) -> Table:
    """Which category was suggested in place of which."""
    columns = [
        Column("category", "Right category"),
        Column("suggested", "Suggested instead"),
        Column("rows", "Rows", "count"),
    ]
    pairs = () if report is None else report.confusions
    rows = [[pair.category, pair.suggested or "nothing", pair.rows] for pair in pairs]
    return Table("confusions", "The twenty most frequent confusions", columns, rows)


def of_reliability(report: EvaluationReport | None) -> Table:
    """How often suggestions of each score were right."""
    columns = [
        Column("low", "Score from", "number"),
        Column("high", "to", "number"),
        Column("n", "n", "count"),
        Column("mean_score", "Mean score", "number"),
        Column("accuracy", "Share right", "number"),
    ]
    bins = () if report is None else report.reliability.bins
    rows = [[getattr(bin_, column.name) for column in columns] for bin_ in bins]
    return Table("reliability", "Scores and how often they were right", columns, rows)


def of_map(report: EvaluationReport | None) -> Table:
    """Where the map has its points."""
    columns = [Column(name, in_words(name)) for name in ("kind", "label", "category_id")]
    columns += [
        Column(f"{when}_{axis}", f"{when} {axis}", "number") for when in ("before", "after") for axis in "xy"
    ]
    rows = [
        [point.kind, point.label, str(point.category_id), *point.before, *point.after]
        for point in points_of(report)
    ]
    return Table("map", "Points of the map", columns, rows)


def points_of(report: EvaluationReport | None) -> Sequence[MapPoint]:
    """The points of the map; none where there is no map."""
    return () if report is None or report.map is None else report.map.points


def in_words(name: str) -> str:
    """A name of the code as people write it: `merchant_majority` becomes `Merchant majority`."""
    return name.replace("_", " ").capitalize()
