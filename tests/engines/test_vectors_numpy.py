"""Search against brute force on random vectors."""

import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.engines.vectors import Point, PointKind, Search, VectorIndex

# Only the in-memory mode says so, once a process; a server and Edge have these indexes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant:UserWarning"
)


@pytest.fixture(scope="module")
def by_size(index: VectorIndex) -> Iterator[dict[int, str]]:
    names = {size: f"test-{size}-{uuid.uuid4().hex}" for size in (2, 13, 48)}
    for size, name in names.items():
        index.ensure_collection(name, size)
    yield names
    for name in names.values():
        index.drop_collection(name)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([2, 13, 48]),
    count=st.integers(1, 400),
    organizations=st.integers(1, 3),
    limit=st.integers(1, 50),
)
def test_search_agrees_with_numpy(
    index: VectorIndex,
    by_size: dict[int, str],
    seed: int,
    size: int,
    count: int,
    organizations: int,
    limit: int,
) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(count, size)).astype(np.float32)
    queries = generator.normal(size=(4, size)).astype(np.float32)
    tenants = [uuid.uuid4() for _ in range(organizations)]
    kinds: tuple[PointKind, PointKind] = ("category", "transaction")
    points = [
        Point(row, tenants[generator.integers(organizations)], kinds[i % 2], row, row, vector)
        for i, (row, vector) in enumerate((uuid.uuid4(), vector) for vector in vectors)
    ]
    searches = [Search(tenants[0], kinds[i % 2], query, limit) for i, query in enumerate(queries)]
    index.upsert(by_size[size], points)
    answers = index.search(by_size[size], searches)
    for search, hits in zip(searches, answers, strict=True):
        cosine = {
            point.row_id: float(point.vector @ search.vector)
            / float(np.linalg.norm(point.vector) * np.linalg.norm(search.vector))
            for point in points
            if point.organization_id == search.organization_id and point.kind == search.kind
        }
        scores = [hit.score for hit in hits]
        assert scores == pytest.approx(sorted(cosine.values(), reverse=True)[:limit], abs=1e-5)
        assert scores == pytest.approx([cosine[hit.row_id] for hit in hits], abs=1e-5)
        assert len({hit.row_id for hit in hits}) == len(hits)
