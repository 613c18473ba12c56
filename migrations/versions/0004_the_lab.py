"""Rerankers, shorter vectors, baselines, reports, and jobs that are part of another."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

KINDS = "kind IN ('base', 'fine_tuned', 'imported', 'reranker', 'hosted_reranker')"


def upgrade() -> None:
    """Bring the schema forward."""
    op.add_column("jobs", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_jobs_children",
        "jobs",
        ["parent_id", "id"],
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.drop_constraint(op.f("ck_model_versions_kind"), "model_versions", type_="check")
    op.create_check_constraint(op.f("ck_model_versions_kind"), "model_versions", KINDS)
    op.add_column("model_versions", sa.Column("dimension", sa.Integer(), nullable=True))
    op.add_column("active_models", sa.Column("reranker_version_id", sa.Uuid(), nullable=True))
    op.add_column(
        "active_models", sa.Column("rerank_top_n", sa.Integer(), server_default="10", nullable=False)
    )
    op.create_foreign_key(
        op.f("fk_active_models_organization_id_reranker_version_id_model_versions"),
        "active_models",
        "model_versions",
        ["organization_id", "reranker_version_id"],
        ["organization_id", "id"],
    )
    op.add_column(
        "evaluations", sa.Column("method", sa.String(length=30), server_default="model", nullable=False)
    )
    op.add_column("evaluations", sa.Column("reranker_version_id", sa.Uuid(), nullable=True))
    op.add_column("evaluations", sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.alter_column("evaluations", "model_version_id", nullable=True)
    op.add_column("evaluation_rows", sa.Column("rank_without_reranker", sa.Integer(), nullable=True))
    op.add_column("evaluation_rows", sa.Column("score", sa.Float(), nullable=True))


def downgrade() -> None:
    """Take it back; what only the newer code can read goes."""
    op.drop_column("evaluation_rows", "score")
    op.drop_column("evaluation_rows", "rank_without_reranker")
    op.execute("DELETE FROM evaluations WHERE model_version_id IS NULL")
    op.alter_column("evaluations", "model_version_id", nullable=False)
    op.drop_column("evaluations", "report")
    op.drop_column("evaluations", "reranker_version_id")
    op.drop_column("evaluations", "method")
    op.drop_constraint(
        op.f("fk_active_models_organization_id_reranker_version_id_model_versions"),
        "active_models",
        type_="foreignkey",
    )
    op.drop_column("active_models", "rerank_top_n")
    op.drop_column("active_models", "reranker_version_id")
    op.drop_column("model_versions", "dimension")
    op.execute("DELETE FROM model_versions WHERE kind NOT IN ('base', 'fine_tuned')")
    op.drop_constraint(op.f("ck_model_versions_kind"), "model_versions", type_="check")
    op.create_check_constraint(
        op.f("ck_model_versions_kind"), "model_versions", "kind IN ('base', 'fine_tuned')"
    )
    op.drop_index("ix_jobs_children", "jobs")
    op.drop_column("jobs", "parent_id")
