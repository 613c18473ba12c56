"""The tables of the lab's pages, each of which is a CSV file too. Pure: evaluation JSON in, cells out."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf
from typing import Any, Literal

from shared.kit.lines import safe_cell

Json = Mapping[str, Any]
_NUMBER = re.compile(r"\d[\d,]*")
Kind = Literal["text", "count", "number", "figure"]

STAGES = {
    "served": "As served",
    "without_history": "Without history",
    "without_reranker": "Without reranker",
}
# Path in the metrics, and what people call it.
MEASURES: dict[tuple[str, str], str] = {
    **{("recall", k): f"recall@{k}" for k in ("1", "3", "5", "10")},
    **{("mrr", k): f"MRR@{k}" for k in ("1", "3", "5", "10")},
    ("ndcg", "10"): "NDCG@10",
    ("macro_recall", "1"): "recall@1, mean over categories",
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

    A `figure` is {"value", "low", "high", "n"} and makes four columns of CSV; any cell may be None.
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
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([name for column in self.columns for name in _names(column)])
        for row in self.rows:
            cells = zip(self.columns, row, strict=True)
            writer.writerow([value for column, cell in cells for value in _values(column, cell)])
        return out.getvalue()


def _names(column: Column) -> Sequence[str]:
    if column.kind != "figure":
        return [column.name]
    return [column.name, *(f"{column.name}_{part}" for part in ("low", "high", "n"))]


def _values(column: Column, cell: Any) -> Sequence[Any]:
    if column.kind == "figure":
        return [(cell or {}).get(part, "") for part in ("value", "low", "high", "n")]
    if cell is None:
        return [""]
    return [safe_cell(cell) if isinstance(cell, str) else cell]


def figure_of(metrics: Json, measure: str, k: str) -> Any:
    """The figure {"value", "low", "high", "n"}; None where it was not measured."""
    found = metrics.get(measure)
    return found.get(k) if isinstance(found, Mapping) else None


def stages_of(metrics: Json) -> dict[str, Json]:
    """The figures of serving, and of serving with a part left out, by the names of `STAGES`."""
    parts = {name: metrics.get(name) for name in STAGES if name != "served"}
    return {"served": metrics} | {name: part for name, part in parts.items() if part}


def of_metrics(metrics: Json) -> Table:
    """Every measure, as served and with a part of serving left out."""
    stages = stages_of(metrics)
    columns = [Column("measure", "Measure"), *(Column(name, STAGES[name], "figure") for name in stages)]
    rows: list[list[Any]] = []
    for (measure, k), text in MEASURES.items():
        figures = [figure_of(stage, measure, k) for stage in stages.values()]
        if any(figures):
            rows.append([text, *figures])
    triplets = metrics.get("triplet_accuracy")
    if triplets:
        rows.append(["triplet accuracy", triplets, *([None] * (len(stages) - 1))])
    return Table("metrics", "Measures with 95 % intervals", columns, rows)


def of_slices(report: Json | None) -> Table:
    """The measures of parts of the rows."""
    columns = [
        Column("slice", "Slice"),
        Column("value", "Rows with"),
        Column("n", "n", "count"),
        Column("recall_at_1", "recall@1", "figure"),
        Column("recall_at_5", "recall@5", "figure"),
        Column("mrr_at_5", "MRR@5", "figure"),
    ]
    return Table("slices", "Measures by part of the rows", columns, list(_slices(report)), is_grouped=True)


def _slices(report: Json | None) -> Iterator[Sequence[Any]]:
    found: Json = (report or {}).get("slices") or {}
    for name in [*SLICES, *(name for name in found if name not in SLICES)]:
        for value, measured in sorted((found.get(name) or {}).items(), key=_slice_order(name)):
            if measured.get("n"):
                figures = [
                    figure_of(measured, *one) for one in (("recall", "1"), ("recall", "5"), ("mrr", "5"))
                ]
                yield [SLICES.get(name, in_words(name)), value, measured["n"], *figures]


def _slice_order(name: str) -> Callable[[tuple[str, Json]], Any]:
    """JSON of Postgres keeps no order: departments go by their rows, bands by their numbers."""
    if name == "department":
        return lambda part: (-part[1].get("n", 0), part[0])
    return lambda part: ([float(one.replace(",", "")) for one in _NUMBER.findall(part[0])] or [inf], part[0])


def of_categories(per_category: Json, names: Mapping[str, str]) -> Table:
    """The measures of each category's rows, worst first."""
    columns = [
        Column("category", "Category"),
        Column("n", "n", "count"),
        Column("recall_at_1", "recall@1", "figure"),
        Column("mrr_at_5", "MRR@5", "figure"),
    ]
    rows = [
        [
            names.get(category_id, category_id),
            one.get("n"),
            figure_of(one, "recall", "1"),
            figure_of(one, "mrr", "5"),
        ]
        for category_id, one in per_category.items()
    ]
    rows.sort(key=lambda row: (_value(row[2]), _value(row[3]), -(row[1] or 0), row[0]))
    return Table("categories", "Categories, worst first", columns, rows)


def _value(figure: Json | None) -> float:
    return float(figure["value"]) if figure else 0.0


def of_confusions(report: Json | None) -> Table:
    """Which category was suggested in place of which."""
    columns = [
        Column("category", "Right category"),
        Column("suggested", "Suggested instead"),
        Column("rows", "Rows", "count"),
    ]
    found = (report or {}).get("confusions") or []
    rows = [[one["category"], one["suggested"] or "nothing", one["rows"]] for one in found]
    return Table("confusions", "The twenty most frequent confusions", columns, rows)


def of_reliability(report: Json | None) -> Table:
    """How often suggestions of each score were right."""
    columns = [
        Column("low", "Score from", "number"),
        Column("high", "to", "number"),
        Column("n", "n", "count"),
        Column("mean_score", "Mean score", "number"),
        Column("accuracy", "Share right", "number"),
    ]
    rows = [[one.get(column.name) for column in columns] for one in bins_of(report)]
    return Table("reliability", "Scores and how often they were right", columns, rows)


def bins_of(report: Json | None) -> Sequence[Json]:
    """The bins of the reliability curve; none where none were made."""
    return ((report or {}).get("reliability") or {}).get("bins") or []


def of_map(report: Json | None) -> Table:
    """Where the map has its points."""
    columns = [Column(name, in_words(name)) for name in ("kind", "label", "category_id")]
    columns += [
        Column(f"{when}_{axis}", f"{when} {axis}", "number") for when in ("before", "after") for axis in "xy"
    ]
    rows = [
        [one["kind"], one["label"], one["category_id"], *one["before"], *one["after"]]
        for one in points_of(report)
    ]
    return Table("map", "Points of the map", columns, rows)


def points_of(report: Json | None) -> Sequence[Json]:
    """The points of the map; none where there is no map."""
    return ((report or {}).get("map") or {}).get("points") or []


def in_words(name: str) -> str:
    """A name of the code as people write it: `merchant_majority` becomes `Merchant majority`."""
    return name.replace("_", " ").capitalize()
