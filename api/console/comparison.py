"""Two evaluations side by side, in words and tables. Pure: the comparison's JSON in, cells out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.console import charts, figures
from api.console.evaluation_views import Finding
from api.console.figures import Figure
from api.console.tables import MEASURES, Column, Table

Json = Mapping[str, Any]

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
class Comparison:
    """What a comparison found (GET /v1/evaluations/compare), and the two evaluations that it is of."""

    found: Json
    baseline: Finding
    candidate: Finding

    def tables(self) -> dict[str, Table]:
        """The page's tables in full, by name."""
        return {"differences": self.differences(), "rows": self.rows()}

    def differences(self) -> Table:
        """Every measure of both, and the difference in words."""
        rows = [
            [_measure(one), one["baseline"], one["candidate"], _figure(one), one["p"], verdict(one)]
            for one in self.found["differences"]
        ]
        return Table("differences", "Candidate less baseline, on the same rows", DIFFERENCES, rows)

    def rows(self) -> Table:
        """The rows that came in elsewhere, regressions first; of very many those that the comparison has."""
        names = {**self.baseline.category_names, **self.candidate.category_names}
        cells = [_cells(one, names) for one in self.found["rows"]]
        changed = self.found["regressed"] + self.found["improved"]
        more = f" (the first {len(cells)} of {changed})" if changed > len(cells) else ""
        return Table("rows", f"Rows that came in elsewhere, regressions first{more}", ROWS, cells)

    def figures(self) -> dict[str, Figure]:
        """The page's chart, by name."""
        return figures.of_comparison(self.found["differences"])

    def charts(self) -> dict[str, Any]:
        """The Vega-Lite specs of the figures, by name."""
        chart = charts.differences(self.found["differences"])
        return {name: charts.spec_of(chart, figure.text) for name, figure in self.figures().items()}


def _cells(row: Json, names: Mapping[str, str]) -> list[Any]:
    both = (
        (names.get(str(row[f"{side}_suggested_id"]), "nothing"), row[f"{side}_rank"])
        for side in ("baseline", "candidate")
    )
    category = names.get(str(row["category_id"]), str(row["category_id"]))
    return [row["merchant_name"], category, *(cell for pair in both for cell in pair), change(row)]


def verdict(difference: Json) -> str:
    """The difference in plain words: which of the two is better, and whether chance may have done it."""
    if not difference["difference"]:
        return "no difference"
    better = "candidate better" if difference["difference"] > 0 else "candidate worse"
    return f"{better}, {'more than chance' if difference['p'] < CHANCE else 'may be chance'}"


def change(row: Json) -> str:
    """Whether the right category came in further up (`better`) or further down (`worse`)."""
    before, after = (
        float("inf") if rank is None else rank for rank in (row["baseline_rank"], row["candidate_rank"])
    )
    return "worse" if after > before else "better" if after < before else "same"


def _measure(one: Json) -> str:
    return MEASURES.get((one["metric"], str(one["k"])), f"{one['metric']}@{one['k']}")


def _figure(one: Json) -> Json:
    return {"value": one["difference"], "low": one["low"], "high": one["high"]}
