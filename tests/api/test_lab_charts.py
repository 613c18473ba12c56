"""The lab's charts and tables, from stored evaluations alone: specs that Vega-Lite takes, numbers in full."""

import csv
import io
import uuid
from typing import Any

import pytest

from api.console import captions, charts, comparison, tables
from shared.evaluation.significance import Difference
from shared.kit.measures import RetrievalMeasures
from shared.registry.reports import EvaluationMetrics, EvaluationReport
from tests.api import lab_examples as example

METRICS = EvaluationMetrics.model_validate(example.metrics())
REPORT = EvaluationReport.model_validate(example.report())
NOTHING = EvaluationMetrics(n=0, recall={}, mrr={})


def drawn() -> dict[str, Any]:
    """Every chart there is."""
    differences = example.comparison()["differences"]
    return {
        "recall": charts.measure_bars(METRICS, "recall", "recall@k"),
        "mrr": charts.measure_bars(METRICS, "mrr", "MRR@k"),
        "slices": charts.slice_points(REPORT),
        "confusions": charts.confusion_bars(REPORT),
        "reliability": charts.reliability_curve(REPORT),
        "map": charts.map_of(REPORT, "after"),
        "leaders": charts.leaders([("base", METRICS.recall[1]), ("base", None)]),
        "differences": charts.difference_points(differences),
    }


def values(chart: Any) -> list[dict[str, Any]]:
    """The rows that the chart draws."""
    values = chart.to_dict()["data"]["values"]
    assert isinstance(values, list)
    return values


def rows_of(table: tables.Table) -> list[dict[str, str]]:
    """The table as another program reads it."""
    return list(csv.DictReader(io.StringIO(table.csv())))


def test_every_chart_fits_the_schema_of_vega_lite() -> None:
    for name, chart in drawn().items():
        schema = chart.properties(width="container").to_dict(validate=True)["$schema"]
        assert "vega-lite/v6" in schema, name
        spec = charts.spec_of(chart, "What it shows")
        # Its colours and fonts are the page's, and nothing in it leads elsewhere.
        assert (spec["width"], spec["description"], "config" in spec) == ("container", "What it shows", False)
        assert "url" not in str(spec).replace(schema, "")


def test_bars_have_the_figures_and_their_intervals() -> None:
    rows = values(drawn()["recall"])
    assert len(rows) == 3 * 4
    [bar] = [row for row in rows if (row["stage"], row["k"]) == ("Without history", 5)]
    assert METRICS.without_history is not None
    estimate = METRICS.without_history.recall[5]
    assert (bar["value"], bar["low"], bar["high"]) == (estimate.value, estimate.low, estimate.high)
    alone = EvaluationMetrics.model_validate(example.measures(0.5))
    assert {row["stage"] for row in values(charts.measure_bars(alone, "mrr", "MRR@k"))} == {"As served"}


def test_a_map_tells_nine_categories_apart_and_no_more() -> None:
    points = [
        {
            "kind": kind,
            "label": f"{kind} {number}",
            "category_id": uuid.UUID(int=number),
            "before": [0, 0],
            "after": [number, 0],
        }
        for number in range(12)
        for kind in ("category", *["transaction"] * (20 - number))
    ]
    report = EvaluationReport.model_validate({"map": {"method": "pca", "points": points}})
    rows = values(charts.map_of(report, "after"))
    assert {row["colour"] for row in rows} == {f"category {number}" for number in range(9)} | {charts.OTHERS}
    assert {row["x"] for row in rows} == set(range(12))
    assert {row["category"] for row in rows if row["label"] == "transaction 11"} == {"category 11"}


def test_words_say_what_a_map_shows() -> None:
    def point(kind: str, category_id: str, x: float) -> dict[str, Any]:
        identity = example.TRAVEL if category_id == "a" else example.MEALS
        return {"kind": kind, "label": "", "category_id": identity, "before": [x, 0], "after": [-x, 0]}

    points = [point("category", "a", 0), point("category", "b", 10)]
    points += [point("transaction", "a", 1), point("transaction", "a", 9), point("transaction", "b", 8)]
    for method, name in (("pca", "PCA"), ("umap", "UMAP")):
        report = EvaluationReport.model_validate({"map": {"method": method, "points": points}})
        text = captions.of_evaluation(NOTHING, report)["map_before"].text
        assert text.startswith(f"{name};")
        assert "2 of 3 transactions are nearest to their own category" in text


def test_there_is_no_figure_without_data() -> None:
    assert captions.of_evaluation(NOTHING, None) == {}
    empty = {"bins": [{"low": 0, "high": 1, "n": 0, "mean_score": None, "accuracy": None}]}
    reliability = {**empty, "expected_calibration_error": None}
    report = EvaluationReport.model_validate({"slices": {}, "map": None, "reliability": reliability})
    assert captions.of_evaluation(NOTHING, report) == {}
    named = captions.of_evaluation(METRICS, REPORT)
    assert list(named) == [
        *("recall", "mrr", "slices", "confusions", "reliability", "map_before", "map_after")
    ]
    assert {figure.table for figure in named.values()} <= {
        *("metrics", "slices", "confusions", "reliability", "map")
    }


def test_csv_has_numbers_in_full_and_no_formula() -> None:
    metrics = {row["measure"]: row for row in rows_of(tables.of_metrics(METRICS))}
    assert METRICS.without_reranker is not None
    estimate = METRICS.without_reranker.recall[3]
    recall = metrics["recall@3"]
    cells = [float(recall[f"without_reranker{part}"]) for part in ("", "_low", "_high", "_n")]
    assert cells == [estimate.value, estimate.low, estimate.high, estimate.n]
    assert metrics["triplet accuracy"]["without_history"] == ""
    per_category = {
        uuid.UUID(id_): RetrievalMeasures.model_validate(measures)
        for id_, measures in example.per_category().items()
    }
    [worst, *_, best] = rows_of(tables.of_categories(per_category, example.NAMES))
    assert (worst["category"], worst["n"], float(worst["recall_at_1"])) == (
        f"'{example.NAMES[example.SOFTWARE]}",
        "6",
        0.0,
    )
    assert best["category"] == "Travel: lodging"
    [first, *_] = rows_of(tables.of_confusions(REPORT))
    assert first == {"category": "Meals", "suggested": "Travel: lodging", "rows": "7"}


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("labelled_rows", ["0", "1-4", "5-19", "20-99", "100+"]),
        ("amount_band", ["under 10", "10 to 100", "1,000 to 10,000", "100,000 or more", "refund"]),
        ("merchant_seen", ["seen", "unseen"]),
        ("department", ["Zoo", "Art", "none"]),
    ],
)
def test_slices_are_in_an_order_that_people_expect(name: str, order: list[str]) -> None:
    # Postgres gives the keys of an object by their length, then by their letters.
    stored = sorted(order, key=lambda part: (len(part), part))
    parts = {part: example.measures(0.5, 60 - order.index(part)) for part in stored}
    report = EvaluationReport.model_validate({"slices": {name: parts}})
    assert [row[1] for row in tables.of_slices(report).rows] == order


@pytest.mark.parametrize(
    ("difference", "p", "words"),
    [
        (0.1, 0.049, "candidate better, more than chance"),
        (-0.1, 0.001, "candidate worse, more than chance"),
        (0.1, 0.05, "candidate better, may be chance"),
        (0.0, 1.0, "no difference"),
    ],
)
def test_a_difference_in_words(difference: float, p: float, words: str) -> None:
    assert comparison.verdict(Difference("recall", 1, 0.5, 0.5, difference, -1.0, 1.0, p)) == words


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [(1, 2, "worse"), (1, None, "worse"), (None, 9, "better"), (3, 1, "better"), (None, None, "same")],
)
def test_a_change_in_words(before: int | None, after: int | None, word: str) -> None:
    assert comparison.change(before, after) == word
