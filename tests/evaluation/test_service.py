"""Evaluations through the real index and model: what they count, what they may know, what they leave."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.engines.vectors import Point, Search
from shared.evaluation import service as evaluation
from shared.evaluation.metrics import values_at
from shared.evaluation.service import EmptySplit
from shared.jobs import store as job_store
from shared.jobs.kinds import EvaluationParams
from shared.jobs.run import Effects, Lease, Run, execute
from shared.kit.paging import Paging
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.tables import Evaluation, EvaluationRow
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_labelled, run_jobs

WORDS = {
    "Lodging": ("Marriott", "Hilton", "Hyatt", "Ibis"),
    "Software": ("GitHub", "Figma", "Slack", "Notion"),
    # Filed where no text would lead, so that only history can tell.
    "Account 17": ("Delta Air Lines", "United Airlines", "Lufthansa", "Ryanair"),
}


class Watched:
    """The real index, noting what is done; `fail_after` searches it is out of order."""

    def __init__(self, index: Any, fail_after: int = 10**9) -> None:
        self._index = index
        self._left = fail_after
        self.written: dict[str, set[uuid.UUID]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        self.written.setdefault(name, set()).update(point.row_id for point in points)
        self._index.upsert(name, points)

    def search(self, name: str, searches: Sequence[Search]) -> Any:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("out of order")
        return self._index.search(name, searches)


@pytest.fixture
def params(organization: OrganizationClient, engine: Engine, resources: Resources) -> EvaluationParams:
    """An evaluation of the base model on the eval split of 24 rows."""
    for name, merchants in WORDS.items():
        category = new_category(organization, name=name)["id"]
        new_labelled(organization, category, ({"merchant_name": merchant} for merchant in merchants * 2))
    body = {
        **{"name": "May", "seed": 3, "remove_duplicates": False},
        "ratios": {"train": 0.5, "test": 0.2, "eval": 0.3},
    }
    assert organization.post("/v1/datasets", body).status_code == 202
    assert run_jobs(resources, organization)["freeze_dataset"] == ["succeeded"]
    with transaction(engine) as session:
        [dataset] = dataset_store.list_(session, organization.id, Paging()).rows
        base = registry.get_base(session, organization.id)
    return EvaluationParams(dataset_id=dataset.id, model_version_id=base.id, split="eval")


def evaluate(
    resources: Resources, organization: OrganizationClient, params: EvaluationParams, index: Any = None
) -> tuple[str | None, uuid.UUID]:
    """One evaluation: the job's state and id."""
    with transaction(resources.engine) as session:
        job_id = evaluation.submit(session, organization.id, params).id
    chosen = index or resources.index

    def work(run: Run, params: Any) -> Effects:
        return evaluation.evaluate(run, params, replace(resources, index=chosen))

    return execute(resources.engine, job_id, lambda _: work, Lease(60, 10)), job_id


def evaluation_of(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID
) -> tuple[Evaluation, list[EvaluationRow]]:
    with transaction(engine) as session:
        result = job_store.get(session, organization.id, job_id).result
        assert result is not None
        evaluation_id = uuid.UUID(result["evaluation_id"])
        kept = model_store.get_evaluation(session, organization.id, evaluation_id)
        paging = Paging(limit=200)
        rows = registry.list_evaluation_rows(session, organization.id, evaluation_id, paging).rows
    return kept, rows


def test_metrics_are_those_of_the_ranks_that_are_kept(
    organization: OrganizationClient, resources: Resources, engine: Engine, params: EvaluationParams
) -> None:
    status, job_id = evaluate(resources, organization, params)
    assert status == "succeeded"
    kept, rows = evaluation_of(engine, organization, job_id)
    with transaction(engine) as session:
        items = datasets.items(session, organization.id, params.dataset_id, "eval")
    assert {row.dataset_item_id for row in rows} == {item.id for item in items}
    assert kept.metrics.without_history is not None
    for ranks, summary in (
        ([row.rank for row in rows], kept.metrics),
        ([row.rank_without_history for row in rows], kept.metrics.without_history),
    ):
        assert summary.n == len(items) == 7
        for k in (1, 3, 5):
            assert summary.recall[k].value == pytest.approx(values_at("recall", ranks, k).mean())
            assert summary.mrr[k].value == pytest.approx(values_at("mrr", ranks, k).mean())
    right = {item.id: item.category_id for item in items}
    for row in rows:
        assert (row.rank == 1) == (row.suggested_category_id == right[row.dataset_item_id])
    assert sum(measures.n for measures in kept.per_category.values()) == len(items)
    # The airlines' account says nothing by its name; with the same airlines in the history it is found.
    served, alone = kept.metrics.recall[1].value, kept.metrics.without_history.recall[1].value
    assert served is not None
    assert alone is not None
    assert served > alone


def test_the_same_evaluation_twice_gives_the_same(
    organization: OrganizationClient, resources: Resources, engine: Engine, params: EvaluationParams
) -> None:
    results = [
        evaluation_of(engine, organization, evaluate(resources, organization, params)[1]) for _ in range(2)
    ]
    (first, ranks), (second, again) = results
    with transaction(engine) as session:
        newest_first = registry.list_evaluations(session, organization.id, Paging()).rows
    assert [row.id for row in newest_first] == [second.id, first.id]
    assert (first.metrics, first.per_category) == (second.metrics, second.per_category)
    assert [row.rank for row in ranks] == [row.rank for row in again]


@pytest.mark.parametrize("split", ["eval", "test", "train"])
def test_no_row_that_is_asked_about_is_in_the_index(
    organization: OrganizationClient,
    resources: Resources,
    engine: Engine,
    params: EvaluationParams,
    split: str,
) -> None:
    index = Watched(resources.index)
    asked_about = params.model_copy(update={"split": split})
    assert evaluate(resources, organization, asked_about, index)[0] == "succeeded"
    [(collection, written)] = index.written.items()
    with transaction(engine) as session:
        ids = {
            name: {item.id for item in datasets.items(session, organization.id, params.dataset_id, name)}
            for name in ("train", "test", "eval")
        }
    assert not written & ids[split]
    assert (ids["eval"] & written) == set()
    assert {"eval": ids["train"] | ids["test"], "test": ids["train"], "train": ids["test"]}[split] <= written
    assert not resources.index.has_collection(collection)


def test_a_label_of_its_own_never_helps_an_eval_row(
    organization: OrganizationClient, resources: Resources, engine: Engine
) -> None:
    # One row a category, unlike all others: were its own label in the index, it would come first.
    for name, merchants in (("Marriott hotels", ("Slack",) * 3), ("Slack licences", ("Marriott",) * 3)):
        category = new_category(organization, name=name)["id"]
        new_labelled(
            organization,
            category,
            [{"merchant_name": merchant, "memo": f"{name} {n}"} for n, merchant in enumerate(merchants)],
        )
    odd = new_category(organization, name="Meals")["id"]
    [planted] = new_labelled(organization, odd, [{"merchant_name": "Marriott hotels", "memo": "Marriott"}])
    for seed in range(20):
        body = {"name": f"{seed}", "seed": seed, "ratios": {"train": 0.4, "test": 0.2, "eval": 0.4}}
        organization.post("/v1/datasets", body)
    run_jobs(resources, organization)
    with transaction(engine) as session:
        base = registry.get_base(session, organization.id)
        dataset_id, item = next(
            (dataset.id, item)
            for dataset in dataset_store.list_(session, organization.id, Paging()).rows
            for item in datasets.items(session, organization.id, dataset.id, "eval")
            if item.transaction_id == uuid.UUID(planted)
        )
    params = EvaluationParams(dataset_id=dataset_id, model_version_id=base.id, split="eval")
    _, rows = evaluation_of(engine, organization, evaluate(resources, organization, params)[1])
    [row] = [row for row in rows if row.dataset_item_id == item.id]
    assert row.rank is not None
    assert row.rank > 1
    assert row.rank_without_history is not None
    assert row.rank_without_history > 1


def test_a_failed_evaluation_leaves_neither_collection_nor_rows(
    organization: OrganizationClient, resources: Resources, engine: Engine, params: EvaluationParams
) -> None:
    index = Watched(resources.index, fail_after=0)  # the rows are indexed by then
    assert evaluate(resources, organization, params, index)[0] == "failed"
    [collection] = index.written
    assert not resources.index.has_collection(collection)
    with transaction(engine) as session:
        assert registry.list_evaluations(session, organization.id, Paging()).rows == []


def test_what_a_killed_attempt_left_is_removed_by_the_next(
    organization: OrganizationClient, resources: Resources, engine: Engine, params: EvaluationParams
) -> None:
    with transaction(engine) as session:
        job_id = evaluation.submit(session, organization.id, params).id
        job_store.claim(session, job_id, 0)
    left = f"evaluation-{job_id.hex}-1"
    resources.index.ensure_collection(left, 384)
    with transaction(engine) as session:
        assert job_id in {row[0] for row in job_store.expire_leases(session, {})}
    assert run_jobs(resources, organization)["evaluate"] == ["succeeded"]
    assert not resources.index.has_collection(left)


def test_an_empty_split_is_refused(
    organization: OrganizationClient, resources: Resources, engine: Engine, params: EvaluationParams
) -> None:
    body = {"name": "all", "ratios": {"train": 1, "test": 0, "eval": 0}}
    organization.post("/v1/datasets", body)
    run_jobs(resources, organization)
    with transaction(engine) as session:
        newest = dataset_store.list_(session, organization.id, Paging()).rows[0].id
        with pytest.raises(EmptySplit):
            evaluation.submit(session, organization.id, params.model_copy(update={"dataset_id": newest}))
