"""The documentation: offline, under a strict policy, and complete."""

import re
from typing import Any

from starlette.testclient import TestClient


def operations(client: TestClient) -> list[tuple[str, dict[str, Any]]]:
    """Every operation of the schema, named."""
    schema = client.get("/openapi.json").json()
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_page_uses_nothing_but_our_own_files(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(addresses) >= 4
    assert {client.get(address).status_code for address in addresses} == {200}
    assert all(address.startswith("/static/") for address in addresses)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    # What such a policy would block.
    assert not re.search(r"<style|style=|<script>|\son\w+=", page.text)


def test_every_operation_is_described(client: TestClient) -> None:
    for name, operation in operations(client):
        assert operation["description"], name
        assert len(operation["tags"]) >= 1, name


def test_every_request_has_an_example(client: TestClient) -> None:
    components = client.get("/openapi.json").json()["components"]["schemas"]
    bodies = 0
    for name, operation in operations(client):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            bodies += 1
            schema = media["schema"]
            target = components[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
            assert "example" in media or target.get("examples"), name
    assert bodies >= 6


def test_every_error_is_a_problem_with_an_example(client: TestClient) -> None:
    for name, operation in operations(client):
        for status, response in operation["responses"].items():
            if status[0] in "45":
                [(media_type, media)] = response["content"].items()
                assert media_type == "application/problem+json", name
                assert media["example"]["status"] == int(status), name
                assert media["schema"] == {"$ref": "#/components/schemas/Problem"}, name


def test_every_resource_needs_a_key(client: TestClient) -> None:
    for name, operation in operations(client):
        if " /v1/" in name:
            assert operation.get("security"), name
            assert "401" in operation["responses"], name


def test_the_examples_of_requests_are_accepted_by_their_own_schema(client: TestClient) -> None:
    from api.schemas.categories import CategoryIn, CategoryPatch, ChartIn
    from api.schemas.categorize import CategorizeBatchIn, CategorizeIn
    from api.schemas.datasets import DatasetIn
    from api.schemas.evaluations import BaselinesIn, EvaluationIn
    from api.schemas.labels import LabelIn
    from api.schemas.models import ReindexIn, VariantIn
    from api.schemas.organizations import ApiKeyIn, OrganizationIn
    from api.schemas.searches import SearchIn
    from api.schemas.trainings import TrainingIn
    from api.schemas.transactions import TransactionBatchIn, TransactionFieldsIn, TransactionIn

    models = (
        *(
            DatasetIn,
            TrainingIn,
            SearchIn,
            BaselinesIn,
            EvaluationIn,
            ReindexIn,
            VariantIn,
            CategorizeIn,
            CategorizeBatchIn,
        ),
        *(CategoryIn, CategoryPatch, ChartIn, ApiKeyIn, OrganizationIn),
        *(LabelIn, TransactionBatchIn, TransactionFieldsIn, TransactionIn),
    )
    for model in models:
        for example in model.model_json_schema()["examples"]:
            model.model_validate(example)
