"""What both answers to `VectorIndex` do alike: Edge through a real sidecar, qdrant-client, a real server."""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from shared.engines.vectors import (
    VECTORS_PER_PAGE,
    CollectionMissing,
    IndexRefused,
    Point,
    PointKind,
    Search,
    VectorIndex,
    check_name,
    point_id,
)

# Only the in-memory mode says so, once a process; a server and Edge have these indexes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant:UserWarning"
)

SIZE = 8


@contextmanager
def collection(index: VectorIndex, size: int = SIZE) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex}"
    index.ensure_collection(name, size)
    try:
        yield name
    finally:
        index.drop_collection(name)


@pytest.fixture
def name(index: VectorIndex) -> Iterator[str]:
    with collection(index) as name:
        yield name


def vector(*values: float) -> np.ndarray:
    return np.array(list(values) + [0.0] * (SIZE - len(values)), dtype=np.float32)


def point(
    organization: uuid.UUID,
    values: np.ndarray,
    *,
    kind: PointKind = "transaction",
    row: uuid.UUID | None = None,
    category: uuid.UUID | None = None,
    digest: str = "",
) -> Point:
    row = row or uuid.uuid4()
    return Point(
        point_id("model", kind, row), organization, kind, row, category or uuid.uuid4(), values, digest
    )


def rows(
    index: VectorIndex,
    name: str,
    organization: uuid.UUID,
    values: np.ndarray,
    *,
    kind: PointKind = "transaction",
    limit: int = 10,
    exclude: Iterable[uuid.UUID] = (),
) -> list[uuid.UUID]:
    [hits] = index.search(name, [Search(organization, kind, values, limit, tuple(exclude))])
    return [hit.row_id for hit in hits]


def test_a_point_comes_back_as_it_was_written(index: VectorIndex, name: str) -> None:
    us = uuid.uuid4()
    near, far = point(us, vector(1, 0)), point(us, vector(1, 1))
    index.upsert(name, [far, near])
    [hits] = index.search(name, [Search(us, "transaction", vector(2, 0), 10)])
    assert [(hit.row_id, hit.category_id) for hit in hits] == [
        (near.row_id, near.category_id),
        (far.row_id, far.category_id),
    ]
    assert [hit.score for hit in hits] == pytest.approx([1.0, 0.5**0.5], abs=1e-6)


def test_organizations_never_meet(index: VectorIndex, name: str) -> None:
    us, them = uuid.uuid4(), uuid.uuid4()
    ours, theirs = point(us, vector(1), digest="ours"), point(them, vector(1), digest="theirs")
    index.upsert(name, [ours, theirs])
    assert rows(index, name, us, vector(1)) == [ours.row_id]
    assert dict(index.digests(name, us)) == {ours.id: "ours"}
    assert index.count(name, us) == 1
    assert rows(index, name, uuid.uuid4(), vector(1)) == []
    index.delete_organization(name, us)
    assert index.count(name, us) == 0
    assert rows(index, name, them, vector(1)) == [theirs.row_id]


def test_kinds_are_searched_apart(index: VectorIndex, name: str) -> None:
    us = uuid.uuid4()
    category, transaction = point(us, vector(1), kind="category"), point(us, vector(1))
    index.upsert(name, [category, transaction])
    assert rows(index, name, us, vector(1), kind="category") == [category.row_id]
    assert rows(index, name, us, vector(1), kind="transaction") == [transaction.row_id]


def test_writing_twice_is_writing_once_and_the_last_write_counts(index: VectorIndex, name: str) -> None:
    us, row = uuid.uuid4(), uuid.uuid4()
    index.upsert(name, [point(us, vector(1), row=row, digest="old")])
    renewed = point(us, vector(0, 1), row=row, digest="new")
    index.upsert(name, [renewed])
    index.upsert(name, [renewed])
    assert index.count(name, us) == 1
    [hits] = index.search(name, [Search(us, "transaction", vector(0, 1), 10)])
    assert [(hit.row_id, hit.category_id) for hit in hits] == [(row, renewed.category_id)]
    assert hits[0].score == pytest.approx(1.0)
    assert list(index.digests(name, us)) == [(renewed.id, "new")]


def test_delete_removes_those_points_and_no_others(index: VectorIndex, name: str) -> None:
    us = uuid.uuid4()
    points = [point(us, vector(1, i)) for i in range(5)]
    index.upsert(name, points)
    index.delete(name, [points[0].id, points[3].id, uuid.uuid4()])
    index.delete(name, [points[0].id])
    index.delete(name, [])
    assert {row for row, _ in index.digests(name, us)} == {points[i].id for i in (1, 2, 4)}


def test_digests_and_count_go_on_past_one_page(index: VectorIndex, name: str) -> None:
    us, them = uuid.uuid4(), uuid.uuid4()
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(2345, SIZE)).astype(np.float32)
    points = [point(us, values, digest=f"d{i}") for i, values in enumerate(vectors)]
    index.upsert(name, [*points, *(point(them, vector(1)) for _ in range(10))])
    assert sorted(index.digests(name, us)) == sorted((point.id, point.digest) for point in points)
    assert index.count(name, us) == 2345
    index.delete(name, [point.id for point in points[:1500]])
    assert index.count(name, us) == 845


def test_excluded_rows_leave_their_places_to_the_next(index: VectorIndex, name: str) -> None:
    us = uuid.uuid4()
    points = [point(us, vector(1, i)) for i in range(6)]
    index.upsert(name, points)
    exclude = [points[0].row_id, points[2].row_id, uuid.uuid4()]
    assert rows(index, name, us, vector(1), limit=3, exclude=exclude) == [points[i].row_id for i in (1, 3, 4)]


def test_each_query_of_a_batch_has_its_own_answer(index: VectorIndex, name: str) -> None:
    us, them = uuid.uuid4(), uuid.uuid4()
    fan = [vector(np.cos(i / 60), np.sin(i / 60)) for i in range(90)]
    points = [point(us, values) for values in fan]
    index.upsert(name, [*points, point(them, vector(1), kind="category")])
    searches = [Search(us, "transaction", values, 1 + i % 3) for i, values in enumerate(fan)]
    searches.append(Search(them, "transaction", vector(1), 5))
    searches.append(Search(them, "category", vector(1), 5))
    answers = index.search(name, searches)
    assert [len(hits) for hits in answers] == [1 + i % 3 for i in range(90)] + [0, 1]
    assert [hits[0].row_id for hits in answers[:90]] == [point.row_id for point in points]
    assert index.search(name, []) == []


@pytest.mark.parametrize("count", [6, 60, 300])
def test_ties_come_in_the_order_of_row_id_also_at_the_cut(index: VectorIndex, name: str, count: int) -> None:
    us = uuid.uuid4()
    best = point(us, vector(1, 0))
    tied = [point(us, vector(1, 1)) for _ in range(count)]
    random.Random(count).shuffle(tied)
    index.upsert(name, [*tied, best])
    expected = [best.row_id, *sorted(point.row_id for point in tied)[:4]]
    assert rows(index, name, us, vector(1, 0), limit=5) == expected


def test_a_missing_collection_is_said(index: VectorIndex) -> None:
    us, name = uuid.uuid4(), f"test-{uuid.uuid4().hex}"
    assert not index.has_collection(name)
    for call in (
        lambda: index.upsert(name, [point(us, vector(1))]),
        lambda: index.delete(name, [uuid.uuid4()]),
        lambda: index.delete_organization(name, us),
        lambda: index.search(name, [Search(us, "category", vector(1), 1)]),
        lambda: list(index.digests(name, us)),
        lambda: index.count(name, us),
    ):
        with pytest.raises(CollectionMissing):
            call()
    index.drop_collection(name)
    assert not index.has_collection(name)


def test_a_collection_is_made_once_and_dropped_with_its_points(index: VectorIndex, name: str) -> None:
    us = uuid.uuid4()
    index.upsert(name, [point(us, vector(1))])
    index.ensure_collection(name, SIZE)
    assert index.has_collection(name)
    assert index.count(name, us) == 1
    with pytest.raises(IndexRefused):
        index.ensure_collection(name, SIZE + 1)
    index.drop_collection(name)
    assert not index.has_collection(name)
    index.ensure_collection(name, SIZE + 1)
    assert index.count(name, us) == 0


def test_a_vector_that_does_not_fit_is_refused_and_nothing_is_written(index: VectorIndex, name: str) -> None:
    us = uuid.uuid4()
    wrong = [np.ones(SIZE + 1, np.float32), vector(float("nan")), vector(float("inf"))]
    for values in wrong:
        with pytest.raises(IndexRefused):
            index.upsert(name, [point(us, values)])
        with pytest.raises(IndexRefused):
            index.search(name, [Search(us, "transaction", values, 1)])
    with pytest.raises(IndexRefused):
        index.upsert(name, [point(us, vector(1)), point(us, wrong[0])])
    with pytest.raises(ValueError, match="limit"):
        index.search(name, [Search(us, "transaction", vector(1), 0)])
    assert index.count(name, us) == 0


@pytest.mark.parametrize("bad", ["", "..", "../x", "a/b", "A", "a b", "a" * 81, ".lock", "a\n"])
def test_a_name_that_is_no_safe_folder_is_refused(index: VectorIndex, bad: str) -> None:
    with pytest.raises(ValueError, match="name"):
        check_name(bad)
    calls: list[Callable[[], object]] = [
        lambda: index.ensure_collection(bad, SIZE),
        lambda: index.drop_collection(bad),
        lambda: index.has_collection(bad),
        lambda: index.count(bad, uuid.uuid4()),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="name"):
            call()


def test_ping(index: VectorIndex) -> None:
    index.ping()


def test_every_collection_is_named_once(index: VectorIndex, name: str) -> None:
    with collection(index) as other:
        collections = index.collections()
        assert {name, other} <= set(collections)
        assert collections == sorted(set(collections))
    assert other not in index.collections()


def test_every_organization_with_a_point_is_named(index: VectorIndex, name: str) -> None:
    assert index.organizations(name) == set()
    several = [uuid.uuid4() for _ in range(12)]  # more than a facet's usual ten
    points = [point(organization, vector(1.0, 0.5)) for organization in several for _ in range(2)]
    index.upsert(name, points)
    assert index.organizations(name) == set(several)
    index.delete_organization(name, several[0])
    index.delete(name, [point.id for point in points if point.organization_id == several[1]])
    assert index.organizations(name) == set(several[2:])


def test_the_organizations_of_a_missing_collection(index: VectorIndex) -> None:
    with pytest.raises(CollectionMissing):
        index.organizations("not-there")


def test_vectors_of_one_kind_and_organisation_come_whole_whatever_their_number(
    index: VectorIndex, name: str
) -> None:
    ours, theirs = uuid.uuid4(), uuid.uuid4()
    rng = np.random.default_rng(5)
    count = VECTORS_PER_PAGE + 3
    values = rng.normal(size=(count, SIZE)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    points = [point(ours, row, kind="category") for row in values]
    index.upsert(name, [*points, point(ours, vector(1)), point(theirs, vector(1), kind="category")])
    row_ids, vectors = index.vectors(name, ours, "category")
    assert (len(row_ids), vectors.shape) == (count, (count, SIZE))
    stored = dict(zip(row_ids, vectors, strict=True))
    for written in points:
        np.testing.assert_allclose(stored[written.row_id], written.vector, atol=1e-6)


def test_of_nobody_there_are_no_vectors(index: VectorIndex, name: str) -> None:
    row_ids, vectors = index.vectors(name, uuid.uuid4(), "category")
    assert (row_ids, len(vectors)) == ([], 0)
    with pytest.raises(CollectionMissing):
        index.vectors("not-there", uuid.uuid4(), "category")
