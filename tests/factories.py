"""What tests need before they can begin."""

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
from starlette.testclient import TestClient

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from shared.resources import Resources

ROOT_KEY = "test-root-key-0123456789"  # opens nothing but a test's own app

_numbers = itertools.count(1)


@dataclass(frozen=True)
class OrganizationClient:
    """An organisation and a way to call the API with its key."""

    id: uuid.UUID
    key: str
    key_id: uuid.UUID
    client: TestClient

    @property
    def headers(self) -> dict[str, str]:
        """The key as a header."""
        return {"Authorization": f"Bearer {self.key}"}

    def call(self, method: str, path: str, json: Any = None, **options: Any) -> httpx2.Response:
        """Call with the key."""
        headers = self.headers | options.pop("headers", {})
        if json is not None:
            options["json"] = json
        return self.client.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """GET with the key."""
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx2.Response:
        """POST with the key."""
        return self.call("POST", path, json, **options)

    def put(self, path: str, json: Any = None) -> httpx2.Response:
        """PUT with the key."""
        return self.call("PUT", path, json)

    def patch(self, path: str, json: Any = None) -> httpx2.Response:
        """PATCH with the key."""
        return self.call("PATCH", path, json)

    def delete(self, path: str) -> httpx2.Response:
        """DELETE with the key."""
        return self.call("DELETE", path)

    def with_key(self, *scopes: str) -> "OrganizationClient":
        """The same organisation behind a new key that has these scopes."""
        key = self.post("/v1/api-keys", {"name": f"key {next(_numbers)}", "scopes": list(scopes)}).json()
        return OrganizationClient(self.id, key["key"], uuid.UUID(key["id"]), self.client)


def new_organization(client: TestClient) -> OrganizationClient:
    """An organisation made through the API."""
    response = client.post(
        "/v1/organizations",
        json={"name": f"Organisation {next(_numbers)}"},
        headers={"Authorization": f"Bearer {ROOT_KEY}"},
    )
    assert response.status_code == 201, response.text
    created = response.json()
    key = created["api_key"]
    return OrganizationClient(uuid.UUID(created["id"]), key["key"], uuid.UUID(key["id"]), client)


def run_jobs(resources: "Resources", organization: OrganizationClient) -> dict[str, list[str]]:
    """Work on what the organisation has queued, oldest first, in this process: the states by kind.

    The real work under the real lease; only the broker and the worker processes are left out.
    """
    from shared.jobs import run
    from shared.jobs.handlers import bind, load_handlers

    work_of = bind(load_handlers(), resources)
    ended: dict[str, list[str]] = {}
    while queued := organization.get("/v1/jobs?status=queued&limit=200").json()["data"]:
        for job in reversed(queued):
            lease = run.Lease(60, 10)
            status = run.execute(resources.engine, uuid.UUID(job["id"]), work_of, lease)
            ended.setdefault(job["kind"], []).append(str(status))
    return ended


def new_category(organization: OrganizationClient, **fields: Any) -> dict[str, Any]:
    """A category made through the API."""
    number = next(_numbers)
    body = {"name": f"Category {number}", "code": str(number), **fields}
    response = organization.post("/v1/categories", body)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


def new_labelled(
    organization: OrganizationClient, category_id: str, rows: Iterable[dict[str, Any]]
) -> list[str]:
    """Transactions that a person filed under the category: their ids, in order.

    As after two calls a row, but with one for all of them and one job for the index, which is a tenth of it.
    """
    from shared.kit.unit_of_work import transaction
    from shared.transactions import service as transactions

    body = {"transactions": [{"merchant_name": f"Merchant {next(_numbers)}", **row} for row in rows]}
    response = organization.post("/v1/transactions/batch", body)
    assert response.status_code == 200, response.text
    ids: list[str] = [result["id"] for result in response.json()["results"]]
    resources: Resources = organization.client.app.state.resources  # type: ignore[attr-defined]  # FastAPI's
    filed = dict.fromkeys(map(uuid.UUID, ids), uuid.UUID(category_id))
    with transaction(resources.engine) as session:
        transactions.label_many(session, organization.id, filed, source="human", actor="test")
    return ids


def new_candidates(
    engine: "Engine", organization: OrganizationClient, count: int, **options: Any
) -> list[uuid.UUID]:
    """Candidates as a generation job leaves them, each with another difficulty; their ids in order.

    `options`: category_id (a new category by default), paraphrase, style, job_id, and any field.
    """
    from shared.candidates import service as candidates
    from shared.kit.unit_of_work import transaction
    from shared.transactions.fields import TransactionFields

    category_id = uuid.UUID(str(options.pop("category_id", None) or new_category(organization)["id"]))
    origin = candidates.Origin(
        options.pop("job_id", uuid.uuid4()), options.pop("style", "plain"), "p1", "llm"
    )
    paraphrase, occurred_on = options.pop("paraphrase", None), options.pop("occurred_on", None)
    new = []
    for _ in range(count):
        number = next(_numbers)
        fields = TransactionFields(**{"merchant_name": f"Made-up {number}", **options})
        difficulty = candidates.Difficulty(number % 7 + 1, number % 11 / 10 - 0.5, uuid.uuid4())
        values = (
            {"fields": fields, "occurred_on": occurred_on}
            if paraphrase is None
            else {"paraphrase": paraphrase}
        )
        new.append(candidates.NewCandidate(category_id, difficulty=difficulty, **values))
    with transaction(engine) as session:
        return sorted(candidates.add(session, organization.id, origin, new))


def new_transaction(organization: OrganizationClient, **fields: Any) -> dict[str, Any]:
    """A transaction made through the API."""
    body = {"merchant_name": f"Merchant {next(_numbers)}", **fields}
    response = organization.post("/v1/transactions", body)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created
