"""Evaluations as the lab's pages show them, with the names of the models they measured."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from api.console import captions, charts, tables
from api.console.captions import ChartCaption
from api.console.tables import STAGES, Column, Table, stages_of
from shared.datasets import store as dataset_store
from shared.datasets.tables import Dataset
from shared.kit.measures import Estimate, RetrievalMeasures
from shared.registry import store as model_store
from shared.registry.store import LeaderboardEntry
from shared.registry.tables import Evaluation

BASELINES = {
    "most_frequent": "Most frequent category",
    "merchant_majority": "Merchant majority",
    "bm25_categories": "BM25 over category texts",
    "bm25_history": "BM25 over labelled rows",
    "tfidf_lr": "TF-IDF + logistic regression",
}
LEADERBOARD_COLUMNS = (
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
class EvaluationView:
    """An evaluation with its dataset, and what it measured in words."""

    evaluation: Evaluation
    dataset: Dataset
    title: str

    @property
    def is_baseline(self) -> bool:
        """Whether it measured a baseline method and no model version."""
        return self.evaluation.method != "model"

    @property
    def category_names(self) -> dict[str, str]:
        """The dataset's categories by id, named as they were when it was frozen."""
        return {id_: category.name for id_, category in self.dataset.categories.items()}

    def figure(self, path: str) -> Estimate | None:
        """The measure at `recall.1`, say; None where it was not taken."""
        measure, k = path.split(".")
        return self.evaluation.metrics.find(measure, int(k))

    def figures(self) -> dict[str, ChartCaption]:
        """The page's charts, by name."""
        return captions.of_evaluation(self.evaluation.metrics, self.evaluation.report)

    def tables(self) -> dict[str, Table]:
        """The page's tables, by name."""
        metrics, report = self.evaluation.metrics, self.evaluation.report
        ordered = (
            *(tables.of_metrics(metrics), tables.of_slices(report), tables.of_confusions(report)),
            tables.of_categories(self.evaluation.per_category, self.category_names),
            *(tables.of_reliability(report), tables.of_map(report)),
        )
        return {table.name: table for table in ordered}

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
    rows: Sequence["LeaderboardRow"]  # best first

    def table(self) -> Table:
        """Its rows as cells."""
        cells = [row.cells() for row in self.rows]
        return Table(
            "leaderboard", f"Evaluations of {self.dataset.name}, {self.split}", LEADERBOARD_COLUMNS, cells
        )

    def figures(self) -> dict[str, ChartCaption]:
        """The page's chart, by name."""
        if not self.rows:
            return {}
        best = self.rows[0]
        return captions.of_leaderboard(best.text, best.metrics.find("recall", 1))

    def charts(self) -> dict[str, Any]:
        """The Vega-Lite specs of the figures, by name."""
        rows = [(row.text, row.metrics.find("recall", 1)) for row in self.rows]
        return {
            name: charts.spec_of(charts.leaders(rows), figure.text) for name, figure in self.figures().items()
        }


@dataclass(frozen=True)
class LeaderboardRow:
    """A row of a leaderboard: an evaluation as served, or with a part of serving left out."""

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
        """The row's name where it stands alone, as on a chart."""
        return self.name if self.is_served else f"{self.name}, {STAGES[self.stage].lower()}"

    def cells(self) -> list[Any]:
        """The row as `LEADERBOARD_COLUMNS` has it."""
        paths = (("recall", 1), ("recall", 5), ("mrr", 5), ("ndcg", 10))
        how = "Baseline" if self.evaluation.method != "model" else STAGES[self.stage]
        created = self.evaluation.created_at.strftime("%Y-%m-%d %H:%M")
        estimates = [self.metrics.find(*path) for path in paths]
        return [self.name, how, self.metrics.n, *estimates, created, str(self.evaluation.id)]

    def value(self, measure: str, k: int) -> float:
        """The measure's value for ordering; below all others where there is none."""
        estimate = self.metrics.find(measure, k)
        return -1.0 if estimate is None or estimate.value is None else estimate.value


def read_evaluation(session: Session, organization_id: uuid.UUID, evaluation_id: uuid.UUID) -> EvaluationView:
    """One evaluation, in three statements.

    Raises:
        EvaluationNotFound: not the organisation's.
    """
    evaluation = model_store.get_evaluation(session, organization_id, evaluation_id)
    dataset = dataset_store.get(session, organization_id, evaluation.dataset_id)
    is_renamed = evaluation.report is not None and evaluation.report.renamed is not None
    [title] = _titles(session, organization_id, [LeaderboardEntry(evaluation, is_renamed)])
    return EvaluationView(evaluation, dataset, title)


def read_others(session: Session, organization_id: uuid.UUID, view: EvaluationView) -> dict[uuid.UUID, str]:
    """The titles of the other evaluations of the same split, by id, newest first; in two statements."""
    entries = model_store.list_leaderboard_entries(
        session, organization_id, view.dataset.id, view.evaluation.split
    )
    titles = _titles(session, organization_id, entries)
    return {
        entry.evaluation.id: title
        for entry, title in zip(entries, titles, strict=True)
        if entry.evaluation.id != view.evaluation.id
    }


def read_leaderboard(
    session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str
) -> Leaderboard:
    """The leaderboard of a split, in three statements.

    Raises:
        DatasetNotFound: not the organisation's.
    """
    dataset = dataset_store.get(session, organization_id, dataset_id)
    entries = model_store.list_leaderboard_entries(session, organization_id, dataset_id, split)
    titles = _titles(session, organization_id, entries)
    rows = [
        LeaderboardRow(title, stage, measures, entry.evaluation)
        for entry, title in zip(entries, titles, strict=True)
        for stage, measures in stages_of(entry.evaluation.metrics).items()
    ]
    rows.sort(key=lambda row: (-row.value("recall", 1), -row.value("mrr", 5), not row.is_served))
    return Leaderboard(dataset, split, rows)


def _titles(session: Session, organization_id: uuid.UUID, entries: Sequence[LeaderboardEntry]) -> list[str]:
    """What each evaluation measured, in words."""
    version_ids = {
        version_id
        for entry in entries
        for version_id in (entry.evaluation.model_version_id, entry.evaluation.reranker_version_id)
        if version_id is not None
    }
    names = model_store.model_names(session, organization_id, version_ids) if version_ids else {}
    return [_title(entry, names) for entry in entries]


def _title(entry: LeaderboardEntry, names: Mapping[uuid.UUID, str]) -> str:
    evaluation = entry.evaluation
    if evaluation.method != "model":
        return BASELINES.get(evaluation.method, tables.in_words(evaluation.method))
    parts = [evaluation.model_version_id, evaluation.reranker_version_id]
    text = " + ".join(names.get(part, "a removed model") for part in parts if part is not None)
    return f"{text}, categories renamed" if entry.is_renamed else text
