"""Completes FastAPI's OpenAPI schema: error responses, headers, and links between operations."""

from typing import Any

from pydantic import BaseModel

from api.errors import MEDIA_TYPE
from api.responses import described
from api.schemas.common import In, Out

Json = dict[str, Any]

METHODS = frozenset({"get", "put", "post", "patch", "delete"})


def complete(schema: Json) -> Json:
    """The schema with every status and header that an operation can answer with, and links."""
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                _complete_errors(method, operation)
                _complete_headers(operation)
                _complete_links(f"{method.upper()} {path}", operation, schema)
    components = schema["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    _restore_examples(components, In)
    _restore_examples(components, Out)
    return schema


def _restore_examples(components: Json, parent: type[BaseModel]) -> None:
    """FastAPI leaves every null of an example out, and with it fields that the schema requires."""
    for model in parent.__subclasses__():
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and "examples" in components.get(model.__name__, {}):
            components[model.__name__]["examples"] = extra["examples"]
        _restore_examples(components, model)


def _complete_errors(method: str, operation: Json) -> None:
    responses = operation["responses"]
    for status in _possible(method, operation):
        responses.setdefault(str(status), _problem(status))
    for status, response in responses.items():
        if status.startswith(("4", "5")):
            # FastAPI files the model under the media type of the route's own answer.
            merged = {key: value for media in response["content"].values() for key, value in media.items()}
            response["content"] = {MEDIA_TYPE: merged}
    operation["responses"] = dict(sorted(responses.items()))


def _possible(method: str, operation: Json) -> set[int]:
    """Statuses that middleware and dependencies answer with, whatever the route does."""
    statuses: set[int] = set()
    schemes = {name for wanted in operation.get("security", ()) for name in wanted}
    if schemes:
        statuses |= {401, 429, 500, 503}
    if "apiKey" in schemes:
        statuses.add(403)  # the root key has no scopes
        if method != "get":
            statuses.add(409)  # another request was faster: see `shared.kit.database_errors`
    if "requestBody" in operation:
        statuses |= {400, 413, 415, 422}
    return statuses


def _problem(status: int) -> Json:
    response = described(status)
    response["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/Problem"}
    return response


def _header(description: str, *, required: bool = True, **schema: Any) -> Json:
    return {"description": description, "required": required, "schema": {"type": "string", **schema}}


_ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_REQUEST_ID = _header(
    "The id of this request, in the log too; yours, if you sent one.", pattern=r"^[\w.-]{1,100}$"
)
_SECONDS: Json = {
    "description": "Try again after this many seconds.",
    "schema": {"type": "integer", "minimum": 1},
}
_CHALLENGE = _header("How to authenticate.", pattern="^Bearer ")
_ALWAYS_WITH_SECONDS = frozenset({"429", "503"})


def _complete_headers(operation: Json) -> None:
    takes_key = any(given["name"] == "Idempotency-Key" for given in operation.get("parameters", ()))
    for status, response in operation["responses"].items():
        headers = response.setdefault("headers", {})
        headers["X-Request-ID"] = _REQUEST_ID
        if status == "401":
            headers["WWW-Authenticate"] = _CHALLENGE
        if status in _ALWAYS_WITH_SECONDS or (status == "409" and takes_key):
            headers["Retry-After"] = _SECONDS | {"required": status in _ALWAYS_WITH_SECONDS}
        if _is_job(response, status):
            headers["Location"] = _header("Where the job can be watched.", pattern=f"^/v1/jobs/{_ID}$")
        if status in {"200", "201", "202"} and takes_key:
            described = "There, where this answer was given before."
            headers["Idempotent-Replayed"] = _header(described, required=False, const="true")


def _is_job(response: Json, status: str) -> bool:
    """Whether this answers with a job that was begun."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return status == "202" and str(schema.get("$ref", "")).endswith("/JobOut")


# (operation, status) -> the operations that what it answers leads to, with the parameter that it gives.
_CATEGORY = ("category_id", "$response.body#/id")
_TRANSACTION = ("transaction_id", "$response.body#/id")
_JOB = ("job_id", "$response.body#/id")
_OF_CATEGORY = ("GET", "PATCH", "DELETE")
_JOB_LINKS = (
    ("GET /v1/jobs/{job_id}", _JOB),
    ("GET /v1/jobs/{job_id}/events", _JOB),
    ("POST /v1/jobs/{job_id}/cancel", _JOB),
)
_TRANSACTION_LINKS = (
    ("GET /v1/transactions/{transaction_id}", _TRANSACTION),
    ("GET /v1/transactions/{transaction_id}/labels", _TRANSACTION),
    ("DELETE /v1/transactions/{transaction_id}", _TRANSACTION),
)
_LINKS: dict[tuple[str, str], tuple[tuple[str, tuple[str, str]], ...]] = {
    ("POST /v1/categories", "201"): tuple(
        (f"{method} /v1/categories/{{category_id}}", _CATEGORY) for method in _OF_CATEGORY
    ),
    ("POST /v1/transactions", "201"): _TRANSACTION_LINKS,
    ("POST /v1/transactions", "200"): _TRANSACTION_LINKS,
    ("POST /v1/api-keys", "201"): (("DELETE /v1/api-keys/{key_id}", ("key_id", "$response.body#/id")),),
    ("POST /v1/jobs/{job_id}/cancel", "200"): (("POST /v1/jobs/{job_id}/retry", _JOB),),
}


def _complete_links(name: str, operation: Json, schema: Json) -> None:
    for status, response in operation["responses"].items():
        wanted = _JOB_LINKS if _is_job(response, status) else _LINKS.get((name, status), ())
        links = {}
        for target, (parameter, expression) in wanted:
            method, _, path = target.partition(" ")
            target_operation = schema["paths"][path][method.lower()]
            links[target_operation["operationId"]] = {
                "operationId": target_operation["operationId"],
                "parameters": {parameter: expression},
            }
        if links:
            response["links"] = links
