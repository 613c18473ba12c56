"""What the door itself answers: no key, no path, no method, a bug, a dependency that is away."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from shared.kit.settings import Settings
from tests.factories import ROOT_KEY, OrganizationClient, new_category


def test_every_missing_or_bad_key_is_answered_alike(
    client: TestClient, organization: OrganizationClient
) -> None:
    revoked = organization.with_key("read")
    assert organization.delete(f"/v1/api-keys/{revoked.key_id}").status_code == 204
    prefix, public_id, _ = organization.key.split("_", 2)
    bad = [
        None,
        "",
        "Bearer",
        f"Basic {organization.key}",
        f"Bearer {organization.key}x",
        f"Bearer {prefix}_{public_id}_",
        f"Bearer {prefix}_0000000000000000_x",
        f"Bearer {revoked.key}",
        f"Bearer {ROOT_KEY}",
        "Bearer ol__",
        "Bearer \xe9",
    ]
    answers = [
        client.get(
            "/v1/categories", headers={} if value is None else {b"Authorization": value.encode("latin-1")}
        )
        for value in bad
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="outlay"'}
    assert answers[0].json()["code"] == "unauthenticated"


def test_an_expired_key_is_a_401(organization: OrganizationClient, engine: Engine) -> None:
    body = {"name": "short", "scopes": ["read"], "expires_at": "2099-01-01T00:00:00Z"}
    key = organization.post("/v1/api-keys", body).json()
    speaker = OrganizationClient(organization.id, key["key"], key["id"], organization.client)
    assert speaker.get("/v1/categories").status_code == 200
    with engine.begin() as connection:
        statement = text("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = :id")
        connection.execute(statement, {"id": key["id"]})
    assert speaker.get("/v1/categories").status_code == 401


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("write", "GET", "/v1/categories"),
        ("read", "POST", "/v1/categories"),
        ("read", "DELETE", "/v1/categories/0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"),
        ("write", "POST", "/v1/api-keys"),
        ("read", "GET", "/v1/api-keys"),
    ],
)
def test_a_key_without_the_scope_is_a_403_before_anything_else(
    organization: OrganizationClient, scope: str, method: str, path: str
) -> None:
    response = organization.with_key(scope).call(method, path)
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("key", ["", ROOT_KEY + "x", ROOT_KEY[:-1]])
def test_only_the_root_key_makes_organizations(client: TestClient, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    assert client.post("/v1/organizations", json={"name": "a"}, headers=headers).status_code == 401


def test_an_organizations_key_makes_no_organization(organization: OrganizationClient) -> None:
    assert organization.post("/v1/organizations", {"name": "a"}).status_code == 401


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v1/categories/", "/v1/categories/a/b", "/%00"])
def test_an_unknown_path_is_a_404(organization: OrganizationClient, path: str) -> None:
    response = organization.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("row_id", ["1", "x" * 300, "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011", "%ff", "%00"])
def test_an_unknown_or_impossible_id_is_a_404(organization: OrganizationClient, row_id: str) -> None:
    response = organization.get(f"/v1/categories/{row_id}")
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/categories", "GET, POST, PUT"),
        ("POST", "/v1/categories/0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011", "DELETE, GET, PATCH"),
        ("BREW", "/v1/transactions", "GET, POST"),
        ("POST", "/livez", "GET"),
        ("GET", "/v1/transactions/batch", "POST"),
        ("DELETE", "/v1/transactions/batch", "POST"),
        ("PUT", "/v1/models/rollback", "POST"),
    ],
)
def test_another_method_is_a_405_that_names_all_that_are_allowed(
    organization: OrganizationClient, method: str, path: str, allowed: str
) -> None:
    response = organization.call(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert response.json()["code"] == "method-not-allowed"


@pytest.fixture
def broken(engine: Engine) -> Iterator[None]:
    """A database in which a table is missing: a bug, as far as the door can tell."""
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE categories RENAME TO mislaid"))
    yield
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE mislaid RENAME TO categories"))


def test_a_bug_is_a_500_that_tells_only_the_requests_id(
    organization: OrganizationClient, broken: None
) -> None:
    with capture_logs() as logs:
        response = organization.get("/v1/categories", headers={"X-Request-ID": "find-me"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == "find-me"
    assert response.json()["request_id"] == "find-me"
    assert 'categories" does not exist' not in response.text
    assert "Traceback" not in response.text
    [entry] = [entry for entry in logs if entry["event"] == "request failed"]
    assert entry["exc_info"]


@pytest.mark.parametrize(
    ("given", "is_kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 101, False), ("", False)]
)
def test_a_sound_request_id_is_kept(client: TestClient, given: str, is_kept: bool) -> None:
    answered = client.get("/livez", headers={"X-Request-ID": given}).headers["x-request-id"]
    assert (answered == given) is is_kept
    assert answered


def test_the_log_line_has_no_secret_and_no_text_of_a_transaction(organization: OrganizationClient) -> None:
    with capture_logs() as logs:
        organization.post("/v1/transactions", {"merchant_name": "Hidden Merchant", "memo": "hidden memo"})
        organization.get("/v1/transactions?text=hidden")
        organization.get("/v1/" + organization.key)
    lines = [entry for entry in logs if entry["event"] == "request"]
    assert [entry["status"] for entry in lines] == [201, 200, 404]
    assert [entry["route"] for entry in lines] == ["/v1/transactions", "/v1/transactions", None]
    shown = repr(logs).lower()
    assert not [word for word in ("hidden", organization.key.lower()) if word in shown]


def test_a_database_that_is_away_is_said_not_hung(
    settings: Settings, organization: OrganizationClient
) -> None:
    from api.main import create_app
    from shared import bootstrap

    gone = settings.model_copy(update={"database_url": "postgresql://outlay@127.0.0.1:9/outlay"})
    resources = bootstrap.build(gone)
    with TestClient(create_app(resources=resources)) as client:
        assert client.get("/livez").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"postgres": False, "broker": True, "index": True, "models": True}
        answer = client.get("/v1/categories", headers=organization.headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "outlay_database_up 0.0" in client.get("/metrics").text
    resources.close()


def test_a_broker_that_is_away_is_named(settings: Settings) -> None:
    from api.main import create_app
    from shared import bootstrap

    gone = settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"})
    resources = bootstrap.build(gone)
    with TestClient(create_app(resources=resources)) as client:
        assert client.get("/readyz").json()["checks"] == {
            "postgres": True,
            "broker": False,
            "index": True,
            "models": True,
        }
    resources.close()


def test_a_category_in_the_way_is_a_409(organization: OrganizationClient) -> None:
    category = new_category(organization, name="Travel")
    response = organization.post("/v1/categories", {"name": category["name"]})
    assert (response.status_code, response.json()["code"]) == (409, "category-exists")
