"""The limit of a key, with a broker that is killed, and the cap on what is in work at once."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, event, text
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from api.limits import RateLimit, _network_of
from devtools.waiting import eventually
from shared import bootstrap
from shared.kit.settings import Settings
from shared.resources import Resources
from tests.api.serving import serve
from tests.factories import ROOT_KEY, OrganizationClient, new_category
from tests.worker.valkey import Valkey

LIMIT = 5


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A broker that may be killed."""
    started = Valkey(tmp_path)
    yield started
    started.kill()


@pytest.fixture
def limited(settings: Settings, valkey: Valkey) -> Iterator[TestClient]:
    """An app where each key may ask five times a minute."""
    from api.main import create_app

    changed = settings.model_copy(update={"rate_limit": f"{LIMIT}/minute", "redis_url": valkey.url})
    resources = bootstrap.build(changed)
    with TestClient(create_app(resources=resources)) as client:
        yield client
    resources.close()


def ask(client: TestClient, organization: OrganizationClient) -> httpx.Response:
    response: Any = client.get("/v1/categories", headers=organization.headers)
    assert isinstance(response.status_code, int)
    return response  # type: ignore[no-any-return]  # the test client's own class, which has the same members


def use_up(client: TestClient, organization: OrganizationClient) -> None:
    assert [ask(client, organization).status_code for _ in range(LIMIT)] == [200] * LIMIT


def test_a_key_that_asks_too_much_is_told_when_to_come_again(
    limited: TestClient, organization: OrganizationClient
) -> None:
    use_up(limited, organization)
    refused = ask(limited, organization)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    # Even what it may not do counts, and another key of the same organisation has a limit of its own.
    other = organization.with_key("write")
    assert [ask(limited, other).status_code for _ in range(LIMIT + 1)] == [403] * LIMIT + [429]


def test_the_root_key_has_a_limit_too(limited: TestClient) -> None:
    headers = {"Authorization": f"Bearer {ROOT_KEY}"}
    statuses = [
        limited.post("/v1/organizations", json={}, headers=headers).status_code for _ in range(LIMIT + 1)
    ]
    assert statuses == [422] * LIMIT + [429]


GUESSES = 3


@pytest.fixture
def guarded(settings: Settings, valkey: Valkey) -> Iterator[tuple[TestClient, Engine]]:
    """An app that allows three failed authentications of an address a minute, and its engine."""
    from api.main import create_app

    limits = {"rate_limit": "1000/minute", "failed_authentication_limit": f"{GUESSES}/minute"}
    resources = bootstrap.build(settings.model_copy(update={**limits, "redis_url": valkey.url}))
    with TestClient(create_app(resources=resources)) as client:
        yield client, resources.engine
    resources.close()


@contextmanager
def counted_statements(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def guess(client: TestClient, number: int) -> httpx.Response:
    key = f"ol_{number:016x}_{'x' * 43}"
    response: Any = client.get("/v1/categories", headers={"Authorization": f"Bearer {key}"})
    return response  # type: ignore[no-any-return]  # the test client's own class, which has the same members


def test_guesses_at_keys_are_limited_before_the_database_is_asked(
    guarded: tuple[TestClient, Engine], organization: OrganizationClient
) -> None:
    client, engine = guarded
    assert ask(client, organization).status_code == 200
    assert [guess(client, number).status_code for number in range(GUESSES)] == [401] * GUESSES
    with counted_statements(engine) as statements:
        refused = [guess(client, number) for number in range(20)]
    assert {answer.status_code for answer in refused} == {429}
    assert {answer.json()["code"] for answer in refused} == {"too-many-failed-authentications"}
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
    assert statements == []
    # A key that was valid lately is no guess, whatever else comes from its address.
    assert ask(client, organization).status_code == 200


def test_guesses_at_the_root_key_and_at_the_consoles_door_are_limited(
    guarded: tuple[TestClient, Engine],
) -> None:
    client, _ = guarded
    wrong = {"Authorization": "Bearer wrong"}
    for _ in range(GUESSES):
        assert client.post("/v1/organizations", json={"name": "A"}, headers=wrong).status_code == 401
    assert client.post("/v1/organizations", json={"name": "A"}, headers=wrong).status_code == 429
    key = f"ol_{1:016x}_{'x' * 43}"
    origin = {"Origin": "http://testserver"}
    signed_in = client.post("/console/sign-in", data={"key": key, "name": "Eve"}, headers=origin)
    assert signed_in.status_code == 429


def test_the_limit_of_a_key_holds_before_it_is_looked_up(
    limited: TestClient, organization: OrganizationClient
) -> None:
    use_up(limited, organization)
    resources: Resources = limited.app.state.resources  # type: ignore[attr-defined]  # FastAPI's
    with counted_statements(resources.engine) as statements:
        assert ask(limited, organization).status_code == 429
    assert statements == []


@pytest.mark.parametrize(
    ("address", "counted"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("", "")],
)
def test_an_ipv6_customer_is_one_address(address: str, counted: str) -> None:
    assert _network_of(address) == counted


def down_lines(logs: list[Any]) -> int:
    return sum(entry["event"].startswith("rate limits do not hold") for entry in logs)


def test_without_valkey_the_door_is_open_and_says_so_once(
    limited: TestClient, valkey: Valkey, organization: OrganizationClient
) -> None:
    use_up(limited, organization)
    valkey.kill()
    with capture_logs() as logs:
        assert [ask(limited, organization).status_code for _ in range(20)] == [200] * 20
    assert down_lines(logs) == 1
    valkey.start()
    with capture_logs() as logs:
        eventually(lambda: ask(limited, organization).status_code == 429)
    assert [entry for entry in logs if entry["event"] == "rate limits hold again"]


def test_a_frozen_valkey_does_not_shut_the_door(
    limited: TestClient, valkey: Valkey, organization: OrganizationClient
) -> None:
    use_up(limited, organization)
    assert valkey._process is not None
    os.kill(valkey._process.pid, signal.SIGSTOP)
    try:
        with capture_logs() as logs:
            assert [ask(limited, organization).status_code for _ in range(20)] == [200] * 20
        assert down_lines(logs) == 1
    finally:
        os.kill(valkey._process.pid, signal.SIGCONT)
    eventually(lambda: ask(limited, organization).status_code == 429)


def test_a_silent_valkey_is_asked_by_one_request_only(settings: Settings) -> None:
    connections = 0

    async def scenario() -> None:
        async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await reader.read()
            writer.close()

        server = await asyncio.start_server(be_silent, "127.0.0.1", 0)
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        limit = RateLimit(settings.model_copy(update={"rate_limit": "1/minute", "redis_url": url}))
        for _ in range(50):
            await limit.count("somebody")
        await limit.close()
        server.close()
        await server.wait_closed()

    asyncio.run(scenario())
    assert 1 <= connections <= 2  # the one that asked, and its second try


@pytest.mark.parametrize(
    "value", ["much", "6000", "0/minute", "1/fortnight", "1/second;9/minute", "-1/minute"]
)
def test_a_malformed_limit_fails_at_the_start_and_says_how_to_write_one(value: str) -> None:
    with pytest.raises(ValidationError, match=r"rate_limit[\s\S]*such as '6000/minute'"):
        Settings(_env_file=None, rate_limit=value)


@pytest.mark.parametrize("value", [None, "", " "])
def test_an_empty_limit_is_none(value: str | None) -> None:
    assert Settings(_env_file=None, rate_limit=value).rate_limit is None


@pytest.fixture
def capped(settings: Settings) -> Iterator[Callable[[int], str]]:
    """Starts a server that has so many requests in work at most; its URL."""
    from api.main import create_app

    with ExitStack() as stack:

        def start(limit: int) -> str:
            resources: Resources = bootstrap.build(
                settings.model_copy(update={"max_concurrent_requests": limit})
            )
            stack.callback(resources.close)
            return stack.enter_context(serve(create_app(resources=resources)))

        yield start


def test_over_the_cap_is_a_503_before_the_body_and_operators_get_in(
    capped: Callable[[int], str], engine: Engine, organization: OrganizationClient
) -> None:
    url = capped(2)
    open_to_all = ("/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "/static/docs.js")
    with httpx.Client(base_url=url, headers=organization.headers, timeout=30) as client:
        for path in open_to_all:  # the first time takes longer; who waits below does so for 5 s at most
            client.get(path)
        with ThreadPoolExecutor(2) as pool, engine.connect() as connection:
            connection.execute(text("LOCK TABLE categories IN ACCESS EXCLUSIVE MODE"))
            waiting = [pool.submit(client.get, "/v1/categories") for _ in range(2)]
            locks = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            eventually(lambda: connection.scalar(locks) == 2)
            with capture_logs() as logs:
                refused = [client.get("/v1/transactions") for _ in range(3)]
                assert {answer.status_code for answer in refused} == {503}
                assert {answer.json()["code"] for answer in refused} == {"overloaded"}
                assert {answer.headers["retry-after"] for answer in refused} == {"1"}
                assert b" 503 " in send_head_only(url, organization)
            lines = [entry["event"] for entry in logs]
            assert 1 <= lines.count("overloaded") < 4
            assert "request" not in lines
            for path in open_to_all:
                assert client.get(path).status_code == 200, path
            connection.rollback()
        assert [answer.result().status_code for answer in waiting] == [200, 200]
        assert client.get("/v1/transactions").status_code == 200
        measured = client.get("/metrics").text
    name = "outlay_http_request_duration_seconds_count"
    assert f'{name}{{method="GET",route="refused",status="503"}} 3.0' in measured
    assert f'{name}{{method="POST",route="refused",status="503"}} 1.0' in measured


def send_head_only(url: str, organization: OrganizationClient) -> bytes:
    """What a POST is answered whose body never comes."""
    address = urlsplit(url)
    lines = (
        "POST /v1/transactions HTTP/1.1",
        f"Host: {address.netloc}",
        f"Authorization: Bearer {organization.key}",
        "Content-Type: application/json",
        "Content-Length: 100000",
    )
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        return connection.recv(200)


def test_streams_of_events_are_counted_apart(
    capped: Callable[[int], str], organization: OrganizationClient
) -> None:
    new_category(organization)
    [job] = organization.get("/v1/jobs").json()["data"]
    path = f"/v1/jobs/{job['id']}/events"
    with (
        httpx.Client(base_url=capped(1), headers=organization.headers, timeout=30) as client,
        ExitStack() as open_,
    ):
        reading = []  # an iterator that is let go closes its stream
        for _ in range(4):
            stream = open_.enter_context(client.stream("GET", path))
            assert stream.status_code == 200
            reading.append(stream.iter_lines())
            next(reading[-1])
        with client.stream("GET", path) as fifth:
            assert fifth.status_code == 503
        assert client.get("/v1/jobs").status_code == 200
