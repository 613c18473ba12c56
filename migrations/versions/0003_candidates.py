"""Candidates, the decisions on them, and what a frozen dataset reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "candidates",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.Column("paraphrase", sa.String(length=200), nullable=True),
        sa.Column("merchant_name", sa.String(length=500), nullable=True),
        sa.Column("merchant_descriptor", sa.String(length=500), nullable=True),
        sa.Column("merchant_category", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("merchant_category_code", sa.String(length=4), nullable=True),
        sa.Column("department", sa.String(length=200), nullable=True),
        sa.Column("location", sa.String(length=200), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=4), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("memo", sa.Text(), nullable=True),
        sa.Column("spend_program_name", sa.String(length=200), nullable=True),
        sa.Column("trip_name", sa.String(length=200), nullable=True),
        sa.Column("occurred_on", sa.Date(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("style", sa.String(length=20), nullable=False),
        sa.Column("prompt_version", sa.String(length=50), nullable=False),
        sa.Column("llm", sa.String(length=200), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("model_version_id", sa.Uuid(), nullable=True),
        sa.Column("leased_by", sa.String(length=200), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.Column("transaction_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('transaction', 'paraphrase')", name=op.f("ck_candidates_kind")),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected', 'skipped')", name=op.f("ck_candidates_status")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "category_id"],
            ["categories.organization_id", "categories.id"],
            name=op.f("fk_candidates_organization_id_category_id_categories"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_candidates_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidates")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_candidates_organization_id_id")),
    )
    op.create_index("ix_candidates_category", "candidates", ["organization_id", "category_id"], unique=False)
    op.create_index("ix_candidates_job", "candidates", ["organization_id", "job_id"], unique=False)
    op.create_index("ix_candidates_review", "candidates", ["organization_id", "status", "id"], unique=False)
    op.create_table(
        "candidate_decisions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("candidate_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "decision IN ('approve', 'reject', 'skip')", name=op.f("ck_candidate_decisions_decision")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "candidate_id"],
            ["candidates.organization_id", "candidates.id"],
            name=op.f("fk_candidate_decisions_organization_id_candidate_id_candidates"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate_decisions")),
    )
    op.create_index(
        "ix_candidate_decisions_actor",
        "candidate_decisions",
        ["organization_id", "actor", "id"],
        unique=False,
    )
    op.create_index(
        "ix_candidate_decisions_candidate",
        "candidate_decisions",
        ["organization_id", "candidate_id"],
        unique=False,
    )
    op.add_column("datasets", sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("datasets", "report")
    op.drop_index("ix_candidate_decisions_candidate", table_name="candidate_decisions")
    op.drop_index("ix_candidate_decisions_actor", table_name="candidate_decisions")
    op.drop_table("candidate_decisions")
    op.drop_index("ix_candidates_review", table_name="candidates")
    op.drop_index("ix_candidates_job", table_name="candidates")
    op.drop_index("ix_candidates_category", table_name="candidates")
    op.drop_table("candidates")
