"""A POST that is sent again has its effect once and gets the first answer; shown through a running server."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from httpx2 import Response
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from api.idempotency import OnceRoute
from shared.idempotency import service as idempotency
from shared.idempotency.service import IdempotentRequest
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.api.serving import at_once, serve
from tests.factories import ROOT_KEY, OrganizationClient, new_category, new_organization, new_transaction

# They create and start nothing.
QUESTIONS = {"/categorize", "/categorize/batch", "/v1/categorize", "/v1/categorize/batch"}

CREATING = {
    "/v1/transactions": ("transactions", {"merchant_name": "Lufthansa"}),
    "/v1/api-keys": ("api_keys", {"name": "second", "scopes": ["read"]}),
    "/v1/datasets": ("jobs", {"name": "frozen"}),
}


@pytest.fixture(scope="module")
def url(resources: Resources) -> Iterator[str]:
    """The running server's."""
    from api.main import create_app

    with serve(create_app(resources=resources)) as running:
        yield running


def post(organization: OrganizationClient, path: str, body: Any, key: str, client: Any = None) -> Response:
    """POST with an Idempotency-Key."""
    headers = organization.headers | {"Idempotency-Key": key}
    response: Response = (client or organization.client).post(path, json=body, headers=headers)
    return response


def new_key() -> str:
    return str(uuid.uuid4())


def count(engine: Engine, table: str, organization: OrganizationClient) -> int:
    with engine.connect() as connection:
        query = text(f"SELECT count(*) FROM {table} WHERE organization_id = :id")
        return connection.scalar(query, {"id": organization.id}) or 0


def posts(client: TestClient) -> list[tuple[str, Any]]:
    """Path and route of every POST of the app."""
    routes = iter_route_contexts(client.app.routes)  # type: ignore[attr-defined]  # it is the FastAPI app
    return [(str(route.path), route) for route in routes if "POST" in (route.methods or ())]


def test_every_post_but_the_questions_takes_a_key(
    client: TestClient, organization: OrganizationClient
) -> None:
    schema = client.get("/openapi.json").json()
    # The console's forms begin and end a session, which is a cookie and no row.
    creating = [
        (path, route)
        for path, route in posts(client)
        if path not in QUESTIONS and not path.startswith("/console/")
    ]
    assert len(creating) >= 14
    for path, route in creating:
        assert isinstance(route.original_route, OnceRoute), (
            f"the router of {path} needs route_class=OnceRoute"
        )
        documented = schema["paths"][path]["post"]
        [parameter] = [item for item in documented["parameters"] if item["name"] == "Idempotency-Key"]
        assert parameter["schema"]["maxLength"] == 255
        assert parameter["schema"]["examples"]
        assert {"400", "409", "422"} <= set(documented["responses"])
        speaker = ROOT_KEY if path == "/v1/organizations" else organization.key
        address = _with_ids(path)
        form = {"data": {"format": "csv", "mapping": "{}"}, "files": {"file": ("a.csv", b"a\n1\n")}}
        sent: dict[str, Any] = form if path == "/v1/imports" else {"json": {}}
        headers = {"Authorization": f"Bearer {speaker}", "Idempotency-Key": "x" * 256}
        answer = client.post(address, headers=headers, **sent)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-idempotency-key"), path


def _with_ids(path: str) -> str:
    return "/".join(str(uuid.uuid4()) if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize("path", CREATING)
def test_fifty_at_once_have_one_effect_and_one_answer(
    url: str, engine: Engine, organization: OrganizationClient, path: str
) -> None:
    table, body = CREATING[path]
    label = {"category_id": new_category(organization)["id"]}  # a dataset has to have something to freeze
    for _ in range(3):
        organization.put(f"/v1/transactions/{new_transaction(organization)['id']}/label", label)
    before, key = count(engine, table, organization), new_key()
    answers = at_once(lambda client: post(organization, path, body, key, client), url, 50)
    statuses = sorted({answer.status_code for answer in answers})
    assert statuses in ([201], [202]), [answer.text for answer in answers if answer.status_code > 202][:1]
    assert len({(answer.content, answer.headers.get("location")) for answer in answers}) == 1
    replayed = [answer for answer in answers if answer.headers.get("idempotent-replayed") == "true"]
    assert len(replayed) == 49
    assert count(engine, table, organization) == before + 1


def test_without_a_key_every_request_has_its_effect(engine: Engine, organization: OrganizationClient) -> None:
    for _ in range(2):
        assert organization.post("/v1/transactions", {"merchant_name": "a"}).status_code == 201
    assert count(engine, "transactions", organization) == 2


def test_the_answer_is_given_again_with_the_headers_that_matter(organization: OrganizationClient) -> None:
    body, key = {"merchant_name": "a", "external_id": "e-1"}, new_key()
    first, second = (post(organization, "/v1/transactions", body, key) for _ in range(2))
    # Without the key the second would have been a 200: the external_id is known by then.
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert {name: second.headers[name] for name in ("location", "content-type")} == {
        name: first.headers[name] for name in ("location", "content-type")
    }
    assert "idempotent-replayed" not in first.headers


def test_another_request_under_the_key_is_a_422(engine: Engine, organization: OrganizationClient) -> None:
    key = new_key()
    assert post(organization, "/v1/transactions", {"merchant_name": "a"}, key).status_code == 201
    for path, body in [
        ("/v1/transactions", {"merchant_name": "b"}),
        ("/v1/transactions?a=b", {"merchant_name": "a"}),
        ("/v1/transactions/batch", {"transactions": [{"merchant_name": "a"}]}),
    ]:
        answer = post(organization, path, body, key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert count(engine, "transactions", organization) == 1


def test_a_key_belongs_to_its_organization(client: TestClient, organization: OrganizationClient) -> None:
    key, other = new_key(), new_organization(client)
    ids = {
        post(who, "/v1/transactions", {"merchant_name": "a"}, key).json()["id"]
        for who in (organization, other)
    }
    assert len(ids) == 2


def test_in_flight_is_a_409_that_says_when_to_ask_again(
    engine: Engine, organization: OrganizationClient
) -> None:
    body, key = {"merchant_name": "a"}, new_key()
    with transaction(engine) as session:
        idempotency.claim(session, IdempotentRequest(organization.id, key, bytes(32), organization.key))
        answer = post(organization, "/v1/transactions", body, key)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-in-flight")
        assert answer.headers["retry-after"] == "1"
        session.rollback()  # that request failed
    assert post(organization, "/v1/transactions", body, key).status_code == 201


def test_an_error_is_not_kept(engine: Engine, organization: OrganizationClient) -> None:
    key = new_key()
    assert post(organization, "/v1/transactions", {"merchant_name": ""}, key).status_code == 422
    assert post(organization, f"/v1/jobs/{uuid.uuid4()}/retry", None, key).status_code == 404
    assert count(engine, "idempotency_keys", organization) == 0
    assert post(organization, "/v1/transactions", {"merchant_name": "a"}, key).status_code == 201


@pytest.fixture
def no_commits(engine: Engine) -> Iterator[Any]:
    """Commits of new transactions and jobs fail until it is called."""
    refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$"
    trigger = (
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON {} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
    )

    def lift() -> None:
        with engine.begin() as connection:
            connection.execute(text("DROP FUNCTION IF EXISTS refuse CASCADE"))

    with engine.begin() as connection:
        connection.execute(text(refuse))
        for table in ("transactions", "jobs"):
            connection.execute(text(trigger.format(table) + "EXECUTE FUNCTION refuse()"))
    yield lift
    lift()


def test_a_commit_that_fails_leaves_neither_effect_nor_answer(
    engine: Engine, organization: OrganizationClient, no_commits: Any
) -> None:
    body, key = {"merchant_name": "a"}, new_key()
    assert post(organization, "/v1/transactions", body, key).status_code == 500
    assert count(engine, "transactions", organization) == count(engine, "idempotency_keys", organization) == 0
    no_commits()
    assert post(organization, "/v1/transactions", body, key).status_code == 201
    assert count(engine, "transactions", organization) == count(engine, "idempotency_keys", organization) == 1


def test_a_day_later_the_key_is_free(engine: Engine, organization: OrganizationClient) -> None:
    key = new_key()
    first = post(organization, "/v1/transactions", {"merchant_name": "a"}, key)
    with engine.begin() as connection:
        statement = (
            "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second' WHERE key = :key"
        )
        connection.execute(text(statement), {"key": key})
    for _ in range(2):
        later = post(organization, "/v1/transactions", {"merchant_name": "b"}, key)
        assert later.status_code == 201
        assert later.json()["id"] != first.json()["id"]
    assert count(engine, "transactions", organization) == 2


@pytest.mark.parametrize("key", [b"", b"x" * 256, "é".encode(), b"a\tb"], ids=repr)
def test_an_impossible_key_is_a_400(organization: OrganizationClient, key: bytes) -> None:
    headers = {name.encode(): value.encode() for name, value in organization.headers.items()}
    headers[b"Idempotency-Key"] = key
    answer = organization.client.post("/v1/transactions", json={"merchant_name": "a"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-idempotency-key")


def test_two_keys_are_a_400(organization: OrganizationClient) -> None:
    headers = [*organization.headers.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = organization.client.post("/v1/transactions", json={"merchant_name": "a"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-idempotency-key")


def stored_bytes(engine: Engine) -> bytes:
    """Everything that the table holds."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM idempotency_keys")).all()
    return b"".join(part if isinstance(part, bytes) else str(part).encode() for row in rows for part in row)


def test_a_new_keys_secret_is_given_again_and_kept_nowhere(
    engine: Engine, organization: OrganizationClient
) -> None:
    body, key = {"name": "second", "scopes": ["admin"]}, new_key()
    first, second = (post(organization, "/v1/api-keys", body, key) for _ in range(2))
    secret = first.json()["key"].rsplit("_", 1)[1]
    assert second.json() == first.json()
    assert second.headers["cache-control"] == "no-store"
    assert key.encode() in stored_bytes(engine)
    assert secret.encode() not in stored_bytes(engine)
    # The organisation's other key cannot open it.
    other = organization.with_key("admin")
    answer = post(other, "/v1/api-keys", body, key)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-of-another-key")
    assert count(engine, "api_keys", organization) == 3


def test_an_organization_is_made_once_and_its_secret_kept_nowhere(client: TestClient, engine: Engine) -> None:
    headers = {"Authorization": f"Bearer {ROOT_KEY}", "Idempotency-Key": new_key()}
    first, second = (
        client.post("/v1/organizations", json={"name": "Once"}, headers=headers) for _ in range(2)
    )
    assert first.status_code == 201
    assert second.json() == first.json()
    assert first.json()["api_key"]["key"].rsplit("_", 1)[1].encode() not in stored_bytes(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM organizations WHERE name = 'Once'")) == 1


def upload(organization: OrganizationClient, key: str, content: bytes = b"id\n1\n", **fields: str) -> Any:
    """Send a file with an Idempotency-Key; each time with another multipart boundary."""
    data = {"format": "csv", "mapping": json.dumps({"merchant_name": "id"})} | fields
    headers = {"Idempotency-Key": key}
    return organization.post("/v1/imports", data=data, files={"file": ("a.csv", content)}, headers=headers)


def files(resources: Resources, organization: OrganizationClient) -> list[bytes]:
    return [path.read_bytes() for path in resources.artifacts.root.glob(f"uploads/{organization.id}/*")]


def test_an_upload_sent_again_is_one_file_and_one_job(
    engine: Engine, resources: Resources, organization: OrganizationClient
) -> None:
    key = new_key()
    first, second = upload(organization, key), upload(organization, key)
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"] == f"/v1/jobs/{first.json()['id']}"
    for changed in (
        upload(organization, key, b"id\n2\n"),
        upload(organization, key, create_categories="true"),
    ):
        assert (changed.status_code, changed.json()["code"]) == (422, "idempotency-key-reused")
    assert files(resources, organization) == [b"id\n1\n"]
    assert count(engine, "jobs", organization) == 1


def test_a_failed_upload_leaves_no_file(
    resources: Resources, organization: OrganizationClient, no_commits: Any
) -> None:
    key = new_key()
    assert upload(organization, key).status_code == 500
    assert files(resources, organization) == []
    no_commits()
    assert upload(organization, key).status_code == 202
    assert files(resources, organization) == [b"id\n1\n"]
