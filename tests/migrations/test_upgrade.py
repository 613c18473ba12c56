"""A data folder of an earlier release opens: its database is upgraded, and everything in it is still there.

`release_0_1.sql` is what `pg_dump --rows-per-insert=50` wrote of a database that commit 9688c9f (migration
0005) had filled through its own API and jobs: an organisation with a chart, labels, a frozen dataset,
evaluations with their reports, candidates, an active model, and jobs in every state.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.schema import Table
from starlette.testclient import TestClient

from cli.connectivity import ROOT
from cli.servers import Servers
from shared import bootstrap, tables
from shared.jobs.states import JobStatus
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.organizations import service as organizations
from shared.organizations import store as organization_store
from shared.resources import Resources
from tests.conftest import Databases
from tests.factories import OrganizationClient, run_jobs

DUMP = Path(__file__).with_name("release_0_1.sql")
HEAD_ONLY = {"label_leases"}  # tables that came after the release


@pytest.fixture
def empty_url(servers: Servers, databases: Databases) -> Iterator[str]:
    """A database without a table; the migrated template is not used."""
    url = make_url(servers.database_url).set(database="of_an_earlier_release")
    maintenance = url.set(database="postgres").render_as_string(hide_password=False)
    name = sql.Identifier(str(url.database))
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
    yield url.render_as_string(hide_password=False)
    databases.drop(url.render_as_string(hide_password=False))


def alembic_config(url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = url
    return config


def restore(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(DUMP.read_text().encode())


def rows_by_table(url: str) -> dict[str, int]:
    """How many rows each table has, but for Alembic's own."""
    engine = create_engine(url)
    with engine.connect() as connection:
        names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
        counts = {name: connection.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in names}
    engine.dispose()
    return counts


def schema_of(url: str) -> dict[str, Any]:
    """Columns, indexes and constraints of every table, as the server describes them."""
    engine = create_engine(url)
    with engine.connect() as connection:
        look = inspect(connection)
        schema: dict[str, Any] = {}
        for name in look.get_table_names():
            columns = {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in look.get_columns(name)
            }
            query = text("SELECT indexdef FROM pg_indexes WHERE tablename = :name")
            indexes = set(connection.scalars(query, {"name": name}))
            foreign_keys = {str(key["name"]) for key in look.get_foreign_keys(name)}
            schema[name] = (columns, indexes, foreign_keys)
    engine.dispose()
    return schema


def test_the_dump_has_a_row_in_every_table_of_its_release(empty_url: str) -> None:
    restore(empty_url)
    assert set(rows_by_table(empty_url)) == set(tables.metadata.tables) - HEAD_ONLY
    assert all(rows_by_table(empty_url).values())


@pytest.fixture
def upgraded(empty_url: str, settings: Settings, tmp_path: Path) -> Iterator[Resources]:
    """What the doors are given over the upgraded database."""
    restore(empty_url)
    command.upgrade(alembic_config(empty_url), "head")
    resources = bootstrap.build(
        settings.model_copy(update={"database_url": empty_url, "artifacts_dir": tmp_path})
    )
    yield resources
    resources.close()


def test_everything_of_an_earlier_release_can_still_be_read_and_worked_on(upgraded: Resources) -> None:
    from api.main import create_app

    with TestClient(create_app(resources=upgraded)) as client:
        organization = _with_a_key(upgraded, client)

        def listed(path: str) -> list[dict[str, Any]]:
            answer = organization.get(path)
            assert answer.status_code == 200, (path, answer.text)
            rows: list[dict[str, Any]] = answer.json()["data"]
            assert rows, path
            return rows

        assert len(listed("/v1/transactions?limit=200")) == 19
        assert {row["name"] for row in listed("/v1/categories")} >= {"Meals", "Lodging", "Software", "Travel"}
        for dataset in listed("/v1/datasets"):
            assert organization.get(f"/v1/datasets/{dataset['id']}").status_code == 200
            listed(f"/v1/datasets/{dataset['id']}/items")
        methods = set()
        for evaluation in listed("/v1/evaluations"):
            answer = organization.get(f"/v1/evaluations/{evaluation['id']}")
            assert answer.status_code == 200, answer.text
            methods.add(evaluation["method"])
        assert len(methods) > 1  # a model, and baselines
        for model in listed("/v1/models"):
            assert organization.get(f"/v1/models/{model['id']}/card").status_code == 200
        for job in listed("/v1/jobs?limit=200"):
            assert organization.get(f"/v1/jobs/{job['id']}").status_code == 200
        assert {job["status"] for job in listed("/v1/jobs?limit=200")} == set(JobStatus)
        listed("/v1/candidates")
        assert client.get("/metrics").text.count("outlay_database_up 1.0") == 1
        ended = run_jobs(upgraded, organization)
        assert ended
        assert {status for statuses in ended.values() for status in statuses} == {"succeeded"}


def test_up_down_up_is_the_same_schema_and_loses_nothing(empty_url: str) -> None:
    config = alembic_config(empty_url)
    restore(empty_url)
    before = rows_by_table(empty_url)
    command.upgrade(config, "head")
    at_head = schema_of(empty_url)
    command.downgrade(config, "0005")
    assert rows_by_table(empty_url) == before
    command.upgrade(config, "head")
    assert schema_of(empty_url) == at_head
    assert {name: count for name, count in rows_by_table(empty_url).items() if count} == before


def test_every_migration_can_be_taken_back(empty_url: str) -> None:
    config = alembic_config(empty_url)
    command.upgrade(config, "head")
    at_head = schema_of(empty_url)
    command.downgrade(config, "base")
    assert rows_by_table(empty_url) == {}
    command.upgrade(config, "head")
    assert schema_of(empty_url) == at_head
    assert set(at_head) - {"alembic_version"} == {
        table.name for table in tables.metadata.sorted_tables if isinstance(table, Table)
    }


def test_an_index_that_an_interrupted_migration_left_is_built_anew(empty_url: str) -> None:
    config = alembic_config(empty_url)
    command.upgrade(config, "0005")
    index = "'ix_jobs_status'::regclass"
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("CREATE INDEX ix_jobs_status ON jobs (status)")
        connection.execute(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = {index}")
        connection.execute("ALTER TABLE jobs ADD COLUMN given_back_since timestamptz")
    command.upgrade(config, "head")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        query = f"SELECT indisvalid, pg_get_indexdef(indexrelid) FROM pg_index WHERE indexrelid = {index}"
        [(is_valid, definition)] = connection.execute(query).fetchall()
    assert is_valid
    assert "(organization_id, status, id)" in definition


def _with_a_key(resources: Resources, client: TestClient) -> OrganizationClient:
    with transaction(resources.engine) as session:
        [organization_id] = organization_store.list_ids(session)
        key = organizations.create_key(
            session, organization_id, name="after the upgrade", scopes=organizations.ALL_SCOPES
        )
    return OrganizationClient(organization_id, key.token, key.row.id, client)
