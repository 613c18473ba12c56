"""Idempotency keys, organisations on their way out, and what fair queues and operators need of jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "idempotency_keys",
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("is_sealed", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_idempotency_keys_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint(
            "organization_id",
            "key",
            name=op.f("uq_idempotency_keys_organization_id_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    op.add_column("organizations", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("leases_lost", sa.Integer(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("traceparent", sa.String(length=64), nullable=True))
    op.create_index(
        "ix_jobs_line",
        "jobs",
        ["queue", "organization_id", "priority", "id"],
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index("ix_jobs_served", "jobs", ["queue", "organization_id", "started_at"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_jobs_served", table_name="jobs")
    op.drop_index("ix_jobs_line", table_name="jobs")
    op.drop_column("jobs", "traceparent")
    op.drop_column("jobs", "leases_lost")
    op.drop_column("organizations", "deleted_at")
    op.drop_table("idempotency_keys")
