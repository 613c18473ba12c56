"""Organisations and keys over HTTP."""

import uuid
from typing import Any

from starlette.testclient import TestClient

from tests.factories import ROOT_KEY, OrganizationClient, new_organization

ROOT = {"Authorization": f"Bearer {ROOT_KEY}"}


def test_a_new_organization_comes_with_a_key_that_is_shown_once(client: TestClient) -> None:
    organization = new_organization(client)
    listed = organization.get("/v1/api-keys").json()["data"]
    assert [row["id"] for row in listed] == [str(organization.key_id)]
    assert listed[0]["scopes"] == ["admin", "read", "write"]
    assert organization.key.split("_", 2)[2] not in organization.get("/v1/api-keys").text


def test_keys_can_be_changed_from_one_to_the_next(organization: OrganizationClient) -> None:
    response = organization.post("/v1/api-keys", {"name": "next", "scopes": ["admin", "read", "write"]})
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    following = OrganizationClient(
        organization.id, response.json()["key"], response.json()["id"], organization.client
    )
    assert following.get("/v1/categories").status_code == 200
    assert following.delete(f"/v1/api-keys/{organization.key_id}").status_code == 204
    assert organization.get("/v1/categories").status_code == 401
    assert following.get("/v1/categories").status_code == 200


def test_a_key_needs_known_scopes_and_a_time_with_a_zone(organization: OrganizationClient) -> None:
    refused: list[dict[str, Any]] = [
        {"scopes": []},
        {"scopes": ["root"]},
        {"scopes": "read"},
        {"scopes": ["read"], "expires_at": "2099-01-01T00:00:00"},
        {"scopes": ["read"], "expires_at": 4_000_000_000},
        {"scopes": ["read"], "organization_id": str(organization.id)},
    ]
    for fields in refused:
        assert organization.post("/v1/api-keys", {"name": "a", **fields}).status_code == 422, fields


def test_the_operator_lists_shows_and_deletes_organizations(client: TestClient) -> None:
    organizations = [new_organization(client) for _ in range(3)]
    first = client.get("/v1/organizations?limit=1", headers=ROOT).json()
    assert len(first["data"]) == 1
    assert set(first["data"][0]) == {"id", "name", "created_at", "deleted_at"}
    following = client.get(f"/v1/organizations?cursor={first['page']['next']}&limit=200", headers=ROOT).json()
    listed = [row["id"] for row in first["data"] + following["data"]]
    assert [row for row in listed if row in {str(organization.id) for organization in organizations}] == [
        str(organization.id) for organization in organizations
    ]
    path = f"/v1/organizations/{organizations[0].id}"
    assert client.get(path, headers=ROOT).json()["deleted_at"] is None
    for _ in range(2):
        answer = client.delete(path, headers=ROOT)
        assert (answer.status_code, answer.headers["location"]) == (202, path)
        assert answer.json() == client.get(path, headers=ROOT).json()
        assert answer.json()["deleted_at"] is not None
    assert organizations[1].get("/v1/categories").status_code == 200


def test_an_organization_that_is_not_there_is_a_404(client: TestClient) -> None:
    for method in ("GET", "DELETE"):
        answer = client.request(method, f"/v1/organizations/{uuid.uuid4()}", headers=ROOT)
        assert (answer.status_code, answer.json()["code"]) == (404, "organization-not-found")
