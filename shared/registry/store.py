"""Queries on model versions, the active model and evaluations."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Uuid, column, func, select, tuple_, update, values
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, defer

from shared.datasets.tables import DatasetItem
from shared.kit.database_errors import on_unique_violation, translated
from shared.kit.errors import Conflict, NotFound
from shared.kit.paging import Page, Paging, page
from shared.registry.tables import Activation, ActiveModel, Evaluation, EvaluationRow, ModelVersion

Weights = tuple[str, str | None, str | None, int | None]
"""(base_model, base_model_revision, artifact, dimension): where a version's weights are."""


class ModelNotFound(NotFound):
    code = "model-not-found"
    message = "There is no such model version."


class ModelNameTaken(Conflict):
    code = "model-name-taken"
    message = "A model version has this name already. Choose another one."


on_unique_violation("uq_model_versions_organization_id_name", ModelNameTaken)


class EvaluationNotFound(NotFound):
    code = "evaluation-not-found"
    message = "There is no such evaluation."


def add(session: Session, version: ModelVersion) -> ModelVersion:
    """Insert the model version.

    Raises:
        ModelNameTaken: another one has the name.
    """
    session.add(version)
    with translated():
        session.flush()
    return version


def get(session: Session, organization_id: uuid.UUID, version_id: uuid.UUID) -> ModelVersion:
    """The organisation's model version."""
    version = session.scalar(
        select(ModelVersion).where(
            ModelVersion.organization_id == organization_id, ModelVersion.id == version_id
        )
    )
    if version is None:
        raise ModelNotFound
    return version


def find_by_name(session: Session, organization_id: uuid.UUID, name: str) -> ModelVersion | None:
    """The organisation's model version of this name."""
    query = select(ModelVersion).where(ModelVersion.organization_id == organization_id)
    return session.scalar(query.where(ModelVersion.name == name))


def list_(session: Session, organization_id: uuid.UUID, paging: Paging) -> Page[ModelVersion]:
    """The organisation's model versions, newest first."""
    query = select(ModelVersion).where(ModelVersion.organization_id == organization_id)
    return page(session, query, ModelVersion.id, paging, resource="models", newest_first=True)


def find_active(
    session: Session, organization_id: uuid.UUID
) -> tuple[ModelVersion, ActiveModel, ModelVersion | None] | None:
    """The active model version, the row that says so, and the reranker behind it where there is one."""
    reranker = aliased(ModelVersion)
    query = (
        select(ModelVersion, ActiveModel, reranker)
        .join(ActiveModel, ActiveModel.model_version_id == ModelVersion.id)
        .outerjoin(
            reranker,
            (reranker.id == ActiveModel.reranker_version_id)
            & (reranker.organization_id == ActiveModel.organization_id),
        )
        .where(ActiveModel.organization_id == organization_id)
        .where(ModelVersion.organization_id == organization_id)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def most_used_weights(session: Session, limit: int) -> list[Weights]:
    """The weights that are active in the most organisations.

    This counts over all organisations: it decides what a process loads, and no customer sees it.
    """
    return _most_used(session, ActiveModel.model_version_id, limit)


def most_used_reranker_weights(session: Session, limit: int) -> list[Weights]:
    """The reranker weights that are on in the most organisations; hosted rerankers have none here."""
    return _most_used(session, ActiveModel.reranker_version_id, limit)


def _most_used(session: Session, version_id: InstrumentedAttribute[Any], limit: int) -> list[Weights]:
    weights = (
        ModelVersion.base_model,
        ModelVersion.base_model_revision,
        ModelVersion.artifact,
        ModelVersion.dimension,
    )
    query = (
        select(*weights)
        .join(
            ActiveModel,
            (ModelVersion.id == version_id) & (ModelVersion.organization_id == ActiveModel.organization_id),
        )
        .where(ModelVersion.kind != "hosted_reranker")
        .group_by(*weights)
        .order_by(func.count().desc(), *weights)
        .limit(limit)
    )
    return [(name, revision, artifact, cut) for name, revision, artifact, cut in session.execute(query)]


def set_reranker(
    session: Session, organization_id: uuid.UUID, version_id: uuid.UUID | None, top_n: int
) -> bool:
    """Put the reranker behind the active model; whether there is one."""
    query = (
        update(ActiveModel)
        .where(ActiveModel.organization_id == organization_id)
        .values(reranker_version_id=version_id, rerank_top_n=top_n, activated_at=ActiveModel.activated_at)
        .returning(ActiveModel.counter)
    )
    return session.scalar(query) is not None


def compare_and_set_active(
    session: Session, organization_id: uuid.UUID, version_id: uuid.UUID, counter: int
) -> bool:
    """Make the version active if `counter` is still the current one (0: none is active yet)."""
    if counter == 0:
        first = insert(ActiveModel).values(
            organization_id=organization_id, model_version_id=version_id, counter=1
        )
        inserted = first.on_conflict_do_nothing().returning(ActiveModel.counter)
        return session.scalar(inserted) is not None
    query = (
        update(ActiveModel)
        .where(ActiveModel.organization_id == organization_id, ActiveModel.counter == counter)
        .values(model_version_id=version_id, counter=counter + 1, activated_at=func.now())
        .returning(ActiveModel.counter)
    )
    return session.scalar(query) is not None


def add_activation(session: Session, activation: Activation) -> None:
    """Keep the switch in history."""
    session.add(activation)
    session.flush()


def activations(session: Session, organization_id: uuid.UUID, limit: int = 100) -> Sequence[Activation]:
    """The latest switches, newest first."""
    query = select(Activation).where(Activation.organization_id == organization_id)
    return session.scalars(query.order_by(Activation.counter.desc()).limit(limit)).all()


def fingerprints(session: Session) -> set[str]:
    """Of every model version of every organisation."""
    return set(session.scalars(select(ModelVersion.fingerprint).distinct()))


def list_artifacts(session: Session) -> set[str]:
    """Of every model version of every organisation that has one."""
    query = select(ModelVersion.artifact).where(ModelVersion.artifact.is_not(None))
    return {name for name in session.scalars(query) if name is not None}


def list_owned(session: Session, organization_id: uuid.UUID) -> Sequence[tuple[uuid.UUID, str | None]]:
    """(id, artifact) of each of the organisation's model versions."""
    query = select(ModelVersion.id, ModelVersion.artifact).where(
        ModelVersion.organization_id == organization_id
    )
    return [(row.id, row.artifact) for row in session.execute(query)]


def named_jobs(session: Session, job_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the jobs, of whatever organisation, that a model version or an evaluation came from."""
    columns = (ModelVersion.job_id, Evaluation.job_id)
    columns_ids = [
        session.scalars(select(column).where(column.in_(job_ids)).distinct()) for column in columns
    ]
    return {job_id for ids in columns_ids for job_id in ids if job_id is not None}


def active_with(session: Session, digits: str) -> Sequence[tuple[uuid.UUID, uuid.UUID]]:
    """(organisation, model version) of each that is active and whose fingerprint begins with `digits`."""
    query = (
        select(ActiveModel.organization_id, ActiveModel.model_version_id)
        .join(ModelVersion, ModelVersion.id == ActiveModel.model_version_id)
        .where(ModelVersion.fingerprint.startswith(digits, autoescape=True))
        .order_by(ActiveModel.organization_id)
    )
    return [(row.organization_id, row.model_version_id) for row in session.execute(query)]


def add_evaluation(session: Session, evaluation: Evaluation, rows: Sequence[dict[str, Any]]) -> Evaluation:
    """Insert the evaluation and its rows."""
    session.add(evaluation)
    session.flush()
    for start in range(0, len(rows), 5000):
        session.execute(insert(EvaluationRow), list(rows[start : start + 5000]))
    return evaluation


def get_evaluation(session: Session, organization_id: uuid.UUID, evaluation_id: uuid.UUID) -> Evaluation:
    """The organisation's evaluation."""
    evaluation = session.scalar(
        select(Evaluation).where(
            Evaluation.organization_id == organization_id, Evaluation.id == evaluation_id
        )
    )
    if evaluation is None:
        raise EvaluationNotFound
    return evaluation


def list_evaluations(
    session: Session, organization_id: uuid.UUID, paging: Paging, **wanted: uuid.UUID | str | None
) -> Page[Evaluation]:
    """The organisation's evaluations whose columns are as wanted, newest first, without their reports."""
    query = select(Evaluation).where(Evaluation.organization_id == organization_id)
    query = query.filter_by(**{name: value for name, value in wanted.items() if value is not None})
    query = query.options(defer(Evaluation.report))
    return page(session, query, Evaluation.id, paging, resource="evaluations", newest_first=True)


def evaluations_of(
    session: Session, organization_id: uuid.UUID, version_id: uuid.UUID, *, limit: int
) -> Sequence[Evaluation]:
    """The latest evaluations of a bi-encoder alone, or of those with a reranker, newest first.

    Without their reports and the figures of each category.
    """
    alone = (Evaluation.model_version_id == version_id) & Evaluation.reranker_version_id.is_(None)
    query = select(Evaluation).where(
        Evaluation.organization_id == organization_id, alone | (Evaluation.reranker_version_id == version_id)
    )
    query = query.options(defer(Evaluation.report), defer(Evaluation.per_category))
    return session.scalars(query.order_by(Evaluation.id.desc()).limit(limit)).all()


def newest_evaluations(
    session: Session,
    organization_id: uuid.UUID,
    version_id: uuid.UUID,
    splits: Collection[tuple[uuid.UUID, str]],
) -> dict[tuple[uuid.UUID, str], uuid.UUID]:
    """The id of the bi-encoder's newest evaluation without a reranker on each (dataset, split)."""
    place = tuple_(Evaluation.dataset_id, Evaluation.split)
    query = (
        select(Evaluation.dataset_id, Evaluation.split, Evaluation.id)
        .where(Evaluation.organization_id == organization_id, Evaluation.model_version_id == version_id)
        .where(Evaluation.reranker_version_id.is_(None), place.in_(splits))
        .ext(distinct_on(Evaluation.dataset_id, Evaluation.split))
        .order_by(Evaluation.dataset_id, Evaluation.split, Evaluation.id.desc())
    )
    return {(row.dataset_id, row.split): row.id for row in session.execute(query)}


@dataclass(frozen=True)
class RankChange:
    """How many rows went from one rank to another; ranks that are too far down to tell apart are None.

    `direction` is 1 where the right category came in further up, -1 further down, 0 at the same rank.
    """

    before: int | None
    after: int | None
    direction: int
    rows: int


def rank_changes(
    session: Session,
    organization_id: uuid.UUID,
    pairs: Mapping[uuid.UUID, uuid.UUID],
    *,
    coarse_above: int,
) -> dict[uuid.UUID, list[RankChange]]:
    """How ranks changed on the rows that both evaluations of each pair have, by the later evaluation's id.

    `pairs` maps each later evaluation to its earlier one; ranks above `coarse_above` are counted as one. The
    database counts, so the answer has some dozens of rows a pair, however large the evaluations are.
    """
    pair = values(column("after_id", Uuid), column("before_id", Uuid), name="pair").data(list(pairs.items()))
    before, after = aliased(EvaluationRow), aliased(EvaluationRow)
    unranked = 2**31 - 1
    old, new = func.coalesce(before.rank, unranked), func.coalesce(after.rank, unranked)
    coarse_old, coarse_new = (
        func.nullif(func.least(rank, coarse_above + 1), coarse_above + 1) for rank in (old, new)
    )
    direction = func.sign(old - new)
    query = (
        select(pair.c.after_id, coarse_old, coarse_new, direction, func.count())
        .join(after, (after.evaluation_id == pair.c.after_id) & (after.organization_id == organization_id))
        .join(
            before,
            (before.evaluation_id == pair.c.before_id)
            & (before.dataset_item_id == after.dataset_item_id)
            & (before.organization_id == organization_id),
        )
        .group_by(pair.c.after_id, coarse_old, coarse_new, direction)
    )
    changes: dict[uuid.UUID, list[RankChange]] = {}
    for after_id, old_rank, new_rank, sign, rows in session.execute(query):
        changes.setdefault(after_id, []).append(RankChange(old_rank, new_rank, int(sign), rows))
    return changes


def list_evaluation_rows(
    session: Session, organization_id: uuid.UUID, evaluation_id: uuid.UUID, paging: Paging
) -> Page[EvaluationRow]:
    """A page of an evaluation's rows in the order of the dataset's items."""
    query = select(EvaluationRow).where(
        EvaluationRow.organization_id == organization_id, EvaluationRow.evaluation_id == evaluation_id
    )
    return page(session, query, EvaluationRow.dataset_item_id, paging, resource="evaluation-rows")


def suggestions_of(
    session: Session, organization_id: uuid.UUID, evaluation_id: uuid.UUID
) -> list[tuple[uuid.UUID, uuid.UUID | None]]:
    """(dataset item, the category that came first for it) of every row of the evaluation."""
    query = select(EvaluationRow.dataset_item_id, EvaluationRow.suggested_category_id).where(
        EvaluationRow.organization_id == organization_id, EvaluationRow.evaluation_id == evaluation_id
    )
    return [(item_id, category_id) for item_id, category_id in session.execute(query)]


@dataclass(frozen=True)
class MeasuredRow:
    """One row of an evaluation, and the frozen transaction that it is about."""

    dataset_item_id: uuid.UUID
    transaction_id: uuid.UUID
    category_id: uuid.UUID
    merchant_name: str
    rank: int | None
    rank_without_history: int | None
    rank_without_reranker: int | None
    suggested_category_id: uuid.UUID | None
    score: float | None


def evaluation_rows(
    session: Session,
    organization_id: uuid.UUID,
    evaluation_id: uuid.UUID,
    *,
    after: uuid.UUID | None = None,
    limit: int | None = None,
) -> Sequence[MeasuredRow]:
    """The rows of an evaluation in the order of the dataset's items, all or a page of them."""
    query = (
        select(
            EvaluationRow.dataset_item_id,
            DatasetItem.transaction_id,
            DatasetItem.category_id,
            DatasetItem.fields["merchant_name"].astext,
            EvaluationRow.rank,
            EvaluationRow.rank_without_history,
            EvaluationRow.rank_without_reranker,
            EvaluationRow.suggested_category_id,
            EvaluationRow.score,
        )
        .join(
            DatasetItem,
            (DatasetItem.organization_id == EvaluationRow.organization_id)
            & (DatasetItem.id == EvaluationRow.dataset_item_id),
        )
        .where(EvaluationRow.organization_id == organization_id, EvaluationRow.evaluation_id == evaluation_id)
        .order_by(EvaluationRow.dataset_item_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(EvaluationRow.dataset_item_id > after)
    return [MeasuredRow(*row) for row in session.execute(query)]


def latest_evaluation(
    session: Session, organization_id: uuid.UUID, version_id: uuid.UUID
) -> Evaluation | None:
    """The newest evaluation of a model with the categories under their own names."""
    query = select(Evaluation).where(
        Evaluation.organization_id == organization_id,
        Evaluation.model_version_id == version_id,
        Evaluation.report["renamed"].astext.is_(None),
    )
    return session.scalars(query.order_by(Evaluation.id.desc()).limit(1)).first()


LEADERBOARD_LIMIT = 500


@dataclass(frozen=True)
class LeaderboardKey:
    """A split of a dataset on which something was measured, and how often."""

    dataset_id: uuid.UUID
    split: str
    evaluations: int


def list_leaderboards(session: Session, organization_id: uuid.UUID) -> list[LeaderboardKey]:
    """Every (dataset, split) of the organisation that has evaluations, newest dataset first."""
    query = (
        select(Evaluation.dataset_id, Evaluation.split, func.count())
        .where(Evaluation.organization_id == organization_id)
        .group_by(Evaluation.dataset_id, Evaluation.split)
        .order_by(Evaluation.dataset_id.desc(), Evaluation.split)
    )
    return [LeaderboardKey(dataset_id, split, count) for dataset_id, split, count in session.execute(query)]


@dataclass(frozen=True)
class LeaderboardEntry:
    """An evaluation without its report and figures by category; `is_renamed`: its categories were renamed."""

    evaluation: Evaluation
    is_renamed: bool


def list_leaderboard_entries(
    session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str
) -> list[LeaderboardEntry]:
    """The evaluations on one split of a dataset, newest first; the 500 newest where there are more."""
    query = (
        select(Evaluation, Evaluation.report["renamed"].astext.is_not(None))
        .where(Evaluation.organization_id == organization_id)
        .where(Evaluation.dataset_id == dataset_id, Evaluation.split == split)
        .options(defer(Evaluation.report), defer(Evaluation.per_category))
        .order_by(Evaluation.id.desc())
        .limit(LEADERBOARD_LIMIT)
    )
    return [
        LeaderboardEntry(evaluation, bool(is_renamed)) for evaluation, is_renamed in session.execute(query)
    ]


def model_names(
    session: Session, organization_id: uuid.UUID, version_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, str]:
    """The names of those of the model versions that are the organisation's."""
    query = select(ModelVersion.id, ModelVersion.name).where(
        ModelVersion.organization_id == organization_id, ModelVersion.id.in_(list(version_ids))
    )
    return {row.id: row.name for row in session.execute(query)}
