"""Signing in to the console without a browser."""

import re

import httpx2
from starlette.testclient import TestClient

from tests.factories import OrganizationClient

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def sign_in(
    browser: TestClient, organization: OrganizationClient, name: str = "Jane", **headers: str
) -> httpx2.Response:
    """Send the form, as its own page does."""
    response: httpx2.Response = browser.post(
        "/console/sign-in",
        data={"key": organization.key, "name": name},
        headers=SAME_ORIGIN | headers,
        follow_redirects=False,
    )
    return response


def token_of(browser: TestClient) -> str:
    """The token that the pages carry."""
    match = re.search(
        r'<meta name="csrf-token" content="([0-9a-f]{64})">', browser.get("/console/review").text
    )
    assert match is not None
    return match[1]
