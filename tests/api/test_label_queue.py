"""The label queue: two reviewers never get one transaction, and a label never replaces another's unseen."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from shared.kit.db import create_db_engine
from shared.kit.paging import Paging
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.transactions import service as transactions
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction

THREADS = 8


def lease(organization: OrganizationClient, reviewer: str, **wanted: Any) -> list[str]:
    answer = organization.post("/v1/transactions/next", {"reviewer": reviewer, **wanted})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


def let_leases_expire(engine: Engine, organization: OrganizationClient) -> None:
    """Five minutes later, as far as leases can tell."""
    with engine.begin() as connection:
        earlier = "UPDATE label_leases SET leased_until = leased_until - interval '5 minutes'"
        connection.execute(text(f"{earlier} WHERE organization_id = :id"), {"id": organization.id})


@pytest.fixture
def transaction_ids(organization: OrganizationClient) -> list[str]:
    """Six unlabelled transactions, newest first."""
    return [new_transaction(organization)["id"] for _ in range(6)][::-1]


def test_two_reviewers_have_no_transaction_in_common(
    settings: Settings, organization: OrganizationClient
) -> None:
    transaction_ids = {uuid.UUID(new_transaction(organization)["id"]) for _ in range(60)}
    engine = create_db_engine(settings.database_url, pool_size=THREADS)
    start = threading.Barrier(THREADS)

    def look(reviewer: str) -> set[uuid.UUID]:
        held: set[uuid.UUID] = set()
        start.wait()
        while True:
            with transaction(engine) as session:
                page = transactions.lease_unlabelled(
                    session, organization.id, reviewer, held=held, paging=Paging(3)
                )
                new = {row.id for row in page.rows}
            if not new:
                return held
            held |= new

    with ThreadPoolExecutor(THREADS) as pool:
        shares = list(pool.map(look, [f"reviewer {number}" for number in range(THREADS)]))
    engine.dispose()
    assert sum(len(share) for share in shares) == len(transaction_ids)
    assert set().union(*shares) == transaction_ids


def test_a_lease_ends_when_it_expires_when_it_is_given_up_and_when_it_is_used(
    engine: Engine, organization: OrganizationClient, transaction_ids: list[str]
) -> None:
    assert lease(organization, "Jane", count=2) == transaction_ids[:2]
    assert lease(organization, "Ben", count=6) == transaction_ids[2:]
    # Given up: whatever Ben no longer names.
    assert lease(organization, "Ben", count=0, transaction_ids=transaction_ids[2:4]) == []
    assert lease(organization, "Jane", count=6, transaction_ids=transaction_ids[:2]) == transaction_ids[4:]
    # A page that is loaded again names nothing, and gets its own again.
    assert lease(organization, "Ben", count=6) == transaction_ids[2:4]
    let_leases_expire(engine, organization)
    assert lease(organization, "Zoë", count=6) == transaction_ids
    # Renewing does not take back what another one has by now.
    lease(organization, "Ben", count=0, transaction_ids=transaction_ids[2:4])
    assert lease(organization, "Ben", count=6) == []
    organization.put(
        f"/v1/transactions/{transaction_ids[0]}/label", {"category_id": new_category(organization)["id"]}
    )
    assert lease(organization, "Zoë", count=6) == transaction_ids[1:]


def test_a_renewed_lease_lasts(
    engine: Engine, organization: OrganizationClient, transaction_ids: list[str]
) -> None:
    lease(organization, "Jane", count=6)
    lease(organization, "Jane", count=0, transaction_ids=transaction_ids[:1])
    assert lease(organization, "Ben", count=6) == transaction_ids[1:]
    with engine.begin() as connection:
        query = "SELECT leased_until > now() + interval '4 minutes' FROM label_leases WHERE reviewer = 'Jane'"
        assert connection.execute(text(query)).scalars().all() == [True]


def test_the_queue_goes_on_after_the_cursor(
    organization: OrganizationClient, transaction_ids: list[str]
) -> None:
    body = {"reviewer": "Jane", "count": 2}
    page = organization.post("/v1/transactions/next", body).json()
    body |= {
        "transaction_ids": transaction_ids[:1],
        "cursor": page["page"]["next"],
    }  # the second one was skipped
    assert [
        row["id"] for row in organization.post("/v1/transactions/next", body).json()["data"]
    ] == transaction_ids[2:4]
    assert lease(organization, "Ben", count=1) == transaction_ids[1:2]


def test_a_label_does_not_replace_anothers_where_the_reviewer_asks_for_that(
    organization: OrganizationClient, transaction_ids: list[str]
) -> None:
    path = f"/v1/transactions/{transaction_ids[0]}/label"
    travel, meals = (new_category(organization)["id"] for _ in range(2))

    def put(category_id: str, reviewer: str, **more: bool) -> tuple[int, str]:
        answer = organization.put(path, {"category_id": category_id, "reviewer": reviewer, **more})
        return answer.status_code, answer.json().get("code", "")

    careful = {"unless_labelled_by_another": True}
    assert put(travel, "Jane", **careful) == (200, "")
    assert put(meals, "Ben", **careful) == (409, "labelled-by-another")
    assert put(meals, "Jane", **careful) == (200, "")  # her own label she may change
    assert organization.get(path.removesuffix("/label")).json()["label"]["category_id"] == meals
    assert put(travel, "Ben") == (200, "")  # as before, where nobody asks for it
    assert put(meals, "Jane", **careful) == (409, "labelled-by-another")


def test_a_lost_race_is_answered_with_a_conflict(
    settings: Settings, organization: OrganizationClient
) -> None:
    category_id = uuid.UUID(new_category(organization)["id"])
    engine = create_db_engine(settings.database_url, pool_size=THREADS)
    start = threading.Barrier(THREADS)
    transaction_id = uuid.UUID(new_transaction(organization)["id"])

    def label(reviewer: str) -> str:
        start.wait()
        try:
            with transaction(engine) as session:
                transactions.label(
                    session,
                    organization.id,
                    transaction_id,
                    category_id,
                    source="human",
                    actor=reviewer,
                    unless_labelled_by_another=True,
                )
        except transactions.LabelledByAnother:
            return ""
        return reviewer

    with ThreadPoolExecutor(THREADS) as pool:
        winners = [name for name in pool.map(label, map(str, range(THREADS))) if name]
    engine.dispose()
    assert len(winners) == 1
    stored = organization.get(f"/v1/transactions/{transaction_id}").json()["label"]
    assert stored["actor"] == winners[0]
    assert len(organization.get(f"/v1/transactions/{transaction_id}/labels").json()["data"]) == 1


def test_a_lease_on_a_foreign_transaction_is_none(
    client: TestClient, engine: Engine, organization: OrganizationClient, transaction_ids: list[str]
) -> None:
    stranger = new_organization(client)
    assert lease(stranger, "Eve", count=6, transaction_ids=transaction_ids) == []
    assert lease(organization, "Jane", count=6) == transaction_ids
    with engine.begin() as connection:
        query = text("SELECT count(*) FROM label_leases WHERE organization_id = :id")
        assert connection.execute(query, {"id": stranger.id}).scalar() == 0


def test_leasing_needs_the_scope_write(organization: OrganizationClient) -> None:
    answer = organization.with_key("read").post("/v1/transactions/next", {"reviewer": "Jane"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
