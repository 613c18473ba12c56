"""Organisations never meet: wherever the API takes an id, a foreign one is answered as an unknown one."""

import uuid
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine
from starlette.testclient import TestClient

from tests.api.isolation import ROWS, Place, places, request_of
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction

REFUSALS = {404, 422}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case for each place of the app that takes an id, or for each that only operators reach."""
    if "place" in metafunc.fixturenames:
        metafunc.parametrize("place", [place for place in matrix() if not place.is_for_operators], ids=str)
    elif "operators_place" in metafunc.fixturenames:
        metafunc.parametrize(
            "operators_place", [place for place in matrix() if place.is_for_operators], ids=str
        )


@cache
def matrix() -> list[Place]:
    """Every place of the app that takes an id."""
    from api.main import create_app
    from shared.kit.settings import Settings

    settings = Settings(_env_file=None, edge_socket=Path("edge.sock"), edge_authkey="0" * 32)
    return places(create_app(settings).openapi())


def test_the_matrix_has_every_route_that_takes_an_id(client: TestClient) -> None:
    assert places(client.get("/openapi.json").json()) == matrix()
    routes = {
        (method, route.path)
        for route in iter_route_contexts(client.app.routes)  # type: ignore[attr-defined]  # it is the FastAPI app
        # The pages have a test of their own, in test_lab_pages.
        if route.path is not None and "{" in route.path and not route.path.startswith("/console/")
        for method in route.methods or ()
    }
    assert routes == {(place.method, place.path) for place in matrix() if place.where == "path"}
    for method, path in routes:
        tried = {place.name for place in matrix() if (place.method, place.path) == (method, path)}
        assert {part.strip("{}") for part in path.split("/") if part.startswith("{")} <= tried
    without_rows = {place.row for place in matrix()} - set(ROWS)
    assert without_rows == set(), "say in tests/api/isolation.py how to make these rows"
    assert len(matrix()) >= 30
    assert {place.is_for_operators for place in matrix()} == {True, False}


def test_a_foreign_id_is_answered_as_an_unknown_one(client: TestClient, engine: Engine, place: Place) -> None:
    owner, stranger = new_organization(client), new_organization(client)
    row_id, unknown_id = ROWS[place.row](owner, engine), uuid.uuid4()

    def ask(caller: OrganizationClient, named_id: uuid.UUID) -> Any:
        return caller.call(**request_of(place, caller, engine, named_id))

    foreign, unknown = ask(stranger, row_id), ask(stranger, unknown_id)
    assert _without_own_ids(foreign, row_id) == _without_own_ids(unknown, unknown_id)
    if place.is_filter:
        if place.where == "query":
            assert (foreign.status_code, foreign.json()["data"]) == (200, [])
        return
    assert foreign.status_code in ({404} if place.where == "path" else REFUSALS)
    # The owner is answered otherwise: it was the organisation that made the difference.
    own = ask(owner, row_id)
    assert own.status_code < 400 or own.json()["code"] != foreign.json()["code"]


def _without_own_ids(answer: Any, row_id: uuid.UUID) -> tuple[int, str, str]:
    """Status, type and text; the id, and that of the own row in a path, are what differs."""
    body = answer.json() if answer.content else None
    if isinstance(body, dict):
        body.pop("instance", None)
    return answer.status_code, answer.headers.get("content-type", ""), str(body).replace(str(row_id), "")


def test_an_organizations_key_opens_no_operators_route(client: TestClient, operators_place: Place) -> None:
    speaker, other = new_organization(client), new_organization(client)
    for row_id in (speaker.id, other.id, uuid.uuid4()):
        path = operators_place.path.replace(f"{{{operators_place.name}}}", str(row_id))
        assert speaker.call(operators_place.method, path).status_code == 401


@pytest.mark.parametrize("path", ["categories", "transactions", "jobs", "api-keys", "models"])
def test_lists_hold_nothing_of_another_organization(client: TestClient, path: str) -> None:
    owner, stranger = new_organization(client), new_organization(client)
    new_category(owner)
    new_transaction(owner)
    own = {row["id"] for row in owner.get(f"/v1/{path}").json()["data"]}
    foreign = {row["id"] for row in stranger.get(f"/v1/{path}").json()["data"]}
    assert own
    assert not own & foreign


def test_a_label_cannot_name_a_foreign_category(client: TestClient) -> None:
    owner, stranger = new_organization(client), new_organization(client)
    transaction, category = new_transaction(stranger), new_category(owner)
    answer = stranger.put(f"/v1/transactions/{transaction['id']}/label", {"category_id": category["id"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-category")


def test_the_same_external_id_is_two_transactions_in_two_organizations(client: TestClient) -> None:
    first_owner, other = new_organization(client), new_organization(client)
    first = new_transaction(first_owner, external_id="x-1", memo="one's")
    second = new_transaction(other, external_id="x-1", memo="the other's")
    assert first["id"] != second["id"]
    assert first_owner.get(f"/v1/transactions/{first['id']}").json()["memo"] == "one's"
