"""Two reviewers never hold the same candidate, and what nobody holds any more is free."""

import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.candidates import decisions
from shared.candidates import service as candidates
from shared.candidates import store as candidate_store
from shared.candidates.store import CandidateFilter
from shared.candidates.tables import Candidate
from shared.kit.db import create_db_engine
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient, new_candidates, new_category

THREADS = 8

Lease = Callable[..., list[uuid.UUID]]


@pytest.fixture
def lease(engine: Engine, organization: OrganizationClient) -> Lease:
    """Ask for candidates: their ids."""

    def ask(reviewer: str, count: int = 1, order: str = "oldest", **wanted: Any) -> list[uuid.UUID]:
        with transaction(engine) as session:
            rows = candidates.lease(
                session, organization.id, reviewer, CandidateFilter(**wanted), order=order, count=count
            )
            return [row.id for row in rows]

    return ask


@pytest.fixture
def wide_engine(settings: Settings) -> Iterator[Engine]:
    """A connection for each thread."""
    engine = create_db_engine(settings.database_url, pool_size=THREADS)
    yield engine
    engine.dispose()


def row_of(engine: Engine, candidate_id: uuid.UUID) -> Candidate:
    with transaction(engine) as session:
        return session.get_one(Candidate, candidate_id)


def let_leases_run_out(engine: Engine, organization: OrganizationClient) -> None:
    """Five minutes later, as far as leases can tell."""
    with engine.begin() as connection:
        shorter = "UPDATE candidates SET leased_until = leased_until - interval '5 minutes'"
        connection.execute(text(f"{shorter} WHERE organization_id = :id"), {"id": organization.id})


def test_no_candidate_is_ever_held_by_two(wide_engine: Engine, organization: OrganizationClient) -> None:
    candidate_ids = new_candidates(wide_engine, organization, 200)
    holders: dict[uuid.UUID, str] = {}
    twice: list[uuid.UUID] = []
    mutex, start = threading.Lock(), threading.Barrier(THREADS)

    def review(reviewer: str) -> None:
        draw = random.Random(reviewer)
        start.wait()
        while True:
            order = draw.choice(["hardest", "disagreed", "oldest", "random"])
            with transaction(wide_engine) as session:
                rows = candidates.lease(
                    session,
                    organization.id,
                    reviewer,
                    CandidateFilter(),
                    order=order,
                    count=draw.randint(1, 5),
                )
                ids = [row.id for row in rows]
            with mutex:
                twice.extend(
                    candidate_id
                    for candidate_id in ids
                    if holders.setdefault(candidate_id, reviewer) != reviewer
                )
            if not ids:
                return
            for candidate_id in ids:
                with transaction(wide_engine) as session:
                    decisions.reject(
                        session,
                        decisions.lock_for_decision(
                            session, organization.id, candidate_id, "reject", reviewer
                        ),
                        None,
                        reviewer,
                    )

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(review, [f"reviewer {number}" for number in range(THREADS)]))
    assert twice == []
    assert set(holders) == set(candidate_ids)
    assert len(set(holders.values())) > 1  # they were at it together
    with transaction(wide_engine) as session:
        assert len(candidate_store.list_decisions(session, organization.id, after=None, limit=200)) == 200


def test_what_a_reviewer_holds_comes_first_and_is_theirs_for_longer(
    engine: Engine, organization: OrganizationClient, lease: Lease
) -> None:
    new_candidates(engine, organization, 5)
    first = lease("Jane", 2, "hardest")
    before = row_of(engine, first[0]).leased_until
    assert lease("Jane", 2, "hardest") == first
    assert set(lease("Jane", 3, "oldest")) > set(first)
    after = row_of(engine, first[0]).leased_until
    assert before is not None
    assert after is not None
    assert after > before
    assert not set(lease("Joe", 5)) & set(lease("Jane", 3))


def test_a_lease_that_ran_out_is_free_again(
    engine: Engine, organization: OrganizationClient, lease: Lease
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    assert lease("Jane") == [candidate_id]
    assert lease("Joe") == []
    let_leases_run_out(engine, organization)
    assert lease("Joe") == [candidate_id]
    assert lease("Jane") == []
    assert row_of(engine, candidate_id).leased_by == "Joe"


def test_a_lease_lasts_five_minutes_by_the_databases_clock(
    engine: Engine, organization: OrganizationClient, lease: Lease
) -> None:
    [candidate_id] = new_candidates(engine, organization, 1)
    with engine.connect() as connection:
        earlier = connection.scalar(text("SELECT now()"))
    lease("Jane")
    with engine.connect() as connection:
        later = connection.scalar(text("SELECT now()"))
    until = row_of(engine, candidate_id).leased_until
    assert earlier + candidates.LEASE <= until <= later + candidates.LEASE
    assert candidates.LEASE.total_seconds() == 300


def test_whom_another_transaction_holds_is_passed_over(
    engine: Engine, organization: OrganizationClient, lease: Lease
) -> None:
    first, second = new_candidates(engine, organization, 2)
    with transaction(engine) as session:
        decisions.lock_for_decision(session, organization.id, first, "reject", "Joe")
        assert lease("Jane") == [second]


def test_the_orders(engine: Engine, organization: OrganizationClient, lease: Lease) -> None:
    candidate_ids = new_candidates(engine, organization, 9)
    rows = {candidate_id: row_of(engine, candidate_id) for candidate_id in candidate_ids}
    with engine.begin() as connection:  # one that was never measured
        query = text("UPDATE candidates SET rank = NULL, margin = NULL WHERE id = :id")
        connection.execute(query, {"id": candidate_ids[0]})
    measured = candidate_ids[1:]
    hardest = sorted(
        measured,
        key=lambda candidate_id: (-(rows[candidate_id].rank or 0), rows[candidate_id].margin, candidate_id),
    )
    disagreed = sorted(measured, key=lambda candidate_id: (rows[candidate_id].margin, candidate_id))
    assert lease("Jane", 9, "oldest") == candidate_ids
    assert lease("Jane", 9, "hardest") == [*hardest, candidate_ids[0]]
    assert lease("Jane", 9, "disagreed") == [*disagreed, candidate_ids[0]]
    shuffled = lease("Jane", 9, "random")
    assert shuffled != candidate_ids
    assert lease("Jane", 9, "random") == shuffled
    let_leases_run_out(engine, organization)
    assert lease("Joe", 9, "random") != shuffled


def test_filters_narrow(engine: Engine, organization: OrganizationClient, lease: Lease) -> None:
    category_id = uuid.UUID(new_category(organization)["id"])
    [plain] = new_candidates(engine, organization, 1, category_id=category_id)
    [hard] = new_candidates(engine, organization, 1, style="ambiguous")
    [named] = new_candidates(engine, organization, 1, paraphrase="Overnight stays")
    assert lease("Jane", 3, category_id=category_id) == [plain]
    assert lease("Jane", 3, style="ambiguous") == [hard]
    assert lease("Jane", 3, kind="paraphrase") == [named]
    assert lease("Jane", 3) == [plain, hard, named]
