"""Evaluations as the lab's pages show them: with the names of what they measured."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from api.console import charts, figures, tables
from api.console.figures import Figure
from api.console.tables import STAGES, Column, Table, stages_of
from shared.datasets import store as dataset_store
from shared.datasets.tables import Dataset
from shared.kit.measures import Estimate, RetrievalMeasures
from shared.registry import store as model_store
from shared.registry.tables import Evaluation

BASELINES = {
    "most_frequent": "Most frequent category",
    "merchant_majority": "Merchant majority",
    "bm25_categories": "BM25 over category texts",
    "bm25_history": "BM25 over labelled rows",
    "tfidf_lr": "TF-IDF + logistic regression",
}
LEADER_COLUMNS = (
    Column("name", "Model or method"),
    Column("stage", "How"),
    Column("n", "n", "count"),
    Column("recall_at_1", "recall@1", "figure"),
    Column("recall_at_5", "recall@5", "figure"),
    Column("mrr_at_5", "MRR@5", "figure"),
    Column("ndcg_at_10", "NDCG@10", "figure"),
    Column("made", "Made"),
    Column("evaluation_id", "Evaluation"),
)


@dataclass(frozen=True)
class Finding:
    """One evaluation, the dataset it is of and what it measured, in words."""

    evaluation: Evaluation
    dataset: Dataset
    title: str
    others: Mapping[uuid.UUID, str]  # of the same split, by name

    @property
    def is_baseline(self) -> bool:
        """Whether it measured no model of ours."""
        return self.evaluation.method != "model"

    @property
    def category_names(self) -> dict[str, str]:
        """The dataset's categories by id, named as they were when it was frozen."""
        return {id_: category.name for id_, category in self.dataset.categories.items()}

    def figure(self, path: str) -> Estimate | None:
        """The measure at `recall.1`, say; None where it was not taken."""
        measure, k = path.split(".")
        return self.evaluation.metrics.find(measure, int(k))

    def figures(self) -> dict[str, Figure]:
        """The page's charts, by name."""
        return figures.of_evaluation(self.evaluation.metrics, self.evaluation.report)

    def tables(self) -> dict[str, Table]:
        """The page's tables, by name."""
        metrics, report = self.evaluation.metrics, self.evaluation.report
        made = (
            *(tables.of_metrics(metrics), tables.of_slices(report), tables.of_confusions(report)),
            tables.of_categories(self.evaluation.per_category, self.category_names),
            *(tables.of_reliability(report), tables.of_map(report)),
        )
        return {table.name: table for table in made}

    def charts(self) -> dict[str, Any]:
        """The Vega-Lite specs of the figures, by name."""
        metrics, report = self.evaluation.metrics, self.evaluation.report
        drawn = {
            "recall": lambda: charts.measure_bars(metrics, "recall", "recall@k"),
            "mrr": lambda: charts.measure_bars(metrics, "mrr", "MRR@k"),
            "slices": lambda: charts.slice_points(report),
            "confusions": lambda: charts.confusion_bars(report),
            "reliability": lambda: charts.reliability_curve(report),
            "map_before": lambda: charts.map_of(report, "before"),
            "map_after": lambda: charts.map_of(report, "after"),
        }
        return {name: charts.spec_of(drawn[name](), figure.text) for name, figure in self.figures().items()}


@dataclass(frozen=True)
class Leaderboard:
    """The evaluations of one split of one dataset, as served and with a part of serving left out."""

    dataset: Dataset
    split: str
    rows: Sequence["Leader"]  # best first

    def table(self) -> Table:
        """Its rows as cells."""
        cells = [leader.cells() for leader in self.rows]
        return Table(
            "leaderboard", f"Evaluations of {self.dataset.name}, {self.split}", LEADER_COLUMNS, cells
        )

    def figures(self) -> dict[str, Figure]:
        """The page's chart, by name."""
        if not self.rows:
            return {}
        best = self.rows[0]
        return figures.of_leaderboard(best.text, best.metrics.find("recall", 1))

    def charts(self) -> dict[str, Any]:
        """The Vega-Lite specs of the figures, by name."""
        rows = [(leader.text, leader.metrics.find("recall", 1)) for leader in self.rows]
        return {
            name: charts.spec_of(charts.leaders(rows), figure.text) for name, figure in self.figures().items()
        }


@dataclass(frozen=True)
class Leader:
    """A line of a leaderboard: an evaluation, or what it would be without a part of serving."""

    name: str
    stage: str
    metrics: RetrievalMeasures
    evaluation: Evaluation

    @property
    def is_served(self) -> bool:
        """Whether it is the evaluation itself, which can be compared with others."""
        return self.stage == "served"

    @property
    def text(self) -> str:
        """The line's name, alone on a chart."""
        return self.name if self.is_served else f"{self.name}, {STAGES[self.stage].lower()}"

    def cells(self) -> list[Any]:
        """The line as `LEADER_COLUMNS` has it."""
        paths = (("recall", 1), ("recall", 5), ("mrr", 5), ("ndcg", 10))
        how = "Baseline" if self.evaluation.method != "model" else STAGES[self.stage]
        made = self.evaluation.created_at.strftime("%Y-%m-%d %H:%M")
        estimates = [self.metrics.find(*path) for path in paths]
        return [self.name, how, self.metrics.n, *estimates, made, str(self.evaluation.id)]

    def value(self, measure: str, k: int) -> float:
        """The measure's value for ordering; below all others where there is none."""
        estimate = self.metrics.find(measure, k)
        return -1.0 if estimate is None or estimate.value is None else estimate.value


def find(session: Session, organization_id: uuid.UUID, evaluation_id: uuid.UUID) -> Finding:
    """One evaluation.

    Raises:
        EvaluationNotFound: not the organisation's.
    """
    evaluation = model_store.get_evaluation(session, organization_id, evaluation_id)
    dataset = dataset_store.get(session, organization_id, evaluation.dataset_id)
    named = _named(session, organization_id, dataset.id, evaluation.split)
    others = {one.id: name for name, one in named if one.id != evaluation_id}
    [title] = _titles(session, organization_id, [evaluation])
    return Finding(evaluation, dataset, title, others)


def lead(session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str) -> Leaderboard:
    """The leaderboard of a split.

    Raises:
        DatasetNotFound: not the organisation's.
    """
    dataset = dataset_store.get(session, organization_id, dataset_id)
    leaders = [
        Leader(name, stage, metrics, evaluation)
        for name, evaluation in _named(session, organization_id, dataset_id, split)
        for stage, metrics in stages_of(evaluation.metrics).items()
    ]
    leaders.sort(key=lambda one: (-one.value("recall", 1), -one.value("mrr", 5), not one.is_served))
    return Leaderboard(dataset, split, leaders)


def _named(
    session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str
) -> list[tuple[str, Evaluation]]:
    found = model_store.leaderboard_evaluations(session, organization_id, dataset_id, split)
    return list(zip(_titles(session, organization_id, found), found, strict=True))


def _titles(session: Session, organization_id: uuid.UUID, found: Sequence[Evaluation]) -> list[str]:
    """What each evaluation measured, in words."""
    ids = {
        one for evaluation in found for one in (evaluation.model_version_id, evaluation.reranker_version_id)
    }
    names = model_store.model_names(session, organization_id, {one for one in ids if one is not None})

    def title(evaluation: Evaluation) -> str:
        if evaluation.method != "model":
            return BASELINES.get(evaluation.method, tables.in_words(evaluation.method))
        parts = [evaluation.model_version_id, evaluation.reranker_version_id]
        text = " + ".join(names.get(one, "a removed model") for one in parts if one is not None)
        is_renamed = evaluation.report is not None and evaluation.report.renamed is not None
        return f"{text}, categories renamed" if is_renamed else text

    return [title(evaluation) for evaluation in found]
