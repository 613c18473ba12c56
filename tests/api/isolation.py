"""What the isolation matrix is made of: every place of the API that takes an id, and a row for each."""

import copy
import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from shared.candidates.tables import Candidate
from shared.datasets.tables import Dataset
from shared.kit.unit_of_work import transaction
from shared.registry.reports import EvaluationMetrics
from shared.registry.tables import Evaluation, ModelVersion
from tests.factories import OrganizationClient, new_category, new_transaction

Made = Callable[[OrganizationClient, Engine], uuid.UUID]
METHODS = {"get", "put", "post", "patch", "delete"}


# Fields of a body that narrow what is worked on, rather than name what must be there.
FINDS_NOTHING = {
    ("/v1/candidates/next", "category_id"),
    ("/v1/transactions/next", "transaction_ids"),
    ("/v1/candidates/approve", "candidate_ids"),
    ("/v1/candidates/reject", "candidate_ids"),
}

# Queries that name what must be there, rather than narrow what is listed.
NAMED_IN_QUERY = {("/v1/evaluations/compare", "baseline"), ("/v1/evaluations/compare", "candidate")}


@dataclass(frozen=True)
class Place:
    """Where a request names a row: `where` is path, query or body, `name` the parameter or field."""

    method: str
    path: str
    where: str
    name: str
    is_list: bool = False
    is_for_operators: bool = False

    @property
    def row(self) -> str:
        """The name in `ROWS`."""
        return self.name.rpartition(".")[2]

    @property
    def is_filter(self) -> bool:
        """Whether it narrows what is asked for: a foreign id then finds nothing."""
        return (
            (self.where == "query" and (self.path, self.name) not in NAMED_IN_QUERY)
            or self.name.startswith("filter.")
            or (self.path, self.name) in FINDS_NOTHING
        )

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.where} {self.name}"


def places(schema: dict[str, Any]) -> list[Place]:
    """Every path parameter, query parameter and field of a body that is an id."""
    found_places = []
    for path, item in schema["paths"].items():
        for method in METHODS & set(item):
            operation = item[method]
            is_root = {"rootKey": []} in operation.get("security", ())
            named = [
                (parameter["in"], parameter["name"], parameter["schema"])
                for parameter in operation.get("parameters", ())
            ]
            for media in operation.get("requestBody", {}).get("content", {}).values():
                named += [("body", name, field) for name, field in _fields(media["schema"], schema)]
            for where, name, field in named:
                if _is_id(field, schema):
                    is_list = "array" in str(field)
                    found_places.append(Place(method.upper(), path, where, name, is_list, is_root))
    return sorted(found_places, key=str)


def _fields(node: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(dotted name, schema) of every field of a body, however deep."""
    node = _resolved(node, schema)
    for name, field in node.get("properties", {}).items():
        yield name, field
        for inner, deeper in _fields(field, schema):
            yield f"{name}.{inner}", deeper
    for part in (*node.get("anyOf", ()), *([node["items"]] if "items" in node else ())):
        yield from _fields(part, schema)


def _is_id(node: dict[str, Any], schema: dict[str, Any]) -> bool:
    node = _resolved(node, schema)
    parts = [*node.get("anyOf", ()), *([node["items"]] if "items" in node else ())]
    return node.get("format") == "uuid" or any(_is_id(part, schema) for part in parts)


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        definition: dict[str, Any] = schema["components"]["schemas"][node["$ref"].rpartition("/")[2]]
        return definition
    return node


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
        counts={"train": 2, "test": 2, "eval": 2},
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
        metrics=EvaluationMetrics(n=0, recall={}, mrr={}),
        per_category={},
        job_id=uuid.uuid4(),
    )
    return add_row(engine, evaluation)


def a_model(organization: OrganizationClient, _: Engine) -> uuid.UUID:
    models = organization.get("/v1/models").json()["data"]
    return uuid.UUID(next(model["id"] for model in models if model["kind"] == "base"))


def a_reranker(organization: OrganizationClient, engine: Engine) -> uuid.UUID:
    reranker = ModelVersion(
        organization_id=organization.id,
        name=f"reranker {uuid.uuid4()}",
        kind="hosted_reranker",
        base_model="rerank",
        fingerprint="0" * 64,
        parameters={},
        metrics={},
    )
    return add_row(engine, reranker)


def a_candidate(organization: OrganizationClient, engine: Engine) -> uuid.UUID:
    candidate = Candidate(
        organization_id=organization.id,
        kind="transaction",
        status="pending",
        category_id=a_category(organization, engine),
        merchant_name="Made up",
        merchant_category=[],
        job_id=uuid.uuid4(),
        style="plain",
        prompt_version="test",
        llm="offline",
    )
    return add_row(engine, candidate)


def itself(organization: OrganizationClient, _: Engine) -> uuid.UUID:
    return organization.id


def add_row(engine: Engine, row: Any) -> uuid.UUID:
    """Insert a row that only a job could make through the API."""
    with transaction(engine) as session:
        session.add(row)
        session.flush()
        return uuid.UUID(str(row.id))


# How to make the row that a parameter or a field names.
ROWS: dict[str, Made] = {
    "candidate_id": a_candidate,
    "candidate_ids": a_candidate,
    "category_id": a_category,
    "category_ids": a_category,
    "transaction_id": a_transaction,
    "transaction_ids": a_transaction,
    "key_id": a_key,
    "job_id": a_finished_job,
    "parent_id": a_finished_job,
    "dataset_id": a_dataset,
    "model_version_id": a_model,
    "base_model_version_id": a_model,
    "teacher_version_id": a_model,
    "miner_version_id": a_model,
    "reranker_version_id": a_reranker,
    "evaluation_id": an_evaluation,
    "baseline": an_evaluation,
    "candidate": an_evaluation,
    "organization_id": itself,
}

# What a request needs beside the id to be sound, and so to be refused for nothing but the id.
# The names of `OWN` are given own rows, unless one is what is tried.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/transactions/next"): {"reviewer": "Jane"},
    ("PATCH", "/v1/categories/{category_id}"): {"description": "taken over"},
    ("POST", "/v1/trainings"): {"name": "tuned"},
    ("POST", "/v1/trainings/rerankers"): {"name": "trained"},
    ("POST", "/v1/searches"): {"name": "searched", "folds": 2},
    **{
        ("POST", f"/v1/candidates/{action}"): {"reviewer": "Jane"}
        for action in (
            *("next", "approve", "reject"),
            *("{candidate_id}/approve", "{candidate_id}/reject", "{candidate_id}/skip"),
        )
    },
    ("POST", "/v1/datasets"): {"name": "frozen"},
    ("POST", "/v1/datasets/{dataset_id}/baselines"): {"split": "eval"},
    ("POST", "/v1/models/{model_version_id}/variants"): {"name": "cut", "dimension": 64},
    ("POST", "/v1/models/{model_version_id}/push"): {"repository": "acme/categories"},
    ("POST", "/v1/generations"): {"style": "offline", "count": 1},
}
OWN: dict[tuple[str, str], tuple[str, ...]] = {
    ("PUT", "/v1/transactions/{transaction_id}/label"): ("category_id",),
    ("POST", "/v1/trainings"): ("dataset_id",),
    ("POST", "/v1/trainings/rerankers"): ("dataset_id",),
    ("POST", "/v1/searches"): ("dataset_id",),
    ("POST", "/v1/evaluations"): ("dataset_id", "model_version_id"),
    ("GET", "/v1/evaluations/compare"): ("baseline", "candidate"),
}


def request_of(place: Place, caller: OrganizationClient, engine: Engine, row_id: uuid.UUID) -> dict[str, Any]:
    """The path, query and body of a request that names the row in this place, and own rows in all others."""
    key = (place.method, place.path)
    path, body = place.path, copy.deepcopy(BODIES.get(key, {}))
    query: dict[str, str] = {}
    for name in OWN.get(key, ()):
        (query if place.where == "query" else body)[name] = str(ROWS[name](caller, engine))
    for part in [part.strip("{}") for part in path.split("/") if part.startswith("{")]:
        is_tried = place.where == "path" and part == place.name
        path = path.replace(f"{{{part}}}", str(row_id if is_tried else ROWS[part](caller, engine)))
    if place.where == "query":
        query[place.name] = str(row_id)
    if place.where == "body":
        *outer, name = place.name.split(".")
        at = body
        for part in outer:
            at = at.setdefault(part, {})
        at[name] = [str(row_id)] if place.is_list else str(row_id)
    return {"method": place.method, "path": path, "json": body or None, "params": query}
