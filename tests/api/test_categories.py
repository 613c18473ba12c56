"""Categories over HTTP."""

from typing import Any

from tests.factories import OrganizationClient, new_category


def index_jobs(organization: OrganizationClient) -> list[Any]:
    """The index's jobs so far."""
    listed: list[Any] = organization.get("/v1/jobs?kind=sync_index&limit=200").json()["data"]
    return listed


def test_a_category_is_made_read_and_listed(organization: OrganizationClient) -> None:
    body = {
        "name": "Travel: lodging",
        "code": "6210",
        "description": "Hotels",
        "examples": ["Marriott"],
        "departments": ["Sales"],
    }
    response = organization.post("/v1/categories", body)
    assert response.status_code == 201
    shown = response.json()
    assert {name: shown[name] for name in body} == body
    assert shown["archived_at"] is None
    assert organization.get(f"/v1/categories/{shown['id']}").json() == shown
    assert organization.get("/v1/categories").json() == {"data": [shown], "page": {"next": None}}
    assert [job["params"]["category_ids"] for job in index_jobs(organization)] == [[shown["id"]]]


def test_a_patch_tells_absent_from_null(organization: OrganizationClient) -> None:
    category = new_category(organization, description="old", code="1")
    path = f"/v1/categories/{category['id']}"
    assert organization.patch(path, {"description": "new"}).json()["code"] == "1"
    emptied = organization.patch(path, {"code": None}).json()
    assert (emptied["code"], emptied["description"]) == (None, "new")
    assert emptied["updated_at"] > category["updated_at"]
    assert organization.patch(path, {"name": None}).status_code == 422
    assert organization.patch(path, {}).json() == emptied


def test_an_archived_category_frees_its_name_and_keeps_its_row(organization: OrganizationClient) -> None:
    category = new_category(organization, name="Travel")
    assert organization.delete(f"/v1/categories/{category['id']}").status_code == 204
    assert organization.get("/v1/categories").json()["data"] == []
    assert [row["id"] for row in organization.get("/v1/categories?with_archived=true").json()["data"]] == [
        category["id"]
    ]
    assert organization.get(f"/v1/categories/{category['id']}").json()["archived_at"] is not None
    assert organization.post("/v1/categories", {"name": "Travel"}).status_code == 201
    assert organization.delete(f"/v1/categories/{category['id']}").status_code == 204


def test_a_chart_is_synced_by_code(organization: OrganizationClient) -> None:
    chart = [{"code": "1", "name": "Travel"}, {"code": "2", "name": "Meals"}, {"code": "3", "name": "Rent"}]
    first = organization.put("/v1/categories", {"categories": chart}).json()
    assert {name: report["count"] for name, report in first.items()} == {
        "created": 3,
        "updated": 0,
        "archived": 0,
        "unchanged": 0,
    }
    again = organization.put("/v1/categories", {"categories": chart}).json()
    assert again["unchanged"] == first["created"]
    changed = [chart[0], {"code": "2", "name": "Meals and drinks"}, {"code": "4", "name": "Rent"}]
    report = organization.put("/v1/categories", {"categories": changed}).json()
    assert {name: part["count"] for name, part in report.items()} == {
        "created": 1,
        "updated": 1,
        "archived": 1,
        "unchanged": 1,
    }
    live = organization.get("/v1/categories").json()["data"]
    assert {row["code"]: row["name"] for row in live} == {"1": "Travel", "2": "Meals and drinks", "4": "Rent"}


def test_a_chart_without_codes_or_with_equal_ones_changes_nothing(organization: OrganizationClient) -> None:
    kept = new_category(organization)
    for chart in ([{"name": "a"}], [{"code": "1", "name": "a"}, {"code": "1", "name": "b"}], []):
        assert organization.put("/v1/categories", {"categories": chart}).status_code == 422
    assert organization.get("/v1/categories").json()["data"] == [kept]


def test_a_failed_request_leaves_nothing(organization: OrganizationClient) -> None:
    new_category(organization, name="Travel", code="1")
    chart = [{"code": "2", "name": "Meals"}, {"code": "3", "name": "Meals"}]
    before = len(index_jobs(organization))
    assert organization.put("/v1/categories", {"categories": chart}).status_code == 422
    assert [row["name"] for row in organization.get("/v1/categories").json()["data"]] == ["Travel"]
    assert len(index_jobs(organization)) == before
