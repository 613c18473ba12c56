"""The lab's pages in a real Chromium, over real evaluations: charts drawn under the pages' policy."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from starlette.testclient import TestClient

from shared.resources import Resources
from tests.e2e.console import Desk, open_desk
from tests.factories import OrganizationClient, new_category, new_labelled, new_organization, run_jobs

MERCHANTS = {
    "Travel: <lodging>": ("Marriott", "Hilton", "Hyatt"),
    "Software & services": ("GitHub", "GitLab", "Figma"),
    "Meals": ("Vapiano", "Starbucks", "Chipotle"),
}
DRAWN = """() => { const places = [...document.querySelectorAll('[data-chart]')];
  return places.length > 0 && places.every((one) => one.dataset.state === 'drawn'); }"""
# What a canvas shows: how many colours, and whether it lies within its place.
SHOWN = """() => [...document.querySelectorAll('[data-chart]')].map((place) => {
  const canvas = place.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 150) colours.add(data.slice(at, at + 3).join());
  }
  const fits = canvas.getBoundingClientRect().right <= place.getBoundingClientRect().right + 1;
  return [place.dataset.chart, colours.size, fits]; })"""
NAMELESS = """() => [...document.querySelectorAll("input, select, button, a, [role=region], [role=img]")]
  .filter((one) => one.checkVisibility()).filter((one) => !(one.labels?.length || one.ariaLabel
    || one.textContent.trim() || one.type === 'hidden')).map((one) => one.outerHTML)"""


@pytest.fixture(scope="module")
def measured(client: TestClient, resources: Resources) -> OrganizationClient:
    """An organisation with a dataset on which the base model and the baselines were measured."""
    organization = new_organization(client)
    for name, merchants in MERCHANTS.items():
        amounts = (f"{10**number % 997}.00" for number in range(2 * len(merchants)))
        rows = zip(merchants * 2, amounts, strict=True)
        category = new_category(organization, name=name)["id"]
        new_labelled(
            organization, category, ({"merchant_name": merchant, "amount": n} for merchant, n in rows)
        )
    ratios = {"train": 0.4, "test": 0.2, "eval": 0.4}
    wanted = {"name": "May <2026>", "seed": 7, "ratios": ratios, "remove_duplicates": False}
    assert organization.post("/v1/datasets", wanted).status_code == 202
    run_jobs(resources, organization)
    [dataset] = organization.get("/v1/datasets").json()["data"]
    [base] = organization.get("/v1/models").json()["data"]
    body = {"dataset_id": dataset["id"], "model_version_id": base["id"]}
    assert organization.post("/v1/evaluations", body).status_code == 202
    assert organization.post(f"/v1/datasets/{dataset['id']}/baselines", {}).status_code == 202
    ended = run_jobs(resources, organization)
    assert (ended["evaluate"], ended["baselines"]) == (["succeeded"], ["succeeded"])
    return organization


@pytest.fixture
def lab(browser: Browser, url: str, measured: OrganizationClient) -> Iterator[Desk]:
    """The list of evaluations, in a browser whose complaints fail the test."""
    desk = open_desk(browser, url, measured, where="evaluations")
    yield desk
    desk.page.context.close()
    assert desk.complaints == []


def home_of(organization: OrganizationClient) -> str:
    """The page of the base model's evaluation."""
    evaluations = organization.get("/v1/evaluations").json()["data"]
    [evaluation_id] = [evaluation["id"] for evaluation in evaluations if evaluation["method"] == "model"]
    return f"evaluations/{evaluation_id}"


def go(desk: Desk, path: str) -> None:
    """Open the page, and await its charts."""
    desk.page.goto(f"{desk.page.url.partition('/console/')[0]}/console/{path}")
    desk.page.wait_for_function(DRAWN)


def check_charts(page: Page, names: set[str]) -> None:
    """Each of these charts is drawn: ink in several colours, within its place."""
    shown = page.evaluate(SHOWN)
    assert {name for name, _, _ in shown} == names
    assert [name for name, colours, fits in shown if colours < 3 or not fits] == []


def test_the_list_leads_to_a_comparison_by_keyboard(lab: Desk) -> None:
    page = lab.page
    page.wait_for_function(DRAWN)
    check_charts(page, {"leaders"})
    names = page.locator("tbody tr:not(.part) th").all_inner_texts()
    assert sorted(names) == sorted(
        [
            *("BM25 over category texts", "BM25 over labelled rows", "Merchant majority", "base"),
            *("Most frequent category", "TF-IDF + logistic regression"),
        ]
    )
    page.get_by_label("Most frequent category as baseline").focus()
    lab.press("Space")
    page.get_by_label("base as candidate").focus()
    lab.press("Space", "Enter")
    page.wait_for_url("**/console/compare?*")
    page.wait_for_function(DRAWN)
    check_charts(page, {"differences"})
    assert page.locator(".side-of .what").all_inner_texts() == ["Most frequent category", "base"]
    assert "One measures a model, the other a baseline." in lab.text(".warnings")
    counts = [int(text) for text in page.locator(".tally dd").all_inner_texts()]
    assert counts[0] == sum(counts[1:]) > 0
    assert counts[2] > 0
    changes = page.locator("table:has(caption:text-matches('^Rows')) tbody td:last-child").all_inner_texts()
    assert changes == ["worse"] * counts[1] + ["better"] * counts[2]
    assert re.search(r"candidate better, (more than chance|may be chance)", lab.text("main"))


def test_an_evaluation_is_drawn_and_told(lab: Desk) -> None:
    organization = lab.organization
    go(lab, home_of(organization))
    evaluation = organization.get(f"/v1/{home_of(organization)}").json()
    # The base model was not trained: its map has no after.
    names = {"recall", "mrr", "slices", "reliability", "map_before"}
    names |= {"confusions"} if evaluation["report"]["confusions"] else set()
    check_charts(lab.page, names)
    value = evaluation["metrics"]["recall"]["1"]["value"]
    assert f"{value:.3f}" in lab.text("table:has(caption:text('Measures with')) tbody tr:first-child")
    assert lab.page.locator("table:has(caption:text('Categories')) tbody tr").count() == 3
    # A chart says in words what it shows, and its numbers are a file.
    alternatives = lab.page.locator("[role=img]").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    assert any(f"{value:.3f}" in text for text in alternatives)
    with lab.page.expect_download() as downloading:
        lab.page.get_by_role("link", name="CSV of recall@k").click()
    assert downloading.value.suggested_filename == "metrics.csv"
    # Pointing at a bar tells its numbers, without a style of Vega's own.
    box = lab.page.locator("[data-chart=recall] canvas").bounding_box()
    assert box is not None
    tooltip = lab.page.locator("#vg-tooltip-element.visible")
    for step in range(4, 40):
        lab.page.mouse.move(box["x"] + box["width"] * step / 40, box["y"] + box["height"] * 0.65)
        if tooltip.count():
            break
    assert "recall@k" in tooltip.inner_text()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen_and_everything_has_a_name(lab: Desk, width: int) -> None:
    lab.page.set_viewport_size({"width": width, "height": 844})
    ids = [evaluation["id"] for evaluation in lab.organization.get("/v1/evaluations").json()["data"]][:2]
    for path in ("evaluations", home_of(lab.organization), f"compare?baseline={ids[0]}&candidate={ids[1]}"):
        go(lab, path)
        assert lab.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert all(fits for _, _, fits in lab.page.evaluate(SHOWN)), path
        assert lab.page.evaluate(NAMELESS) == [], path
        assert lab.page.locator("h1").count() == 1
        # What scrolls can be reached by keyboard.
        assert lab.page.locator(".scroll:not([tabindex='0'])").count() == 0


def test_pages_are_readable_without_scripts(browser: Browser, url: str, measured: OrganizationClient) -> None:
    desk = open_desk(browser, url, measured)
    context = browser.new_context(java_script_enabled=False, storage_state=desk.page.context.storage_state())
    page = context.new_page()
    page.goto(f"{url}/console/{home_of(measured)}")
    assert page.locator("table tbody tr").count() > 10
    assert "As served: @1" in page.inner_text("main")
    page.goto(f"{url}/console/evaluations")
    page.get_by_label("Split").select_option("eval")
    page.get_by_role("button", name="Show").click()
    assert page.locator("input[type=radio]").count() == 12
    for open_context in (context, desk.page.context):
        open_context.close()
