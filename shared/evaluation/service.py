"""Measures a model version by the same retrieval that serves requests."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.candidates.store import approved_paraphrases
from shared.categories.frozen import FrozenCategory
from shared.categorization.ranking import Choice
from shared.categorization.reranking import CategoryReranker
from shared.datasets import store as dataset_store
from shared.datasets.tables import Dataset
from shared.engines.encoder_cache import Encoders
from shared.engines.reranker_cache import Rerankers
from shared.evaluation import reporting, runner
from shared.evaluation.embedding_map import Embedder, draw_map
from shared.evaluation.projection import check_installed
from shared.evaluation.renamed_categories import rename
from shared.evaluation.runner import Bench, EvaluationRows, RankedRow
from shared.jobs import service as jobs
from shared.jobs.kinds import EvaluationParams, Projection
from shared.jobs.run import Effects, Run
from shared.jobs.tables import Job
from shared.kit.errors import Invalid
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.reports import EmbeddingMap, EvaluationReport, EvaluationResult, RenamedCategories
from shared.registry.serving import Reranking, Serving, get_bi_encoder, get_reranker, reranking_of, serving_of
from shared.registry.tables import Evaluation
from shared.resources import Resources


class EmptySplit(Invalid):
    code = "empty-split"
    message = "The dataset has no rows in this split. Freeze one with a larger share for it."


class NothingRenamed(Invalid):
    code = "nothing-renamed"
    message = (
        "No category of the dataset has another name that was approved. Generate paraphrases and review them."
    )


def submit(
    session: Session, organization_id: uuid.UUID, params: EvaluationParams, *, request_id: str | None = None
) -> Job:
    """Queue an evaluation.

    Raises:
        DatasetNotFound, ModelNotFound: not the organisation's.
        NoBiEncoder, NoReranker: a version is of the other kind.
        EmptySplit: nothing to measure on.
        NothingRenamed: renamed categories were asked for, and there are none.
    """
    dataset = get_measurable(session, organization_id, params.dataset_id, params.split)
    get_bi_encoder(session, organization_id, params.model_version_id)
    if params.reranker_version_id is not None:
        get_reranker(session, organization_id, params.reranker_version_id)
    if params.renamed:
        _renamed(session, dataset)
    return jobs.submit(session, organization_id, params, request_id=request_id)


def get_measurable(
    session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str
) -> Dataset:
    """The dataset, if it has rows in the split.

    Raises:
        DatasetNotFound: not the organisation's.
        EmptySplit: nothing to measure on.
    """
    dataset = dataset_store.get(session, organization_id, dataset_id)
    if not dataset.counts.get(split):
        raise EmptySplit
    return dataset


def evaluate(run: Run, params: EvaluationParams, resources: Resources) -> Effects:
    """Rank the categories for each row of the split as serving would, and note the rank of the row's own one:
    with history and reranker, as serving answers, and without.

    Raises:
        ProjectionNotInstalled: before anything is measured.
    """
    check_installed(params.projection)
    with run.reading() as session:
        serving = serving_of(model_store.get(session, run.organization_id, params.model_version_id))
        base = serving_of(registry.get_base(session, run.organization_id))
        dataset = dataset_store.get(session, run.organization_id, params.dataset_id)
        rows = runner.read(session, run.organization_id, params.dataset_id, params.split)
        categories, renamed = dataset.categories, None
        if params.renamed:
            categories, renamed = _renamed(session, dataset)
        reranking = _reranking(session, run.organization_id, params)
    second = None if reranking is None else _second(resources.rerankers, reranking, categories)
    choices = _choices(serving, categories)
    bench = Bench(
        run, resources.index, resources.encoders.get(serving.model), serving, choices, dataset.seed, second
    )
    answers = runner.rank_rows(bench, rows)
    embedding_map = _map(resources.encoders, dataset, rows, (base, serving), params.projection)
    report = reporting.report_of(answers, rows, dataset, embedding_map=embedding_map, renamed=renamed)
    evaluation = _evaluation(run, params, answers, report)
    evaluation_rows = reporting.rows_of(run.organization_id, run.job_id, answers)

    def apply_effects(session: Session) -> dict[str, Any]:
        model_store.add_evaluation(session, evaluation, evaluation_rows)
        result = EvaluationResult(evaluation_id=run.job_id, metrics=evaluation.metrics, renamed=renamed)
        return result.model_dump(mode="json")

    return apply_effects


def _evaluation(
    run: Run, params: EvaluationParams, answers: Sequence[RankedRow], report: EvaluationReport
) -> Evaluation:
    has_reranker = params.reranker_version_id is not None
    return Evaluation(
        id=run.job_id,  # like every id in the order of time, and the same at each attempt
        organization_id=run.organization_id,
        dataset_id=params.dataset_id,
        model_version_id=params.model_version_id,
        reranker_version_id=params.reranker_version_id,
        split=params.split,
        metrics=reporting.metrics_of(answers, is_model=True, has_reranker=has_reranker),
        per_category=reporting.per_category(answers),
        report=report,
        job_id=run.job_id,
    )


def _renamed(session: Session, dataset: Dataset) -> tuple[dict[str, FrozenCategory], RenamedCategories]:
    """The dataset's categories under other names, and which.

    Raises:
        NothingRenamed: none has another name.
    """
    names = approved_paraphrases(session, dataset.organization_id)
    categories, renamed = rename(dataset.categories, names, dataset.seed)
    if not renamed.categories:
        raise NothingRenamed
    return categories, renamed


def _reranking(session: Session, organization_id: uuid.UUID, params: EvaluationParams) -> Reranking | None:
    if params.reranker_version_id is None:
        return None
    version = get_reranker(session, organization_id, params.reranker_version_id)
    return reranking_of(version, params.rerank_top_n)


def _second(
    rerankers: Rerankers, reranking: Reranking, categories: Mapping[str, FrozenCategory]
) -> CategoryReranker:
    texts = reranking.texts
    documents = {uuid.UUID(id_): texts.of_frozen(category) for id_, category in categories.items()}
    return CategoryReranker(rerankers.get(reranking.reranker), texts, documents, reranking.top_n)


def _choices(serving: Serving, categories: Mapping[str, FrozenCategory]) -> dict[uuid.UUID, Choice]:
    return {
        uuid.UUID(id_): Choice.of(serving.texts.of_frozen(category), category.departments)
        for id_, category in categories.items()
    }


def _map(
    encoders: Encoders,
    dataset: Dataset,
    rows: EvaluationRows,
    models: tuple[Serving, Serving],
    projection: Projection,
) -> EmbeddingMap:
    """The map by both models, the base first."""
    before, after = (Embedder(encoders.get(serving.model), serving.texts) for serving in models)
    return draw_map(rows.measured, dataset.categories, dataset.seed, before, after, projection)
