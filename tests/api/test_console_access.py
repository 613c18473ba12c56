"""Which keys may open which pages of the console, and what a refusal looks like: every route, by a table."""

import base64
from collections.abc import Iterator

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api.console.session import COOKIE
from shared import bootstrap
from shared.kit.settings import Settings
from tests.api.lab_rows import new_dataset, new_evaluation, new_item, rank
from tests.api.signing_in import SAME_ORIGIN, sign_in
from tests.factories import OrganizationClient
from tests.worker.valkey import Valkey

# From each route to the scope that its key needs; None: it is open. A new route fails until it stands here.
NEEDS = {
    ("GET", "/console"): None,  # redirects, and shows nothing
    ("GET", "/console/sign-in"): None,
    ("POST", "/console/sign-in"): None,
    ("POST", "/console/sign-out"): None,
    ("GET", "/console/review"): "read",
    ("GET", "/console/label"): "read",
    ("GET", "/console/candidates"): "read",
    ("GET", "/console/progress"): "read",
    ("GET", "/console/rows"): "read",
    ("GET", "/console/evaluations"): "read",
    ("GET", "/console/evaluations/charts.json"): "read",
    ("GET", "/console/evaluations/tables/leaderboard.csv"): "read",
    ("GET", "/console/evaluations/{evaluation_id}"): "read",
    ("GET", "/console/evaluations/{evaluation_id}/charts.json"): "read",
    ("GET", "/console/evaluations/{evaluation_id}/tables/{table}.csv"): "read",
    ("GET", "/console/compare"): "read",
    ("GET", "/console/compare/charts.json"): "read",
    ("GET", "/console/compare/tables/{table}.csv"): "read",
    ("GET", "/console/{path:path}"): "read",
}
GUARDED = sorted(path for (_, path), scope in NEEDS.items() if scope is not None)
LIMIT = 5


def cookie_of(key: str) -> dict[str, str]:
    """The cookie that anybody with the key can write, whether or not they could sign in."""
    name = base64.urlsafe_b64encode(b"Eve").decode()
    return {"Cookie": f"{COOKIE}={'0' * 16}.{name}.{key}"}


@pytest.fixture
def browser(client: TestClient) -> TestClient:
    """The app to somebody with no cookie yet."""
    client.cookies.clear()
    return client


@pytest.fixture
def address(engine: Engine, organization: OrganizationClient) -> dict[str, str]:
    """From each guarded route to an address that a key with the scope 'read' is shown."""
    dataset_id = new_dataset(engine, organization)
    item_id = new_item(engine, organization, dataset_id, "Merchant")
    first, second = (new_evaluation(engine, organization, dataset_id) for _ in range(2))
    for evaluation_id in (first, second):
        rank(engine, organization, evaluation_id, {item_id: 1})

    def fill(path: str) -> str:
        table = "differences" if "compare" in path else "metrics"
        filled = path.replace("{evaluation_id}", str(first)).replace("{table}", table)
        filled = filled.replace("{path:path}", "nothing/here")
        return f"{filled}?baseline={first}&candidate={second}" if "/compare" in path else filled

    return {path: fill(path) for path in GUARDED}


def test_every_route_of_the_console_stands_in_the_table(client: TestClient) -> None:
    routes = {
        (method, str(route.path))
        for route in iter_route_contexts(client.app.routes)  # type: ignore[attr-defined]  # it is the FastAPI app
        if str(route.path).startswith("/console") and not str(route.path).startswith("/console/static")
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert routes == set(NEEDS)


@pytest.mark.parametrize("path", GUARDED)
def test_a_page_needs_a_key_with_the_scope_read(
    browser: TestClient, organization: OrganizationClient, address: dict[str, str], path: str
) -> None:
    answer = browser.get(address[path], follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
    for scopes, may_look in (
        (["read"], True),
        (["read", "write"], True),
        (["admin"], False),
        (["write"], False),
    ):
        key = organization.with_key(*scopes).key
        answer = browser.get(address[path], headers=cookie_of(key))
        expected = 403 if not may_look else 404 if "{path:path}" in path else 200
        assert answer.status_code == expected, (scopes, answer.text)
        if expected != 200:
            assert_is_page_with_navigation(answer.text)
            assert key not in answer.text


@pytest.fixture(scope="module")
def limited(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An app where each key may ask five times a minute."""
    from api.main import create_app

    valkey = Valkey(tmp_path_factory.mktemp("valkey"))
    changed = settings.model_copy(update={"rate_limit": f"{LIMIT}/minute", "redis_url": valkey.url})
    resources = bootstrap.build(changed)
    with TestClient(create_app(resources=resources)) as client:
        yield client
    resources.close()
    valkey.kill()


@pytest.mark.parametrize("path", GUARDED)
def test_a_page_counts_against_the_rate_limit_of_its_key(
    limited: TestClient, organization: OrganizationClient, address: dict[str, str], path: str
) -> None:
    key = organization.with_key("read").key
    statuses = [limited.get(address[path], headers=cookie_of(key)).status_code for _ in range(LIMIT)]
    assert 429 not in statuses
    refused = limited.get(address[path], headers=cookie_of(key))
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert_is_page_with_navigation(refused.text)


def test_signing_in_counts_against_the_rate_limit(
    limited: TestClient, organization: OrganizationClient
) -> None:
    key = organization.with_key("read", "write")
    statuses = [sign_in(limited, key).status_code for _ in range(LIMIT + 1)]
    assert statuses == [303] * LIMIT + [429]


@pytest.mark.parametrize(("scopes", "status"), [(["admin"], 403), (["write"], 403), (["read"], 303)])
def test_signing_in_needs_the_scope_read(
    browser: TestClient, organization: OrganizationClient, scopes: list[str], status: int
) -> None:
    assert sign_in(browser, organization.with_key(*scopes)).status_code == status
    assert (COOKIE in browser.cookies) == (status == 303)


@pytest.mark.parametrize("page", ["review", "label", "candidates"])
def test_a_key_that_may_only_read_sees_pages_without_acting_buttons(
    browser: TestClient, organization: OrganizationClient, page: str
) -> None:
    sign_in(browser, organization.with_key("read"))
    shown = browser.get(f"/console/{page}").text
    assert "This API key may only read." in shown
    for action in ("approve", "reject"):
        assert shown.count(f'data-action="{action}"') == shown.count(f'disabled data-action="{action}"')
    assert 'id="approve-selected"' not in shown
    sign_in(browser, organization)
    shown = browser.get(f"/console/{page}").text
    assert "This API key may only read." not in shown
    assert 'disabled data-action="' not in shown
    assert ('id="approve-selected"' in shown) == (page == "candidates")


def test_an_error_keeps_the_navigation_and_a_script_gets_a_problem_document(
    browser: TestClient, organization: OrganizationClient
) -> None:
    sign_in(browser, organization)
    for method, path, status in (
        ("GET", "/console/nothing", 404),
        ("GET", "/console/evaluations/none", 404),
        ("GET", "/console/rows?status=lost", 422),
        ("DELETE", "/console/review", 405),
    ):
        answer = browser.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert_is_page_with_navigation(answer.text)
        answer = browser.request(method, path, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    refused = browser.post("/console/sign-in", data={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403
    assert_is_page_with_navigation(refused.text)


def test_a_bug_is_a_page_with_the_navigation_and_the_request_id(
    client: TestClient, organization: OrganizationClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.routers import candidates

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    sign_in(client, organization)
    monkeypatch.setattr(candidates, "show_progress", fail)
    answer = client.get("/console/progress")
    assert answer.status_code == 500
    assert_is_page_with_navigation(answer.text)
    assert answer.headers["x-request-id"] in answer.text
    assert "a bug" not in answer.text


def test_the_root_leads_browsers_to_the_console(browser: TestClient) -> None:
    answer = browser.get("/", headers={"Accept": "text/html,*/*"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    for accept in ("application/json", "*/*"):
        answer = browser.get("/", headers={"Accept": accept}, follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_an_error_without_a_session_offers_to_sign_in(browser: TestClient) -> None:
    answer = browser.post(
        "/console/sign-in", content=b"x", headers=SAME_ORIGIN | {"Content-Type": "text/plain"}
    )
    assert answer.status_code == 415
    assert 'href="/console/sign-in"' in answer.text


def assert_is_page_with_navigation(text: str) -> None:
    assert '<nav aria-label="Console">' in text
    assert 'href="/console/evaluations"' in text
