"""The lab's pages without a browser: what stands on them, whose it is, and what they say to the browser."""

import json
import re
import uuid
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine
from starlette.testclient import TestClient

from tests.api import lab_examples as example
from tests.api.lab_rows import new_dataset, new_evaluation, read_csv
from tests.api.signing_in import sign_in
from tests.factories import OrganizationClient, new_organization

UNKNOWN = uuid.UUID("0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011")


@pytest.fixture
def browser(client: TestClient, organization: OrganizationClient) -> TestClient:
    """The app to somebody who is signed in."""
    client.cookies.clear()
    assert sign_in(client, organization).status_code == 303
    return client


def test_an_evaluation_shows_its_figures_as_text(
    browser: TestClient, engine: Engine, organization: OrganizationClient
) -> None:
    dataset_id = new_dataset(engine, organization)
    evaluation_id = new_evaluation(engine, organization, dataset_id)
    home = f"/console/evaluations/{evaluation_id}"
    page = browser.get(home)
    assert page.status_code == 200
    assert "May &lt;b&gt;2026&lt;/b&gt; &amp; more, eval" in page.text
    assert "=Software &amp; &lt;subscriptions&gt;" in page.text
    assert "<b>" not in page.text
    assert re.search(r"<h1>base</h1>", page.text)
    value = example.metrics()["without_history"]["mrr"]["5"]["value"]
    assert f"{value:.3f}" in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|style=|<script>|\son\w+=|javascript:", page.text)
    assets = set(re.findall(r'(?:src|href)="(/console/static/[^"]*)"', page.text))
    assert {browser.get(asset).status_code for asset in assets} == {200}
    # A chart for each place, words beside it, and each table where the page says.
    places = set(re.findall(r'data-chart="([^"]+)"', page.text))
    specs = browser.get(f"{home}/charts.json").json()
    assert set(specs) == places
    assert len(places) == 7
    linked = set(re.findall(rf'href="({home}/tables/[^"]+)"', page.text))
    assert {browser.get(path).status_code for path in linked} == {200}
    assert {path.rpartition("/")[2] for path in linked} == {
        *("metrics.csv", "slices.csv", "categories.csv", "confusions.csv", "map.csv", "reliability.csv")
    }
    assert len(read_csv(browser, f"{home}/tables/map.csv")) == 33
    assert browser.get(f"{home}/tables/secrets.csv").status_code == 404


def test_an_evaluation_from_before_there_were_reports_is_shown(
    browser: TestClient, engine: Engine, organization: OrganizationClient
) -> None:
    dataset_id = new_dataset(engine, organization)
    old = {"n": 4, "recall": {"1": example.figure(0.5)}, "mrr": {}, "without_history": {"n": 4}}
    without_metrics: dict[str, Any] = {"metrics": {}, "per_category": {}, "report": None}
    for values in (without_metrics, {"metrics": old, "report": None}):
        evaluation_id = new_evaluation(engine, organization, dataset_id, **values)
        home = f"/console/evaluations/{evaluation_id}"
        assert browser.get(home).status_code == 200
        assert len(browser.get(f"{home}/charts.json").json()) == (1 if values["metrics"] else 0)
    assert browser.get("/console/evaluations").status_code == 200


def test_a_leaderboard_has_one_split_of_one_dataset_best_first(
    browser: TestClient, engine: Engine, organization: OrganizationClient
) -> None:
    assert "Nothing has been evaluated yet" in browser.get("/console/evaluations").text
    older, newer = (new_dataset(engine, organization, name) for name in ("Older", "Newer"))
    none = {"model_version_id": None}
    new_evaluation(engine, organization, older, metrics=example.metrics(0.9))
    new_evaluation(engine, organization, newer, split="test", metrics=example.metrics(0.8))
    new_evaluation(engine, organization, newer, metrics=example.metrics(0.5))
    new_evaluation(engine, organization, newer, metrics=example.measures(0.6), method="tfidf_lr", **none)
    new_evaluation(engine, organization, newer, metrics=example.measures(0.1), method="new_method", **none)

    def rows(query: str) -> list[dict[str, str]]:
        return read_csv(browser, f"/console/evaluations/tables/leaderboard.csv{query}")

    def names(query: str) -> list[str]:
        return [row["name"] for row in rows(query) if not row["stage"].startswith("Without")]

    assert names("") == ["TF-IDF + logistic regression", "base", "New method"]
    assert names(f"?dataset_id={newer}&split=test") == names(f"?dataset_id={older}") == ["base"]
    assert names(f"?dataset_id={older}&split=train") == []
    # What is served, and what a part of serving adds, stand in one table.
    parts = [row["stage"] for row in rows("") if row["name"] == "base"]
    assert parts == ["As served", "Without reranker", "Without history"]
    page = browser.get("/console/evaluations").text
    assert re.findall(r"<option value=[^>]*>(\w+)</option>", page) == ["Newer", "Older"]
    assert page.index("TF-IDF + logistic") < page.index(">base</a>") < page.index("New method")
    assert "Nothing has been evaluated on the train split" in (
        browser.get(f"/console/evaluations?dataset_id={older}&split=train").text
    )
    [spec] = browser.get("/console/evaluations/charts.json").json().values()
    drawn = [row["name"] for row in spec["data"]["values"]]
    assert [name for name in drawn if ", without" not in name] == names("")
    assert len(drawn) == 5
    assert page.count('name="baseline"') == 3


@pytest.mark.parametrize("query", ["?dataset_id=1", f"?dataset_id={UNKNOWN}", "?split=secret"])
def test_a_leaderboard_that_cannot_be_is_a_page_that_says_so(browser: TestClient, query: str) -> None:
    answer = browser.get(f"/console/evaluations{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_foreign_evaluations_are_unknown_ones(
    browser: TestClient, client: TestClient, engine: Engine, organization: OrganizationClient
) -> None:
    stranger = new_organization(client)
    foreign = new_evaluation(engine, stranger, new_dataset(engine, stranger))
    own = new_evaluation(engine, organization, new_dataset(engine, organization))
    paths = [
        str(route.path)
        for route in iter_route_contexts(client.app.routes)  # type: ignore[attr-defined]  # it is the FastAPI app
        if str(route.path).startswith("/console/") and "{" in str(route.path)
    ]
    assert len(paths) >= 3

    def ask(path: str, evaluation_id: uuid.UUID | str) -> tuple[int, str]:
        answer = browser.get(
            path.replace("{evaluation_id}", str(evaluation_id)).replace("{table}", "metrics")
        )
        return answer.status_code, answer.text

    for path in (path for path in paths if "{evaluation_id}" in path):
        assert ask(path, foreign) == ask(path, UNKNOWN), path
        assert ask(path, "none")[0] == 404, path
        status, text = ask(path, foreign)
        assert (status, "<h1>Not found</h1>" in text) == (404, True), path
        assert ask(path, own)[0] == 200, path
    foreign_dataset = json.loads(stranger.get(f"/v1/evaluations/{foreign}").text)["dataset_id"]
    assert browser.get(f"/console/evaluations?dataset_id={foreign_dataset}").status_code == 404


@pytest.mark.parametrize("path", ["", "/charts.json", f"/{UNKNOWN}", f"/{UNKNOWN}/tables/metrics.csv"])
def test_whoever_is_not_signed_in_is_sent_to_the_form(client: TestClient, path: str) -> None:
    client.cookies.clear()
    answer = client.get(f"/console/evaluations{path}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
