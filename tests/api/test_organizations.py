"""Organisations and keys over HTTP."""

from starlette.testclient import TestClient

from tests.factories import OrganizationClient, new_organization


def test_a_new_organization_comes_with_a_key_that_is_shown_once(client: TestClient) -> None:
    organization = new_organization(client)
    listed = organization.get("/v1/api-keys").json()["data"]
    assert [row["id"] for row in listed] == [str(organization.key_id)]
    assert listed[0]["scopes"] == ["admin", "read", "write"]
    assert organization.key.split("_", 2)[2] not in organization.get("/v1/api-keys").text


def test_keys_can_be_changed_from_one_to_the_next(organization: OrganizationClient) -> None:
    made = organization.post("/v1/api-keys", {"name": "next", "scopes": ["admin", "read", "write"]})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    following = OrganizationClient(
        organization.id, made.json()["key"], made.json()["id"], organization.client
    )
    assert following.get("/v1/categories").status_code == 200
    assert following.delete(f"/v1/api-keys/{organization.key_id}").status_code == 204
    assert organization.get("/v1/categories").status_code == 401
    assert following.get("/v1/categories").status_code == 200


def test_a_key_needs_known_scopes_and_a_time_with_a_zone(organization: OrganizationClient) -> None:
    for fields in (
        {"scopes": []},
        {"scopes": ["root"]},
        {"scopes": "read"},
        {"scopes": ["read"], "expires_at": "2099-01-01T00:00:00"},
        {"scopes": ["read"], "expires_at": 4_000_000_000},
        {"scopes": ["read"], "organization_id": str(organization.id)},
    ):
        assert organization.post("/v1/api-keys", {"name": "a", **fields}).status_code == 422, fields
