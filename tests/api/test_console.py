"""The console without a browser: sign-in, sessions, forged requests, what the pages say to the browser."""

import hashlib
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import api.console.pages
from api.console.session import COOKIE, ConsoleSession
from tests.api.signing_in import SAME_ORIGIN, sign_in
from tests.factories import OrganizationClient

PAGES = ("/console/review", "/console/candidates", "/console/label", "/console/evaluations")
STATIC = Path(api.console.pages.__file__).parent / "static"


@pytest.fixture
def browser(client: TestClient) -> TestClient:
    """The app to somebody with no cookie yet; like a browser, it keeps what it is given."""
    client.cookies.clear()
    return client


def test_whoever_is_not_signed_in_is_sent_to_the_form(browser: TestClient) -> None:
    for path in (*PAGES, "/console/progress", "/console/rows"):
        answer = browser.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in"), path
        part = browser.get(path, headers={"HX-Request": "true"}, follow_redirects=False)
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/console/sign-in"), path
    assert browser.get("/console").url.path == "/console/sign-in"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    browser: TestClient, organization: OrganizationClient
) -> None:
    answer = sign_in(browser, organization)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/review")
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert "secure" not in attributes
    browser.cookies.clear()
    secure = browser.post(
        f"https://testserver{answer.request.url.path}",
        data={"key": organization.key, "name": "Jane"},
        headers=SAME_ORIGIN,
        follow_redirects=False,
    )
    assert "secure" in secure.headers["set-cookie"].lower()


def test_signing_out_forgets_the_key(browser: TestClient, organization: OrganizationClient) -> None:
    sign_in(browser, organization)
    assert browser.get(PAGES[0]).url.path == PAGES[0]
    assert browser.post("/console/sign-out", headers=SAME_ORIGIN).url.path == "/console/sign-in"
    assert COOKIE not in browser.cookies
    assert browser.get(PAGES[0]).url.path == "/console/sign-in"


@pytest.mark.parametrize("spoil", [lambda key: key + "x", lambda _: "", lambda _: "ol_a_b", lambda _: "é"])
def test_a_key_that_opens_nothing_is_refused_and_never_shown(
    browser: TestClient, organization: OrganizationClient, spoil: object
) -> None:
    key = spoil(organization.key)  # type: ignore[operator]
    form = {"key": key, "name": "<Jane>"}
    answer = browser.post("/console/sign-in", data=form, headers=SAME_ORIGIN)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert 'value="&lt;Jane&gt;"' in answer.text
    assert len(key) < 5 or key not in answer.text


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b"])
def test_a_name_that_says_nothing_is_refused(
    browser: TestClient, organization: OrganizationClient, name: str
) -> None:
    assert sign_in(browser, organization, name).status_code == 422
    assert COOKIE not in browser.cookies


def test_a_revoked_key_ends_the_session(browser: TestClient, organization: OrganizationClient) -> None:
    second = organization.with_key("read", "write")
    sign_in(browser, second)
    assert browser.get(PAGES[0]).url.path == PAGES[0]
    assert organization.delete(f"/v1/api-keys/{second.key_id}").status_code == 204
    assert browser.get(PAGES[0]).url.path == "/console/sign-in"
    assert COOKIE not in browser.cookies
    assert browser.get("/v1/categories").status_code == 401


@pytest.mark.parametrize("value", ["", "x", "0" * 16 + ".SmFuZQ.ol_a_b", "0" * 16 + ".____.ol_a_b", "é"])
def test_a_cookie_of_ones_own_making_is_no_session(browser: TestClient, value: str) -> None:
    headers = {"Cookie": f"{COOKIE}={value}".encode("latin-1")}
    assert browser.get("/v1/categories", headers=headers).status_code == 401  # type: ignore[arg-type]  # bytes
    assert browser.get(PAGES[0], headers=headers).url.path == "/console/sign-in"  # type: ignore[arg-type]  # as above


def test_every_page_forbids_what_is_not_its_own(
    browser: TestClient, organization: OrganizationClient
) -> None:
    form = browser.get("/console/sign-in")
    sign_in(browser, organization)
    pages = [form, *(browser.get(path) for path in (*PAGES, "/console/progress", "/console/rows"))]
    assets = set()
    for page in pages:
        assert page.status_code == 200, page.text
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "same-origin")
        # What such a policy would block.
        assert not re.search(r"<style|style=|<script>|\son\w+=|javascript:", page.text)
        assets |= set(re.findall(r'(?:src|href)="(/console/static/[^"]*)"', page.text))
        assert organization.key not in page.text
    assert len(assets) >= 4
    assert {browser.get(asset).status_code for asset in assets} == {200}
    for module in STATIC.glob("*.js"):
        for imported in re.findall(r'from "\./([^"]+)"', module.read_text()):
            assert (STATIC / imported).is_file(), (module.name, imported)


def test_names_are_shown_as_text(browser: TestClient, organization: OrganizationClient) -> None:
    sign_in(browser, organization, '"><script>alert(1)</script>')
    for path in PAGES:
        page = browser.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;#" in page


def test_a_session_survives_its_cookie() -> None:
    session = ConsoleSession.open("ol_0a_b-_C", "  Zoë   Müller 名 ")
    assert session.name == "Zoë Müller 名"
    assert re.fullmatch(r"Zoë Müller 名#[0-9a-f]{4}", session.reviewer)


@pytest.mark.parametrize("query", ["status=lost", "category_id=1", "limit=0", "colour=red", "cursor=%00"])
def test_a_filter_that_cannot_be_is_an_error(
    browser: TestClient, organization: OrganizationClient, query: str
) -> None:
    sign_in(browser, organization)
    assert browser.get(f"/console/rows?{query}").status_code in {400, 422}
    assert browser.get("/console/rows?status=&category_id=&style=").status_code == 200


@pytest.mark.parametrize(
    ("path", "media_type", "status"),
    [
        ("/console/sign-in", "application/json", 415),
        ("/console/sign-in", "multipart/form-data; boundary=x", 415),
        ("/v1/categories", "application/x-www-form-urlencoded", 415),
    ],
)
def test_forms_are_taken_where_there_is_a_form_and_nowhere_else(
    browser: TestClient, organization: OrganizationClient, path: str, media_type: str, status: int
) -> None:
    headers = organization.headers | SAME_ORIGIN | {"Content-Type": media_type}
    assert browser.post(path, content=b"name=x", headers=headers).status_code == status


@pytest.mark.parametrize("name", ["htmx", "vega", "vega-lite", "vega-embed"])
def test_what_is_vendored_is_what_its_page_names(name: str) -> None:
    folder = STATIC / "vendor" / name
    named = dict(re.findall(r"(\S+\.js) sha256 ([0-9a-f]{64})", (folder / "VERSION.md").read_text()))
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.js")}
    assert hashes == named
    assert len(hashes) == 1
    assert (folder / "LICENSE").is_file()


def test_nothing_is_vendored_that_is_not_compared() -> None:
    assert {path.name for path in (STATIC / "vendor").iterdir()} == {
        "htmx",
        "vega",
        "vega-lite",
        "vega-embed",
    }
