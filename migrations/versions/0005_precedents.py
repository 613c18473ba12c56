"""An index by which earlier transactions of a merchant at a place are found."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the schema forward; writes of transactions wait while the index is built."""
    # Some seconds for a million rows. Not CONCURRENTLY: that waits for a migrator that waits for our lock.
    op.execute("SET LOCAL statement_timeout = '10min'")
    op.create_index(
        "ix_transactions_place",
        "transactions",
        [
            "organization_id",
            sa.text("md5(lower((merchant_name || chr(10)) || coalesce(location, department)))"),
        ],
    )
    op.execute("SET LOCAL statement_timeout = '5s'")


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_transactions_place", table_name="transactions")
