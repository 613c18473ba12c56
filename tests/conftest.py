"""The real servers, a migrated database that costs a copy, and the app on top of them.

Each pytest-xdist worker starts servers of its own, in a folder of its own, so workers never meet.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import structlog
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from starlette.testclient import TestClient

from cli.servers import Servers
from shared.kit.settings import Settings
from tests.factories import ROOT_KEY, OrganizationClient, new_organization

# A traceback in plain text: the default draws every local variable, for a minute where they are large.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.set_exc_info,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

# How long an example takes says how busy the machine is, and no test asserts timing.
hypothesis_settings.register_profile("house", deadline=None)
hypothesis_settings.load_profile("house")

if TYPE_CHECKING:
    from shared.resources import Resources

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs servers or Chromium; in parallel runs, hand out the files that take long first.

    The files that take long would else be the last, with one worker at work and all others done.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "servers" in fixtures:
            item.add_marker("servers")
        if "browser" in fixtures and ROOT / "tests" / "e2e" in item.path.parents:
            item.add_marker("browser")
    if hasattr(config, "workerinput"):
        long = {
            item.path
            for item in items
            if item.get_closest_marker("slow") or item.get_closest_marker("browser")
        }
        items.sort(key=lambda item: item.path not in long)


@dataclass(frozen=True)
class Databases:
    """Copies of one migrated database, made in some 50 ms each."""

    template_url: str

    def create(self) -> str:
        """A new database's URL."""
        name = f"test_{uuid.uuid4().hex}"
        self._maintain("CREATE DATABASE {} TEMPLATE {}", name, self._template)
        return make_url(self.template_url).set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Remove it, whoever is still connected."""
        name = make_url(url).database
        assert name is not None
        self._maintain("DROP DATABASE {} WITH (FORCE)", name)

    @property
    def _template(self) -> str:
        return make_url(self.template_url).database or ""

    def _maintain(self, statement: str, *names: str) -> None:
        url = make_url(self.template_url).set(database="postgres", drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Postgres, Valkey and the Edge sidecar."""
    with Servers(tmp_path_factory.mktemp("servers"), durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Databases:
    """Where tests get their databases from; the template has every migration."""
    from alembic import command  # here, so that tests without servers do not load it
    from alembic.config import Config

    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = servers.database_url
    command.upgrade(config, "head")
    return Databases(servers.database_url)


@pytest.fixture(scope="module")
def settings(
    servers: Servers, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings with a database of the test module's own."""
    url = databases.create()
    assert servers.edge_socket is not None
    yield Settings(
        _env_file=None,
        environment="test",
        root_key=ROOT_KEY,
        database_url=url,
        database_pool_size=5,
        redis_url=servers.redis_url,
        edge_socket=servers.edge_socket,
        edge_authkey=servers.edge_authkey,
        artifacts_dir=tmp_path_factory.mktemp("artifacts"),
        device="cpu",
        rate_limit=None,
        warm_up=False,
        max_concurrent_requests=64,
        max_body_bytes=256 * 1024,
        max_upload_bytes=1024 * 1024,
    )
    databases.drop(url)


@pytest.fixture(scope="module")
def resources(settings: Settings) -> Iterator["Resources"]:
    """What the doors are given."""
    from shared import bootstrap  # here, so that tests without servers do not load the app

    built = bootstrap.build(settings)
    yield built
    built.close()


@pytest.fixture(scope="module")
def engine(resources: "Resources") -> Engine:
    """The module's database."""
    return resources.engine


@pytest.fixture(scope="module")
def client(resources: "Resources") -> Iterator[TestClient]:
    """The real app; speaks for nobody until it is given a key."""
    from api.main import create_app  # here for the same reason

    with TestClient(create_app(resources=resources)) as running:
        yield running


@pytest.fixture
def organization(client: TestClient) -> OrganizationClient:
    """A new organisation and a client that speaks for it, with every scope."""
    return new_organization(client)
