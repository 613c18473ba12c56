"""Freezing what is labelled: complete, reproducible, and independent of what happens to the rows later."""

import uuid
from itertools import chain, permutations
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.datasets import freezing
from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.datasets.selection import Content, LabelledRow, with_keys
from shared.datasets.splits import SPLITS
from shared.datasets.store import DatasetNotFound
from shared.jobs import store as job_store
from shared.jobs.kinds import DatasetParams
from shared.jobs.run import Effects, Lease, Run, Work, execute
from shared.kit.paging import Paging
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_labelled, new_organization
from tests.jobs.works import without_resources

WORDS = {"Lodging": "hotel", "Software": "licence", "Meals": "lunch"}
PARAMS = DatasetParams(name="May", seed=7, train=0.6, test=0.2, eval=0.2, remove_duplicates=False)
# Rows that differ in nothing, and a row that has an id of the customer's.
EXTRA: list[dict[str, Any]] = [{}, {}, {"external_id": "one"}]


def fill(organization: OrganizationClient) -> None:
    """The same three categories and 21 labelled transactions in whichever organisation."""
    for name, word in WORDS.items():
        category = new_category(organization, name=name, code=name[:2])["id"]
        rows = [{"memo": f"{word} {number}"} for number in range(6)] + (EXTRA if name == "Meals" else [])
        new_labelled(organization, category, ({"merchant_name": "Acme", **row} for row in rows))


@pytest.fixture
def filled(organization: OrganizationClient) -> OrganizationClient:
    """An organisation with labelled rows."""
    fill(organization)
    return organization


def submit(engine: Engine, organization: OrganizationClient, params: DatasetParams = PARAMS) -> uuid.UUID:
    with transaction(engine) as session:
        return datasets.submit(session, organization.id, params).id


freeze_work = without_resources(freezing.freeze)


def attempt(engine: Engine, job_id: uuid.UUID, work: Work = freeze_work) -> str | None:
    return execute(engine, job_id, lambda _: work, Lease(60, 10))


def freeze(engine: Engine, organization: OrganizationClient, params: DatasetParams = PARAMS) -> uuid.UUID:
    """A frozen dataset's id."""
    job_id = submit(engine, organization, params)
    assert attempt(engine, job_id) == "succeeded"
    return frozen_by(engine, organization, job_id)


def frozen_by(engine: Engine, organization: OrganizationClient, job_id: uuid.UUID) -> uuid.UUID:
    with transaction(engine) as session:
        result = job_store.get(session, organization.id, job_id).result
    assert result is not None
    return uuid.UUID(result["dataset_id"])


def texts(engine: Engine, organization: OrganizationClient, dataset_id: uuid.UUID) -> dict[str, list[str]]:
    """Each split's texts, sorted."""
    with transaction(engine) as session:
        return {
            name: sorted(item.text for item in datasets.items(session, organization.id, dataset_id, name))
            for name in SPLITS
        }


def test_the_same_contents_and_seed_give_the_same_split_in_any_organization(
    filled: OrganizationClient, engine: Engine
) -> None:
    other = new_organization(filled.client)
    fill(other)
    first = texts(engine, filled, freeze(engine, filled))
    assert (
        first == texts(engine, other, freeze(engine, other)) == texts(engine, filled, freeze(engine, filled))
    )
    assert {name: len(rows) for name, rows in first.items()} == {"train": 13, "test": 4, "eval": 4}
    reseeded = texts(engine, filled, freeze(engine, filled, PARAMS.model_copy(update={"seed": 8})))
    assert reseeded != first
    assert sorted(chain(*reseeded.values())) == sorted(chain(*first.values()))


def test_no_row_is_in_two_splits(filled: OrganizationClient, engine: Engine) -> None:
    dataset_id = freeze(engine, filled)
    with transaction(engine) as session:
        rows = [
            item.transaction_id
            for name in SPLITS
            for item in datasets.items(session, filled.id, dataset_id, name)
        ]
    assert len(rows) == len(set(rows)) == 21


def test_a_half_written_attempt_is_unseen_and_done_anew(
    filled: OrganizationClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezing, "PAGE", 5)
    job_id = submit(engine, filled)
    copied = []

    def dies(run: Run, params: Any) -> Effects:
        def progress(done: int, total: int, note: str = "") -> None:
            copied.append(done)
            if done >= 10:
                raise ConnectionResetError

        run.progress = progress  # type: ignore[method-assign]  # a death in the middle of copying
        return freeze_work(run, params)

    assert attempt(engine, job_id, dies) == "failed"
    assert copied == [5, 10]
    with transaction(engine) as session:
        assert dataset_store.list_(session, filled.id, Paging()).rows == []
        with pytest.raises(DatasetNotFound):
            dataset_store.get(session, filled.id, job_id)
    assert filled.post(f"/v1/jobs/{job_id}/retry").status_code == 200
    assert attempt(engine, job_id) == "succeeded"
    dataset_id = frozen_by(engine, filled, job_id)
    assert dataset_id == job_id
    assert texts(engine, filled, dataset_id) == texts(engine, filled, freeze(engine, filled))


def test_a_dataset_outlives_its_rows(filled: OrganizationClient, engine: Engine) -> None:
    dataset_id = freeze(engine, filled)
    before = texts(engine, filled, dataset_id)
    for row in filled.get("/v1/transactions?limit=200").json()["data"]:
        assert filled.delete(f"/v1/transactions/{row['id']}").status_code == 204
    for category in filled.get("/v1/categories").json()["data"]:
        filled.delete(f"/v1/categories/{category['id']}")
    assert texts(engine, filled, dataset_id) == before
    with transaction(engine) as session:
        dataset = dataset_store.get(session, filled.id, dataset_id)
    assert sorted(category.text for category in dataset.categories.values()) == sorted(WORDS)


def test_an_archived_category_is_left_out_with_its_rows(filled: OrganizationClient, engine: Engine) -> None:
    [meals] = [row for row in filled.get("/v1/categories").json()["data"] if row["name"] == "Meals"]
    filled.delete(f"/v1/categories/{meals['id']}")
    dataset_id = freeze(engine, filled)
    with transaction(engine) as session:
        dataset = dataset_store.get(session, filled.id, dataset_id)
    assert {category.name for category in dataset.categories.values()} == {"Lodging", "Software"}
    assert sum(dataset.counts.values()) == 12
    assert not any("lunch" in text for rows in texts(engine, filled, dataset_id).values() for text in rows)


def test_a_row_deleted_while_it_is_copied_is_not_counted(
    filled: OrganizationClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = filled.get("/v1/transactions").json()["data"][0]["id"]
    replace = dataset_store.replace

    def then_delete(session: Any, dataset: Any) -> None:  # after the split, before the copy
        replace(session, dataset)
        assert filled.delete(f"/v1/transactions/{gone}").status_code == 204

    monkeypatch.setattr(dataset_store, "replace", then_delete)
    dataset_id = freeze(engine, filled)
    with transaction(engine) as session:
        dataset = dataset_store.get(session, filled.id, dataset_id)
    frozen = texts(engine, filled, dataset_id)
    assert dataset.counts == {name: len(rows) for name, rows in frozen.items()}
    assert sum(dataset.counts.values()) == 20


def test_too_few_labels_are_refused(
    organization: OrganizationClient, engine: Engine, resources: Resources
) -> None:
    with pytest.raises(datasets.TooFewLabels):
        submit(engine, organization)
    category = new_category(organization)["id"]
    new_labelled(organization, category, [{}] * 3)
    job_id = submit(engine, organization)
    organization.delete(f"/v1/categories/{category}")  # between asking and doing
    assert attempt(engine, job_id) == "failed"
    with transaction(engine) as session:
        error = job_store.get(session, organization.id, job_id).error
    assert error is not None
    assert error["code"] == "too-few-labels"


def test_rows_alike_in_all_but_their_category_are_split_alike_in_any_database() -> None:
    names = ("Meals", "Lodging", "Meals", "Travel")
    contents = [Content("", "Acme", category) for category in names]
    ids = {category: uuid.uuid4() for category in names}

    def keys(order: list[int]) -> set[tuple[uuid.UUID, uuid.UUID]]:
        row_ids = sorted(uuid.uuid4() for _ in order)  # as they were created, so in another order each time
        rows = [
            LabelledRow(contents[position], row_id, ids[contents[position].category])
            for position, row_id in zip(order, row_ids, strict=True)
        ]
        return {(keyed.key, keyed.row.category_id) for keyed in with_keys(rows)}

    expected = keys([0, 1, 2, 3])
    assert len(expected) == len(contents)
    assert all(keys(list(order)) == expected for order in permutations(range(4)))
