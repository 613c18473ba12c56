"""Indexes that bound every query however much history there is; since when a job has been put off."""

from alembic import op

revision = "0006"
down_revision = "0005"

ENDED = "finished_at IS NOT NULL"
PLAIN_REINDEX = "kind = 'reindex' AND status = 'succeeded' AND (params ->> 'rebuild') IS DISTINCT FROM 'true'"

# (name, table, columns and expressions, condition)
INDEXES = (
    ("ix_jobs_status", "jobs", "organization_id, status, id", None),
    ("ix_jobs_kind", "jobs", "organization_id, kind, id", None),
    ("ix_jobs_kind_status", "jobs", "organization_id, kind, status, id", None),
    ("ix_jobs_ended", "jobs", "kind, finished_at, status", ENDED),
    ("ix_jobs_leases_lost", "jobs", "kind, leases_lost", "leases_lost > 0"),
    ("ix_jobs_plain_reindex", "jobs", "organization_id, id", PLAIN_REINDEX),
    ("ix_transactions_merchant", "transactions", "organization_id, lower(merchant_name), id", None),
    ("ix_evaluations_leaderboard", "evaluations", "organization_id, dataset_id, split, id", None),
    ("ix_evaluations_model", "evaluations", "organization_id, model_version_id, id", None),
    (
        "ix_evaluations_reranker",
        "evaluations",
        "organization_id, reranker_version_id, id",
        "reranker_version_id IS NOT NULL",
    ),
    ("ix_dataset_items_dataset", "dataset_items", "dataset_id, id", None),
)


def upgrade() -> None:
    """Bring the schema forward; nobody who writes waits for an index."""
    # IF NOT EXISTS: what an interrupted run of this migration added is committed already.
    op.execute("ALTER TABLE jobs ADD COLUMN IF NOT EXISTS given_back_since timestamptz")
    with op.get_context().autocommit_block():
        _be_patient()
        for name, table, columns, condition in INDEXES:
            where = f" WHERE {condition}" if condition else ""
            # One that an interrupted migration left is invalid, and would count as there.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} ({columns}){where}")
        # The same columns as the unique constraint.
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_jobs_organization")
        _be_usual()


def downgrade() -> None:
    """Take it back."""
    with op.get_context().autocommit_block():
        _be_patient()
        op.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_jobs_organization ON jobs (organization_id, id)"
        )
        for name, *_ in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        _be_usual()
    op.execute("ALTER TABLE jobs DROP COLUMN IF EXISTS given_back_since")


def _be_patient() -> None:
    """An index over millions of rows takes minutes, and it waits for the transactions that are open now."""
    op.execute("SET statement_timeout = '2h'")
    op.execute("SET lock_timeout = '60s'")


def _be_usual() -> None:
    op.execute("RESET statement_timeout")
    op.execute("RESET lock_timeout")
