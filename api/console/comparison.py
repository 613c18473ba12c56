"""Two evaluations side by side, in words and tables. Pure: the comparison in, cells out."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.console import captions, charts
from api.console.captions import ChartCaption
from api.console.evaluation_views import EvaluationView
from api.console.tables import MEASURES, Column, Table
from shared.evaluation.comparison import ComparedRow, Comparison
from shared.evaluation.significance import Difference
from shared.kit.measures import Estimate

CHANCE = 0.05  # the p below which a difference is called more than chance
DIFFERENCES = (
    Column("measure", "Measure"),
    Column("baseline", "Baseline", "number"),
    Column("candidate", "Candidate", "number"),
    Column("difference", "Difference", "figure"),
    Column("p", "p", "number"),
    Column("verdict", "In words"),
)
ROWS = (
    Column("merchant", "Merchant"),
    Column("category", "Right category"),
    Column("baseline_suggested", "Baseline suggested"),
    Column("baseline_rank", "Baseline rank", "count"),
    Column("candidate_suggested", "Candidate suggested"),
    Column("candidate_rank", "Candidate rank", "count"),
    Column("change", "Change"),
)


@dataclass(frozen=True)
class ComparisonView:
    """A comparison (GET /v1/evaluations/compare) with the two evaluations that it compares."""

    result: Comparison
    baseline: EvaluationView
    candidate: EvaluationView

    def tables(self) -> dict[str, Table]:
        """The page's tables in full, by name."""
        return {"differences": self.differences(), "rows": self.rows()}

    def differences(self) -> Table:
        """Every measure of both, and the difference in words."""
        rows = [
            [
                _measure(difference),
                difference.baseline,
                difference.candidate,
                self._estimate(difference),
                difference.p,
                verdict(difference),
            ]
            for difference in self.result.differences
        ]
        return Table("differences", "Candidate less baseline, on the same rows", DIFFERENCES, rows)

    def _estimate(self, difference: Difference) -> Estimate:
        return Estimate(
            value=difference.difference, low=difference.low, high=difference.high, n=self.result.n
        )

    def rows(self) -> Table:
        """The rows whose rank changed, regressions first; at most as many as the comparison has."""
        names = {**self.baseline.category_names, **self.candidate.category_names}
        cells = [_cells(row, names) for row in self.result.rows]
        changed = self.result.regressed + self.result.improved
        more = f" (the first {len(cells)} of {changed})" if changed > len(cells) else ""
        return Table("rows", f"Rows whose rank changed, regressions first{more}", ROWS, cells)

    def figures(self) -> dict[str, ChartCaption]:
        """The page's chart, by name."""
        return captions.of_comparison([vars(difference) for difference in self.result.differences])

    def charts(self) -> dict[str, Any]:
        """The Vega-Lite specs of the figures, by name."""
        chart = charts.difference_points([vars(difference) for difference in self.result.differences])
        return {name: charts.spec_of(chart, figure.text) for name, figure in self.figures().items()}


def _cells(row: ComparedRow, names: Mapping[str, str]) -> list[Any]:
    def name_of(category_id: uuid.UUID | None) -> str:
        return names.get(str(category_id), "nothing")

    return [
        row.merchant_name,
        names.get(str(row.category_id), str(row.category_id)),
        name_of(row.baseline_suggested_id),
        row.baseline_rank,
        name_of(row.candidate_suggested_id),
        row.candidate_rank,
        change(row.baseline_rank, row.candidate_rank),
    ]


def verdict(difference: Difference) -> str:
    """The difference in plain words: which of the two is better, and whether chance may have done it."""
    if not difference.difference:
        return "no difference"
    better = "candidate better" if difference.difference > 0 else "candidate worse"
    return f"{better}, {'more than chance' if difference.p < CHANCE else 'may be chance'}"


def change(before: int | None, after: int | None) -> str:
    """Whether the right category came in further up (`better`) or further down (`worse`); None: not found."""
    old, new = (float("inf") if rank is None else rank for rank in (before, after))
    return "worse" if new > old else "better" if new < old else "same"


def _measure(difference: Difference) -> str:
    text = f"{difference.metric}@{difference.k}"
    return MEASURES.get((difference.metric, difference.k), text)
