"""What the tests of the console share: a browser, a server, an organisation and its desks for each test."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from starlette.testclient import TestClient

from shared.resources import Resources
from tests.api.serving import serve
from tests.e2e.console import CHART, Desk, Open, open_desk, stock
from tests.factories import new_category, new_organization, run_jobs


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium: the one that CHROMIUM names, or the PATH has; Playwright's own cannot be had everywhere.

    Of the module: no other test could run an event loop in this thread while Playwright has its own there.
    """
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium: `apt-get install chromium`, or name one in CHROMIUM")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def url(resources: Resources) -> Iterator[str]:
    """The running server's."""
    from api.main import create_app

    with serve(create_app(resources=resources)) as running:
        yield running


@pytest.fixture
def at_work(browser: Browser, url: str, client: TestClient, resources: Resources) -> Iterator[Open]:
    """Opens desks of a new organisation with a chart and an active model.

    What a browser complained about, and was not forgiven, fails the test.
    """
    organization = new_organization(client)
    for name in CHART:
        new_category(organization, name=name)
    [base] = organization.get("/v1/models").json()["data"]
    assert organization.post(f"/v1/models/{base['id']}/activate").status_code == 202
    assert set(run_jobs(resources, organization)["activate"]) == {"succeeded"}
    opened: list[Desk] = []

    def open_(candidates: int = 0, name: str = "Jane", where: str = "review") -> Desk:
        if candidates:
            stock(resources.engine, organization, candidates)
        opened.append(open_desk(browser, url, organization, name, where))
        return opened[-1]

    yield open_
    for desk in opened:
        desk.page.context.close()
        assert desk.complaints == []
