"""Organisations never meet: every route that takes an id answers a foreign one as an unknown one."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.datasets.tables import Dataset
from shared.kit.work import transaction
from shared.registry.tables import Evaluation
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction

Made = Callable[[OrganizationClient, Engine], uuid.UUID]


def a_category(organization: OrganizationClient, _: Engine) -> uuid.UUID:
    return uuid.UUID(new_category(organization)["id"])


def a_transaction(organization: OrganizationClient, _: Engine) -> uuid.UUID:
    return uuid.UUID(new_transaction(organization)["id"])


def a_key(organization: OrganizationClient, _: Engine) -> uuid.UUID:
    return organization.with_key("read").key_id


def a_finished_job(organization: OrganizationClient, _: Engine) -> uuid.UUID:
    new_category(organization)
    job = organization.get("/v1/jobs").json()["data"][0]
    assert organization.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
    return uuid.UUID(job["id"])


def a_dataset(organization: OrganizationClient, engine: Engine) -> uuid.UUID:
    dataset = Dataset(
        organization_id=organization.id,
        name="frozen",
        seed=0,
        parameters={},
        counts={},
        categories={},
        job_id=uuid.uuid4(),
        frozen_at=dt.datetime.now(dt.UTC),
    )
    return add_row(engine, dataset)


def an_evaluation(organization: OrganizationClient, engine: Engine) -> uuid.UUID:
    evaluation = Evaluation(
        organization_id=organization.id,
        dataset_id=a_dataset(organization, engine),
        model_version_id=a_model(organization, engine),
        split="eval",
        metrics={},
        per_category={},
        job_id=uuid.uuid4(),
    )
    return add_row(engine, evaluation)


def a_model(organization: OrganizationClient, _: Engine) -> uuid.UUID:
    [base] = organization.get("/v1/models").json()["data"]
    return uuid.UUID(base["id"])


def add_row(engine: Engine, row: Any) -> uuid.UUID:
    """Insert a row that only a job could make through the API."""
    with transaction(engine) as session:
        session.add(row)
        session.flush()
        return uuid.UUID(str(row.id))


# How to make the row that a path's parameter names.
ROWS: dict[str, Made] = {
    "category_id": a_category,
    "transaction_id": a_transaction,
    "key_id": a_key,
    "job_id": a_finished_job,
    "dataset_id": a_dataset,
    "model_version_id": a_model,
    "evaluation_id": an_evaluation,
}

# What a request needs beside its path to be sound, and so to be refused for nothing but the id.
BODIES: dict[tuple[str, str], Callable[[OrganizationClient], Any]] = {
    ("PATCH", "/v1/categories/{category_id}"): lambda _: {"description": "taken over"},
    ("PUT", "/v1/transactions/{transaction_id}/label"): lambda caller: {
        "category_id": new_category(caller)["id"]
    },
}


def id_routes(client: TestClient) -> list[tuple[str, str]]:
    """(method, path) of every route of the app that takes an id."""
    found = []
    for route in iter_route_contexts(client.app.routes):  # type: ignore[attr-defined]  # it is the FastAPI app
        if route.path is not None and "{" in route.path and route.methods:
            found += [(method, route.path) for method in sorted(route.methods)]
    return found


def test_every_id_route_treats_a_foreign_id_as_an_unknown_one(client: TestClient, engine: Engine) -> None:
    owner, stranger = new_organization(client), new_organization(client)
    routes = id_routes(client)
    assert len(routes) >= 10
    for method, path in routes:
        name = path.partition("{")[2].partition("}")[0]
        assert name in ROWS, f"say in ROWS how to make the row of {path}"
        row_id = ROWS[name](owner, engine)
        make_body = BODIES.get((method, path), lambda _: None)

        def ask(caller: OrganizationClient, asked: uuid.UUID) -> Any:
            body = make_body(caller)  # noqa: B023  # called within this turn of the loop
            return caller.call(method, path.replace(f"{{{name}}}", str(asked)), body)  # noqa: B023  # the same

        unknown_id = uuid.uuid4()
        foreign, unknown = ask(stranger, row_id), ask(stranger, unknown_id)
        assert foreign.status_code == 404, f"{method} {path} showed a foreign row"
        assert foreign.json()["code"] == unknown.json()["code"]
        assert foreign.text.replace(str(row_id), "") == unknown.text.replace(str(unknown_id), "")
        # The owner is not told 404: it was the organisation that made the difference.
        assert ask(owner, row_id).status_code not in {404, 405, 422}, f"{method} {path}"


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
    one, other = new_organization(client), new_organization(client)
    first = new_transaction(one, external_id="x-1", memo="one's")
    second = new_transaction(other, external_id="x-1", memo="the other's")
    assert first["id"] != second["id"]
    assert one.get(f"/v1/transactions/{first['id']}").json()["memo"] == "one's"
