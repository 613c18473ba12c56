"""Frequent statements use an index, however many rows there are: their plans on filled tables."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from shared.datasets import store as dataset_store
from shared.erasing import job_retention
from shared.jobs import stats
from shared.jobs import store as job_store
from shared.jobs.kinds import KINDS
from shared.kit.paging import Paging
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.transactions import store as transaction_store
from shared.transactions.store import TransactionFilter
from tests.factories import OrganizationClient

ROWS = 20_000
TABLES = ("jobs", "transactions", "evaluations", "dataset_items")

FILL = (
    """
    INSERT INTO jobs (id, organization_id, kind, queue, priority, status, params, result, attempt,
                      max_attempts, leases_lost, cancel_requested, created_at, started_at, finished_at)
    SELECT gen_random_uuid(), :organization, CASE WHEN mod(n, 50) = 0 THEN 'import' ELSE 'reindex' END,
           'embedding', 3, CASE WHEN mod(n, 500) = 0 THEN 'failed' ELSE 'succeeded' END, '{"rebuild": false}',
           '{"written": 0, "removed": 0}', 1, 3, (mod(n, 1000) = 0)::int, false, at, at, at
    FROM (SELECT n, now() - n * interval '1 minute' * 10 AS at FROM generate_series(1, :rows) AS n)
    """,
    """
    INSERT INTO transactions (id, organization_id, merchant_name, merchant_category, source)
    SELECT gen_random_uuid(), :organization, 'Merchant ' || n, '[]', 'api' FROM generate_series(1, :rows) AS n
    """,
    """
    INSERT INTO datasets (id, organization_id, name, seed, parameters, counts, categories, job_id, frozen_at)
    SELECT gen_random_uuid(), :organization, 'd' || n, 0, '{}', '{}', '{}', gen_random_uuid(), now()
    FROM generate_series(1, 200) AS n
    """,
    """
    INSERT INTO evaluations (id, organization_id, dataset_id, model_version_id, reranker_version_id, split,
                             metrics, per_category, job_id)
    SELECT gen_random_uuid(), :organization, d.id, CASE WHEN n = 1 THEN m.id END, NULL, 'eval', '{}', '{}',
           gen_random_uuid()
    FROM (SELECT id, row_number() OVER () AS n FROM datasets WHERE organization_id = :organization) AS d,
         generate_series(1, :rows / 200),
         (SELECT id FROM model_versions WHERE organization_id = :organization) AS m
    """,
    """
    INSERT INTO dataset_items (id, organization_id, dataset_id, transaction_id, category_id, split, fields)
    SELECT gen_random_uuid(), :organization, d.id, gen_random_uuid(), gen_random_uuid(),
           CASE WHEN mod(n, 3) = 0 THEN 'eval' ELSE 'train' END, '{}'
    FROM (SELECT id FROM datasets WHERE organization_id = :organization) AS d,
         generate_series(1, :rows / 200) AS n
    """,
)


@pytest.fixture(scope="module")
def filled(engine: Engine, client: Any) -> OrganizationClient:
    """An organisation with many rows in every table that is asked here."""
    from tests.factories import new_organization

    organization = new_organization(client)
    with transaction(engine) as session:
        session.execute(text("SET LOCAL statement_timeout = '60s'"))
        for statement in FILL:
            session.execute(text(statement), {"organization": organization.id, "rows": ROWS})
        for table in TABLES:
            session.execute(text(f"ANALYZE {table}"))
    return organization


@pytest.fixture
def plans(engine: Engine) -> Iterator[list[str]]:
    """The plan of each statement from here on, as the server that answers it makes it."""
    explained: list[str] = []

    def explain(connection: Any, _: Any, statement: str, parameters: Any, context: Any, __: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "DELETE", "UPDATE")) and not context.executemany:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {statement}", parameters)
                explained.append("\n".join(row[0] for row in cursor.fetchall()))

    event.listen(engine, "before_cursor_execute", explain)
    yield explained
    event.remove(engine, "before_cursor_execute", explain)


Question = Callable[[Session, uuid.UUID], object]
LATEST = Paging(limit=50)
NOBODY = uuid.UUID(int=7)
QUESTIONS: dict[str, Question] = {
    "measures": lambda session, _: stats.measure(session),
    "jobs": lambda session, owner: job_store.list_(session, owner, LATEST, {}),
    "failed jobs": lambda session, owner: job_store.list_(session, owner, LATEST, {"status": "failed"}),
    "queued jobs": lambda session, owner: job_store.list_(session, owner, LATEST, {"status": "queued"}),
    "jobs of a kind": lambda session, owner: job_store.list_(session, owner, LATEST, {"kind": "train"}),
    "failed jobs of a kind": lambda session, owner: job_store.list_(
        session, owner, LATEST, {"kind": "reindex", "status": "cancelled"}
    ),
    "children": lambda session, owner: job_store.list_(session, owner, LATEST, {"parent_id": NOBODY}),
    "open jobs of a kind": lambda session, owner: job_store.has_open(session, owner, "reindex"),
    "recent imports": lambda session, _: job_store.list_open_or_recent(
        session, "import", kept=dt.timedelta(days=1)
    ),
    "recent reindexes": lambda session, _: job_store.submitted_within(
        session, ("reindex", "activate"), dt.timedelta(days=1)
    ),
    "old jobs": lambda session, _: job_store.list_ended_before(
        session, "import", kept=dt.timedelta(days=130), after=None, limit=10
    ),
    "expired leases": lambda session, _: job_store.expire_leases(session, {}),
    "unpublished jobs": lambda session, _: job_store.take_unpublished(session, 10),
    "a merchant": lambda session, owner: transaction_store.list_(
        session, owner, TransactionFilter(merchant="merchant 77"), LATEST
    ),
    "merchants": lambda session, owner: transaction_store.of_merchants(session, owner, ["Merchant 7"], 5),
    "a leaderboard": lambda session, owner: model_store.list_leaderboard_entries(
        session, owner, NOBODY, "eval"
    ),
    "evaluations of a model": lambda session, owner: model_store.evaluations_of(
        session, owner, NOBODY, limit=20
    ),
    "the latest evaluation": lambda session, owner: model_store.latest_evaluation(session, owner, NOBODY),
    "items of a dataset": lambda session, owner: dataset_store.list_items(
        session, owner, NOBODY, LATEST, split=None
    ),
    "items of a split": lambda session, owner: dataset_store.list_items(
        session, owner, NOBODY, LATEST, split="eval"
    ),
}


# Without its index each of these would walk through all rows of the organisation, or through all ended jobs.
INDEXES = {
    "measures": {"ix_jobs_ended", "ix_jobs_leases_lost", "ix_jobs_plain_reindex"},
    "failed jobs": {"ix_jobs_status"},
    "jobs of a kind": {"ix_jobs_kind"},
    "failed jobs of a kind": {"ix_jobs_kind_status"},
    "recent imports": {"ix_jobs_ended"},
    "old jobs": {"ix_jobs_ended"},
    "a merchant": {"ix_transactions_merchant"},
    "merchants": {"ix_transactions_merchant"},
    "a leaderboard": {"ix_evaluations_leaderboard"},
    "evaluations of a model": {"ix_evaluations_model", "ix_evaluations_reranker"},
    "items of a dataset": {"ix_dataset_items_dataset"},
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_reads_no_whole_table(
    engine: Engine, filled: OrganizationClient, plans: list[str], question: str
) -> None:
    with transaction(engine) as session:
        QUESTIONS[question](session, filled.id)
    assert plans
    for plan in plans:
        assert not any(f"Seq Scan on {table}" in plan for table in TABLES), plan
    for index in INDEXES.get(question, ()):
        assert any(index in plan for plan in plans), plans


def test_upkeep_looks_for_old_jobs_of_every_kind_by_index(
    engine: Engine, filled: OrganizationClient, plans: list[str]
) -> None:
    assert set(job_retention.kept_for(Settings(_env_file=None))) == set(KINDS)
    job_retention.sweep_jobs(engine, job_retention.kept_for(Settings(_env_file=None)), batch=100)
    assert len(plans) >= len(KINDS)
    assert not any("Seq Scan on jobs" in plan for plan in plans), plans


def test_a_search_for_text_is_paged_by_what_it_looked_at(
    engine: Engine, filled: OrganizationClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction_store, "SEARCHED_ROWS", 6_000)
    wanted = TransactionFilter(text="ERCHANT 1777")
    names, pages, cursor = set[str](), 0, None
    while pages == 0 or cursor is not None:
        with transaction(engine) as session:
            page = transaction_store.list_(session, filled.id, wanted, Paging(limit=200, cursor=cursor))
        names |= {row.merchant_name for row in page.rows}
        pages, cursor = pages + 1, page.next
    assert names == {"Merchant 1777", *(f"Merchant 1777{digit}" for digit in range(10))}
    assert pages == 4  # 20,000 rows by 6,000
