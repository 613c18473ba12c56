"""Requests that a browser sends without its user's will: from other sites, with the cookie and no token."""

import pytest
from starlette.testclient import TestClient

from tests.api.signing_in import sign_in, token_of
from tests.factories import OrganizationClient, new_category, new_organization


@pytest.fixture
def browser(client: TestClient) -> TestClient:
    """The app to somebody with no cookie yet; like a browser, it keeps what it is given."""
    client.cookies.clear()
    return client


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
    ids=str,
)
def test_another_site_can_sign_nobody_in_or_out(
    browser: TestClient, organization: OrganizationClient, headers: dict[str, str]
) -> None:
    form = {"key": organization.key, "name": "Mallory"}
    answer = browser.post("/console/sign-in", data=form, headers=headers, follow_redirects=False)
    assert answer.status_code == 403
    assert "This request does not come from a page of the console." in answer.text
    assert "set-cookie" not in answer.headers
    sign_in(browser, organization)
    assert browser.post("/console/sign-out", headers=headers).status_code == 403
    assert browser.get("/console/review").url.path == "/console/review"


def test_a_browser_that_says_only_its_origin_may_sign_in(
    browser: TestClient, organization: OrganizationClient
) -> None:
    form = {"key": organization.key, "name": "Jane"}
    own = {"Origin": "http://testserver"}
    assert browser.post("/console/sign-in", data=form, headers=own, follow_redirects=False).status_code == 303


def test_the_cookie_alone_changes_nothing(browser: TestClient, organization: OrganizationClient) -> None:
    category = new_category(organization)
    sign_in(browser, organization)
    token = token_of(browser)
    assert browser.get("/v1/categories").status_code == 200  # reading needs no token
    unsafe = (
        ("POST", "/v1/categories", {"name": "Forged"}),
        ("PATCH", f"/v1/categories/{category['id']}", {"name": "Forged"}),
        ("DELETE", f"/v1/categories/{category['id']}", None),
        ("POST", "/v1/api-keys", {"name": "forged", "scopes": ["admin"]}),
        ("POST", "/v1/candidates/undo", {"reviewer": "Jane#0000"}),
    )
    for given in (None, "", "0" * 64, token[:-1], token.upper() + "é"):
        headers = {} if given is None else {"X-CSRF-Token": given.encode("latin-1")}
        for method, path, body in unsafe:
            answer = browser.request(method, path, json=body, headers=headers)  # type: ignore[arg-type]  # bytes
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf"), (method, path, given)
    assert [row["name"] for row in organization.get("/v1/categories").json()["data"]] == [category["name"]]
    response = browser.post("/v1/categories", json={"name": "Mine"}, headers={"X-CSRF-Token": token})
    assert response.status_code == 201, response.text


def test_the_token_of_another_session_does_not_fit(
    browser: TestClient, organization: OrganizationClient
) -> None:
    sign_in(browser, organization)
    first = token_of(browser)
    sign_in(browser, organization)  # the same key and name
    second = token_of(browser)
    assert first != second
    for token, status in ((first, 403), (second, 201)):
        answer = browser.post("/v1/categories", json={"name": f"{status}"}, headers={"X-CSRF-Token": token})
        assert answer.status_code == status


def test_the_header_speaks_before_the_cookie(browser: TestClient, organization: OrganizationClient) -> None:
    stranger = new_organization(browser)
    sign_in(browser, organization)
    # With a key in the header no token is needed, and the cookie says nothing.
    response = stranger.post("/v1/categories", {"name": "Of the stranger"})
    assert response.status_code == 201
    assert organization.get("/v1/categories").json()["data"] == []
    for wrong in ("Basic eDp5", "Bearer", "Bearer ol_a_b", ""):
        assert browser.get("/v1/categories", headers={"Authorization": wrong}).status_code == 401, wrong


def test_a_retry_under_the_cookie_has_its_effect_once(
    browser: TestClient, organization: OrganizationClient
) -> None:
    sign_in(browser, organization)
    headers = {"X-CSRF-Token": token_of(browser), "Idempotency-Key": "console-1"}
    first = browser.post("/v1/api-keys", json={"name": "one", "scopes": ["read"]}, headers=headers)
    again = browser.post("/v1/api-keys", json={"name": "one", "scopes": ["read"]}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    # The answer is a secret, sealed with the key that asked: the cookie's.
    assert again.json()["key"] == first.json()["key"]
    assert len(organization.get("/v1/api-keys").json()["data"]) == 2
