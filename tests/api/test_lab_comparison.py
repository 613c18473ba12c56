"""Two evaluations compared on a page, without a browser."""

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.evaluation import significance
from tests.api.lab_rows import new_dataset, new_evaluation, new_item, rank, read_csv
from tests.api.signing_in import sign_in
from tests.factories import OrganizationClient, new_organization


@pytest.fixture
def browser(client: TestClient, organization: OrganizationClient) -> TestClient:
    """The app to somebody who is signed in."""
    client.cookies.clear()
    assert sign_in(client, organization).status_code == 303
    return client


def test_two_evaluations_stand_side_by_side(
    browser: TestClient, engine: Engine, organization: OrganizationClient
) -> None:
    dataset_id = new_dataset(engine, organization)
    items = [new_item(engine, organization, dataset_id, f"+Merchant <{number}>") for number in range(4)]
    first, second = (
        new_evaluation(engine, organization, dataset_id, method=method, model_version_id=None)
        for method in ("most_frequent", "tfidf_lr")
    )
    rank(engine, organization, first, dict(zip(items, (1, 5, None, 2), strict=True)))
    rank(engine, organization, second, dict(zip(items, (3, 1, None, 1), strict=True)))
    query = f"?baseline={first}&candidate={second}"
    page = browser.get(f"/console/compare{query}")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "+Merchant &lt;0&gt;" in page.text
    assert "may be chance" in page.text
    assert page.text.index("Most frequent category") < page.text.index("TF-IDF + logistic regression")
    rows = read_csv(browser, f"/console/compare/tables/rows.csv{query}")
    assert [
        (row["merchant"], row["baseline_rank"], row["candidate_rank"], row["change"]) for row in rows
    ] == [
        ("'+Merchant <0>", "1", "3", "worse"),
        ("'+Merchant <1>", "5", "1", "better"),
        ("'+Merchant <3>", "2", "1", "better"),
    ]
    assert {row["category"] for row in rows} == {"Meals"}
    differences = read_csv(browser, f"/console/compare/tables/differences.csv{query}")
    api = organization.get(f"/v1/evaluations/compare{query}").json()["differences"]
    assert [float(row["difference"]) for row in differences] == [
        difference["difference"] for difference in api
    ]
    # The other way round the numbers are negative, and stay numbers.
    turned = f"?baseline={second}&candidate={first}"
    [top, *_] = read_csv(browser, f"/console/compare/tables/differences.csv{turned}")
    assert float(top["difference"]) == -float(differences[0]["difference"]) == -0.25
    [spec] = browser.get(f"/console/compare/charts.json{query}").json().values()
    assert f"{len(api)}" == str(len(spec["layer"][1]["data"]["values"]))


def test_two_that_share_no_row_cannot_be_compared(
    browser: TestClient, client: TestClient, engine: Engine, organization: OrganizationClient
) -> None:
    dataset_id = new_dataset(engine, organization)
    baseline, other = (new_evaluation(engine, organization, dataset_id) for _ in range(2))
    stranger = new_organization(client)
    foreign = new_evaluation(engine, stranger, new_dataset(engine, stranger))
    answer = browser.get(f"/console/compare?baseline={baseline}&candidate={other}")
    assert answer.status_code == 422
    assert "no row in common" in answer.text
    for query in (
        f"?baseline={baseline}&candidate={foreign}",
        f"?baseline={foreign}&candidate={baseline}",
        "",
    ):
        for path in ("", "/charts.json", "/tables/rows.csv"):
            answer = browser.get(f"/console/compare{path}{query}")
            assert (answer.status_code, "<h1>Not found</h1>" in answer.text) == (404, True)


def test_a_comparison_is_computed_once_for_the_page_and_its_files_and_stays_its_owners(
    browser: TestClient,
    client: TestClient,
    engine: Engine,
    organization: OrganizationClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset_id = new_dataset(engine, organization)
    item_id = new_item(engine, organization, dataset_id, "Merchant")
    baseline, candidate = (new_evaluation(engine, organization, dataset_id) for _ in range(2))
    for evaluation_id, place in ((baseline, 2), (candidate, 1)):
        rank(engine, organization, evaluation_id, {item_id: place})
    computed = 0
    differences = significance.differences

    def count(*ranks: significance.Ranks) -> list[significance.Difference]:
        nonlocal computed
        computed += 1
        return differences(*ranks)

    monkeypatch.setattr(significance, "differences", count)
    query = f"?baseline={baseline}&candidate={candidate}"
    paths = [f"/console/compare{path}{query}" for path in ("", "/charts.json", "/tables/rows.csv")]
    for path in [*paths, f"/v1/evaluations/compare{query}", *paths]:
        assert browser.get(path).status_code == 200, path
    assert computed == 1
    stranger = new_organization(client)
    assert stranger.get(f"/v1/evaluations/compare{query}").status_code == 404
