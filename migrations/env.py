"""Alembic's entry: migrates the database that the settings name."""

import time

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from shared.kit.settings import get_settings
from shared.tables import metadata

# One migrator at a time, whoever starts it: every API container may run `upgrade head`.
LOCK_KEY = 7_316_480_212
WAIT_S = 120.0
POLL_S = 0.2


def run() -> None:
    """Upgrade or downgrade under an advisory lock, never waiting long on a table's lock."""
    url = context.config.attributes.get("database_url") or get_settings().database_url
    options = "-c lock_timeout=2000 -c statement_timeout=5000 -c timezone=UTC"
    engine = create_engine(url, poolclass=pool.NullPool, connect_args={"options": options})
    with engine.connect() as connection:
        _lock(connection)
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            transaction_per_migration=True,  # what `autocommit_block` (CREATE INDEX CONCURRENTLY) needs
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
        connection.commit()
    engine.dispose()


def _lock(connection: Connection) -> None:
    """Wait for other migrators, in no transaction: CREATE INDEX CONCURRENTLY would wait for ours to end."""
    deadline = time.monotonic() + WAIT_S
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}):
        connection.commit()
        if time.monotonic() > deadline:
            raise TimeoutError("another migrator is at work; try again when it has ended")
        time.sleep(POLL_S)
    connection.commit()


run()
