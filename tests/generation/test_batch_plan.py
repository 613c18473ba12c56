"""The plan: every row asked once, evenly or by need, the same for the same seed."""

import uuid
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shared.generation.batch_plan import BATCH_SIZE, Need, allocate, plan

IDS = st.lists(st.uuids(), min_size=1, max_size=40, unique=True)
COUNTS = st.integers(1, 2000)
SEEDS = st.integers(0, 2**31 - 1)
NEEDS = st.builds(Need, st.integers(0, 500), st.none() | st.floats(0, 1))


@given(IDS, COUNTS, SEEDS)
def test_balanced_differs_by_one_at_most(ids: list[uuid.UUID], count: int, seed: int) -> None:
    given_ = allocate(dict.fromkeys(ids, 1.0), count, seed)
    assert sum(given_.values()) == count
    assert max(given_.values()) - min(given_.values()) <= 1


@given(st.dictionaries(st.uuids(), NEEDS, min_size=1, max_size=40), COUNTS, SEEDS)
def test_who_needs_more_gets_no_less(needs: dict[uuid.UUID, Need], count: int, seed: int) -> None:
    given_ = allocate({category_id: need.weight for category_id, need in needs.items()}, count, seed)
    assert sum(given_.values()) == count
    for category_id, need in needs.items():
        for other, theirs in needs.items():
            if need.weight > theirs.weight + 1e-6:
                assert given_[category_id] >= given_[other]


@given(IDS, COUNTS, SEEDS, st.booleans())
def test_batches_hold_the_allocation_and_nothing_else(
    ids: list[uuid.UUID], count: int, seed: int, by_need: bool
) -> None:
    needs = {category_id: Need(position) for position, category_id in enumerate(ids)} if by_need else None
    batches = plan(ids, count, seed, needs)
    total: Counter[uuid.UUID] = Counter()
    for batch in batches:
        total.update(batch.wanted)
    assert total.total() == count
    assert total.keys() <= set(ids)
    assert [batch.number for batch in batches] == list(range(len(batches)))
    assert {batch.size for batch in batches[:-1]} <= {BATCH_SIZE}
    assert 1 <= batches[-1].size <= BATCH_SIZE
    assert plan(list(reversed(ids)), count, seed, needs) == batches


def test_another_seed_is_another_plan() -> None:
    ids = [uuid.UUID(int=number) for number in range(30)]
    assert plan(ids, 100, 1) != plan(ids, 100, 2)


def test_need_falls_with_examples_and_recall() -> None:
    assert Need(0).weight > Need(10).weight > Need(100).weight
    assert Need(10, 0.2).weight > Need(10, 0.9).weight
    assert Need(10, 0.1).weight > Need(10).weight > Need(10, 0.9).weight
