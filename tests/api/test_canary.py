"""Nothing that a caller sends, and no secret of ours, is ever written to a log: real processes, every line.

Every route is called with strings that occur nowhere else. Then every log is searched for each of them.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from devtools.processes import Processes, processes_over
from shared.kit.db import create_db_engine
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from tests.api.canaries import Caller, Canaries, Route, all_routes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def canaries(settings: Settings) -> Canaries:
    planted = Canaries()
    assert settings.edge_authkey is not None
    planted.values["password of the broker"] = str(make_url(settings.redis_url).password)
    planted.values["key of the sidecar"] = settings.edge_authkey.get_secret_value()
    return planted


@pytest.fixture(scope="module")
def running(
    settings: Settings, canaries: Canaries, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    """Processes that say all they would ever say."""
    url = make_url(settings.database_url).set(password=canaries.new("database"))
    with processes_over(
        settings,
        tmp_path_factory.mktemp("logs"),
        OUTLAY_LOG_LEVEL="DEBUG",
        OUTLAY_DATABASE_URL=url.render_as_string(hide_password=False),
        OUTLAY_ROOT_KEY=canaries.new("root_key"),
        OUTLAY_RATE_LIMIT="",
    ) as processes:
        yield processes


@pytest.fixture
def broken(settings: Settings) -> Iterator[Callable[[], None]]:
    """Let the database refuse every further transaction, in words that quote the whole row."""
    engine = create_db_engine(settings.database_url, pool_size=1)

    def execute(statement: str) -> None:
        with transaction(engine) as session:
            session.execute(text(statement))

    yield lambda: execute("ALTER TABLE transactions ADD CONSTRAINT refused CHECK (id IS NULL) NOT VALID")
    engine.dispose()


def test_no_log_holds_what_was_sent(
    running: Processes, canaries: Canaries, broken: Callable[[], None]
) -> None:
    url, api = running.start_api()
    logs = [process.log for process in (api, running.start_relay(), running.start_worker())]
    routes = all_routes()
    with contextlib.closing(Caller(url, canaries, canaries.new("root_key"))) as caller:
        call_everything(caller, canaries, routes, broken)
    running.stop()
    check_lines(logs, routes, caller.organization_id)
    leaked = [
        f"{name} in {log.name}: {line}"
        for log in logs
        for line in log.read_text().splitlines()
        for name, canary in canaries.values.items()
        if canary.lower() in line.lower()
    ]
    assert not leaked, "\n".join(leaked)


def call_everything(
    caller: Caller, canaries: Canaries, routes: list[Route], broken: Callable[[], None]
) -> None:
    """Every route well and badly, the jobs that follow, and then a database that refuses."""

    for name, path in (("category_id", "/v1/categories"), ("transaction_id", "/v1/transactions")):
        [create] = [route for route in routes if (route.method, route.path) == ("POST", path)]
        response = caller.send_well(create)
        assert response.status_code == 201, response.text
        caller.ids[name] = response.json()["id"]
    for route in sorted(routes, key=lambda route: route.method == "DELETE"):
        caller.send_well(route)
        caller.send_badly(route)
    assert {job["kind"] for job in caller.wait_for_jobs() if job["status"] == "succeeded"} >= {
        "import",
        "sync_index",
    }

    broken()
    [create] = [route for route in routes if (route.method, route.path) == ("POST", "/v1/transactions")]
    assert caller.send_well(create).status_code == 500
    assert caller.upload(f"merchant,note\n{canaries.new('file')},{canaries.new('file')}\n").status_code == 202
    assert "failed" in {job["status"] for job in caller.wait_for_jobs()}


def check_lines(logs: list[Path], routes: list[Route], organization_id: str) -> None:
    """That the logs are worth searching: each route is in them, and both errors that nobody foresaw."""
    api, _, worker = ([_parsed(line) for line in log.read_text().splitlines()] for log in logs)
    started = next(number for number, line in enumerate(api) if line)  # before it: uvicorn, in its own words
    assert started <= 2
    assert all(api[started:]), "the API writes JSON only"
    requests = [line for line in api[started:] if line["event"] == "request"]
    missed = {(route.method, route.path) for route in routes} - {
        (line["method"], line["route"]) for line in requests
    }
    assert missed == {("GET", "/openapi.json")}  # Starlette's own, whose line has no route
    assert all(line["request_id"] for line in requests)
    [failure] = [line for line in api[started:] if line["event"] == "request failed"]
    assert failure["organization_id"] == organization_id
    assert failure["exception"][-1]["sqlstate"] == "23514"
    assert failure["exception"][-1]["constraint"] == "refused"
    [failure] = [line for line in worker if line.get("event") == "job failed unexpectedly"]
    assert failure["exception"][-1]["frames"]
    assert failure["organization_id"] == organization_id
    [request] = [line for line in requests if line["request_id"] == failure["request_id"]]
    assert (request["route"], request["organization_id"]) == ("/v1/imports", organization_id)
    assert failure["job_id"]


def _parsed(line: str) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return entry
