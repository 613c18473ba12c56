"""The lab's charts as Vega-Lite specs, made with Altair. Pure: evaluation JSON in, a chart out.

Colours, fonts and grid are the page's: the browser adds them as Vega's config (static/lab.js). Charts are as
wide as the page lets them be. Altair is imported inside functions: the door does not wait for it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from api.console.tables import STAGES, of_slices, points_of, stages_of
from shared.kit.measures import Estimate
from shared.registry.reports import EvaluationMetrics, EvaluationReport

Chart = Any  # Altair's `encode` and `mark_…` have no types of their own
Json = Mapping[str, Any]
Spec = dict[str, Any]

KS = (1, 3, 5, 10)
COLOURED = 9  # categories that the map tells apart; more colours than that nobody does
OTHERS = "other categories"


def spec_of(chart: Chart, description: str) -> Spec:
    """The chart as JSON for the browser, its description for those who hear it."""
    # Schema validation takes longer than all the rest; the tests do it.
    spec: Spec = chart.properties(width="container", description=description).to_dict(validate=False)
    # Altair's own sizes and fonts would come before the page's.
    spec.pop("config", None)
    return spec


def measure_bars(metrics: EvaluationMetrics, measure: str, title: str) -> Chart:
    """A bar for each k and stage of serving, with its 95 % interval; of `recall` or `mrr`."""
    import altair as alt

    rows = [
        {"k": k, "stage": STAGES[stage], **_interval(estimate)}
        for stage, measures in stages_of(metrics).items()
        for k in KS
        if (estimate := measures.find(measure, k))
    ]
    names = [STAGES[stage] for stage in stages_of(metrics)]
    base = _chart(rows).encode(
        x=alt.X("k:O", title="k", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("stage:N", scale=alt.Scale(domain=names)),
        tooltip=_tooltips(("stage", "Stage"), ("k", "k"), ("value", title), ("low", "from"), ("high", "to")),
    )
    scale = alt.Scale(domain=[0, 1])
    bars = base.mark_bar().encode(
        y=alt.Y("value:Q", title=title, scale=scale),
        color=alt.Color("stage:N", title=None, scale=alt.Scale(domain=names), legend=_legend()),
    )
    return (bars + base.mark_rule().encode(y=alt.Y("low:Q", title=title), y2="high:Q")).properties(height=240)


def slice_points(report: EvaluationReport | None) -> Chart:
    """recall@1 of each part of the rows, with its interval."""
    rows = [
        {"part": f"{_short(name)}: {value}", "n": n, **_interval(recall)}
        for name, value, n, recall, *_ in of_slices(report).rows
        if recall
    ]
    return _points(rows, "part", "recall@1", ("n", "rows"))


def _short(name: str) -> str:
    """The name of a slice without what only a table has room for."""
    return name.partition(",")[0].partition(" of ")[0]


def _interval(estimate: Estimate) -> Spec:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def leaders(rows: Sequence[tuple[str, Estimate | None]]) -> Chart:
    """recall@1 of each evaluation of a leaderboard, (name, figure) in its order, with its interval."""
    numbered = Counter(name for name, _ in rows)
    values = []
    for place, (name, estimate) in enumerate(rows, start=1):
        if estimate is not None:
            text = f"{name} ({place})" if numbered[name] > 1 else name
            values.append({"name": text, **_interval(estimate), "n": estimate.n})
    return _points(values, "name", "recall@1", ("n", "rows"))


def difference_points(differences: Sequence[Json]) -> Chart:
    """The difference of each measure with its interval, and a line at 0."""
    import altair as alt

    rows = [
        {
            "measure": f"{row['metric']}@{row['k']}".replace("mrr", "MRR").replace("ndcg", "NDCG"),
            **{"value": row["difference"], "low": row["low"], "high": row["high"], "p": row["p"]},
        }
        for row in differences
    ]
    zero = _chart([{"zero": 0}]).mark_rule(strokeDash=[4, 4]).encode(x="zero:Q")
    return (zero + _points(rows, "measure", "Difference", ("p", "p"), domain=None)).properties(
        height=alt.Step(26)
    )


def _points(
    rows: Sequence[Json],
    name: str,
    title: str,
    extra: tuple[str, str],
    domain: Sequence[float] | None = (0, 1),
) -> Chart:
    """A line for each row: a point at `value` between `low` and `high`."""
    import altair as alt

    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(nice=True)
    base = _chart(rows).encode(
        y=alt.Y(f"{name}:N", sort=None, title=None),
        tooltip=_tooltips((name, "Of"), ("value", title), ("low", "from"), ("high", "to"), extra),
    )
    rules = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title, scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("value:Q", title=title, scale=scale)
    )
    return (rules + points).properties(height=alt.Step(22))


def confusion_bars(report: EvaluationReport | None) -> Chart:
    """Rows of each pair of a right category and the one suggested in its place."""
    import altair as alt

    rows = [
        {"pair": f"{pair.category} → {pair.suggested or 'nothing'}", "rows": pair.rows}
        for pair in (() if report is None else report.confusions)
    ]
    return (
        _chart(rows)
        .mark_bar()
        .encode(
            x=alt.X("rows:Q", title="Rows", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("pair:N", sort=None, title=None),
            tooltip=_tooltips(("pair", "Right → suggested"), ("rows", "Rows"), form="d"),
        )
        .properties(height=alt.Step(20))
    )


def reliability_curve(report: EvaluationReport | None) -> Chart:
    """How often suggestions of each score were right, beside the line of scores that mean what they say."""
    import altair as alt

    bins = () if report is None else report.reliability.bins
    rows = [dict(bin_) for bin_ in bins if bin_.n]
    scale = alt.Scale(domain=[0, 1])
    ideal = [{"mean_score": 0, "accuracy": 0}, {"mean_score": 1, "accuracy": 1}]
    x = alt.X("mean_score:Q", title="Mean score of the first suggestion", scale=scale)
    y = alt.Y("accuracy:Q", title="Share that was right", scale=scale)
    line = _chart(ideal).mark_line(strokeDash=[4, 4], opacity=0.6).encode(x=x, y=y)
    base = _chart(rows).encode(x=x, y=y)
    points = base.mark_point(filled=True, opacity=1).encode(
        size=alt.Size("n:Q", title="Rows", scale=alt.Scale(range=[30, 300]), legend=_legend()),
        tooltip=_tooltips(("mean_score", "Mean score"), ("accuracy", "Share right"), ("n", "Rows")),
    )
    return (line + base.mark_line() + points).properties(height=280)


def map_of(report: EvaluationReport | None, when: str) -> Chart:
    """Categories and transactions where the model puts them, `before` or `after` its training.

    The categories with most transactions have a colour each, all others one together.
    """
    import altair as alt

    points = points_of(report)
    names = {point.category_id: point.label for point in points if point.kind == "category"}
    counts = Counter(point.category_id for point in points if point.kind == "transaction")
    coloured = [category_id for category_id, _ in counts.most_common(COLOURED) if category_id in names]
    rows = [
        {
            **dict(zip("xy", getattr(point, when), strict=True)),
            "kind": point.kind,
            "label": point.label,
            "category": names.get(point.category_id, ""),
            "colour": names[point.category_id] if point.category_id in coloured else OTHERS,
        }
        for point in points
    ]
    domain = [names[category_id] for category_id in coloured]
    domain += [OTHERS] if any(row["colour"] == OTHERS for row in rows) else []
    bare = alt.Axis(labels=False, ticks=False, grid=False, title=None)
    kinds = alt.Scale(domain=["category", "transaction"], range=["diamond", "circle"])
    return (
        _chart(rows)
        .mark_point(filled=True, opacity=0.8)
        .encode(
            x=alt.X("x:Q", axis=bare, scale=alt.Scale(zero=False, padding=12)),
            y=alt.Y("y:Q", axis=bare, scale=alt.Scale(zero=False, padding=12)),
            color=alt.Color("colour:N", title=None, scale=alt.Scale(domain=domain), legend=_legend()),
            shape=alt.Shape("kind:N", legend=None, scale=kinds),
            size=alt.Size("kind:N", legend=None, scale=alt.Scale(domain=kinds["domain"], range=[160, 36])),
            tooltip=_tooltips(("label", "Point"), ("category", "Category")),
        )
        .properties(height=320)
    )


def _chart(rows: Sequence[Json]) -> Chart:
    import altair as alt

    return alt.Chart(alt.Data(values=list(rows)))  # type: ignore[no-untyped-call]  # a class made by a tool


def _legend() -> Any:
    import altair as alt

    return alt.Legend(orient="bottom", direction="horizontal", labelLimit=150)


def _tooltips(*fields: tuple[str, str], form: str = ".3f") -> list[Any]:
    import altair as alt

    texts = {"stage", "k", "part", "name", "measure", "pair", "label", "category", "n"}
    return [
        alt.Tooltip(field, type="nominal", title=title)
        if field in texts
        else alt.Tooltip(field, type="quantitative", title=title, format=form)
        for field, title in fields
    ]
