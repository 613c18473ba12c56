"""Alembic's entry: migrates the database that the settings name."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from shared.kit.settings import get_settings
from shared.tables import metadata

# One migrator at a time, whoever starts it: every API container may run `upgrade head`.
LOCK_KEY = 7_316_480_212


def run() -> None:
    """Upgrade or downgrade under an advisory lock, never waiting long on a table's lock."""
    url = context.config.attributes.get("database_url") or get_settings().database_url
    options = "-c lock_timeout=2000 -c statement_timeout=5000 -c timezone=UTC"
    engine = create_engine(url, poolclass=pool.NullPool, connect_args={"options": options})
    with engine.connect() as connection:
        # The wait for another migrator may take longer than any statement of its own.
        connection.execute(text("SET statement_timeout = '120s'"))
        connection.execute(text("SET lock_timeout = '120s'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        connection.execute(text("RESET statement_timeout"))
        connection.execute(text("RESET lock_timeout"))
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
        connection.commit()
    engine.dispose()


run()
