"""The schema at /openapi.json is exact: examples fit, links lead somewhere, nothing is missing."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from starlette.testclient import TestClient

from api.errors import app_error_response
from shared.kit.errors import AppError, TooMany, Unavailable

METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture
def schema(client: TestClient) -> dict[str, Any]:
    schema: dict[str, Any] = client.get("/openapi.json").json()
    return schema


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation, named."""
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def examples(node: Any, place: str = "#") -> Iterator[tuple[str, Any, Any]]:
    """(where, schema, example) of everything in the document that has an example."""
    if isinstance(node, list):
        for index, child in enumerate(node):
            yield from examples(child, f"{place}/{index}")
    if not isinstance(node, dict):
        return
    inner = node.get("schema", node)
    if "example" in node:
        yield f"{place}/example", inner, node["example"]
    listed = node.get("examples")
    for index, example in enumerate(listed if isinstance(listed, list) else ()):
        yield f"{place}/examples/{index}", inner, example
    for key, child in node.items():
        if key not in {"example", "examples"}:
            yield from examples(child, f"{place}/{key}")


def test_every_example_fits_its_own_schema(schema: dict[str, Any]) -> None:
    walked = list(examples(schema))
    kinds = [where.rpartition("/")[0] for where, _, _ in walked]
    assert sum("/responses/" in kind for kind in kinds) >= 200
    assert sum("/components/schemas/" in kind for kind in kinds) >= 12
    assert sum("requestBody" in kind for kind in kinds) >= 1
    assert sum("/parameters/" in kind for kind in kinds) >= 10
    for where, wanted, example in walked:
        whole = {**wanted, "components": schema["components"]}
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        assert [error.message for error in validator.iter_errors(example)] == [], where


def test_every_link_leads_to_an_operation_that_takes_what_it_gives(schema: dict[str, Any]) -> None:
    by_id = {operation["operationId"]: operation for _, operation in operations(schema)}
    links = [
        link
        for _, operation in operations(schema)
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert len(links) >= 30
    for link in links:
        taken = {parameter["name"] for parameter in by_id[link["operationId"]]["parameters"]}
        assert set(link["parameters"]) <= taken


def test_every_operation_says_what_the_door_can_answer(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        statuses = set(operation["responses"])
        if "security" in operation:
            assert {"401", "429", "500", "503"} <= statuses, name
        if {"apiKey": []} in operation.get("security", ()):
            assert "403" in statuses, name
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= statuses, name
        if "{" in name:
            assert "404" in statuses, name


def test_every_answer_says_which_headers_it_has(schema: dict[str, Any]) -> None:
    wanted = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
    for name, operation in operations(schema):
        for status, response in operation["responses"].items():
            assert "X-Request-ID" in response["headers"], name
            if "JobOut" in str(response["content"] if status == "202" else ""):
                assert "jobs" in response["headers"]["Location"]["schema"]["pattern"], name
            if status in wanted:
                assert response["headers"][wanted[status]]["required"], name


@pytest.mark.parametrize("error", [Unavailable(), TooMany(), Unavailable(retry_after=0.2)], ids=repr)
def test_what_is_away_or_too_much_always_says_when_to_come_again(error: AppError) -> None:
    assert int(app_error_response(error, "/").headers["Retry-After"]) >= 1
