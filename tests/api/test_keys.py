"""API keys: shown once, hashed at rest, two alive for a change, gone at once when revoked or expired."""

import datetime as dt
import hashlib
import hmac
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from shared.kit.errors import Unauthenticated
from shared.kit.unit_of_work import transaction
from shared.organizations import service as organizations
from tests.factories import ROOT_KEY, OrganizationClient, new_organization

PATH = "/v1/categories"


def speaker_of(organization: OrganizationClient, key: dict[str, Any]) -> OrganizationClient:
    """The organisation behind a key that the API answered."""
    return OrganizationClient(organization.id, key["key"], uuid.UUID(key["id"]), organization.client)


def expire(engine: Engine, speaker: OrganizationClient, when: dt.datetime) -> None:
    """Let the key end then."""
    with engine.begin() as connection:
        statement = text("UPDATE api_keys SET expires_at = :at WHERE id = :id")
        connection.execute(statement, {"at": when, "id": speaker.key_id})


def a_revoked_key(organization: OrganizationClient, _: Engine) -> str:
    speaker = organization.with_key("read")
    assert organization.delete(f"/v1/api-keys/{speaker.key_id}").status_code == 204
    return f"Bearer {speaker.key}"


def an_expired_key(organization: OrganizationClient, engine: Engine) -> str:
    speaker = organization.with_key("read")
    expire(engine, speaker, dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    return f"Bearer {speaker.key}"


def a_wrong_secret(organization: OrganizationClient, _: Engine) -> str:
    return f"Bearer {organization.key[:-1]}{'A' if organization.key[-1] != 'A' else 'B'}"


def an_unknown_key(*_: Any) -> str:
    return "Bearer ol_0000000000000000_" + "x" * 43


REFUSED: dict[str, Callable[[OrganizationClient, Engine], str | None]] = {
    "none": lambda *_: None,
    "empty": lambda *_: "",
    "no token": lambda *_: "Bearer",
    "another scheme": lambda organization, _: f"Basic {organization.key}",
    "malformed": lambda *_: "Bearer ol__",
    "not ASCII": lambda *_: "Bearer ol_\xe9_\xe9",
    "the root key": lambda *_: f"Bearer {ROOT_KEY}",
    "no secret": lambda organization, _: f"Bearer {organization.key.rpartition('_')[0]}_",
    "a longer secret": lambda organization, _: f"Bearer {organization.key}x",
    "wrong secret": a_wrong_secret,
    "unknown": an_unknown_key,
    "revoked": a_revoked_key,
    "expired": an_expired_key,
}


@pytest.mark.parametrize("kind", REFUSED)
def test_whatever_is_wrong_with_a_key_the_answer_is_the_same_to_the_byte(
    client: TestClient, organization: OrganizationClient, engine: Engine, kind: str
) -> None:
    value = REFUSED[kind](organization, engine)
    headers = {} if value is None else {b"Authorization": value.encode("latin-1")}
    answer, bare = client.get(PATH, headers=headers), client.get(PATH)
    assert (answer.status_code, answer.content) == (401, bare.content)
    assert answer.headers["www-authenticate"] == 'Bearer realm="outlay"'
    differing = {name for name in answer.headers if answer.headers[name] != bare.headers.get(name)}
    assert differing <= {"x-request-id"}


def test_a_key_is_shown_once_and_only_its_hash_is_kept(
    organization: OrganizationClient, engine: Engine
) -> None:
    response = organization.post("/v1/api-keys", {"name": "a", "scopes": ["read"]})
    assert response.headers["cache-control"] == "no-store"
    speaker = speaker_of(organization, response.json())
    secret = speaker.key.split("_", 2)[2]
    assert len(secret) == 43  # 32 random bytes
    assert secret not in organization.get("/v1/api-keys").text
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM api_keys WHERE id = :id"), {"id": speaker.key_id}).one()
        # No column of any table of this database has it.
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        rows = [
            connection.execute(text(f'SELECT t::text FROM "{name}" t')).scalars().all() for name in tables
        ]
    assert bytes(row.secret_sha256) == hashlib.sha256(secret.encode()).digest()
    assert not [line for lines in rows for line in lines if secret in line or secret.encode().hex() in line]


def test_two_keys_live_while_one_takes_over_from_the_other(organization: OrganizationClient) -> None:
    following = organization.with_key("read", "write", "admin")
    assert [speaker.get(PATH).status_code for speaker in (organization, following)] == [200, 200]
    assert following.delete(f"/v1/api-keys/{organization.key_id}").status_code == 204
    assert [speaker.get(PATH).status_code for speaker in (organization, following)] == [401, 200]
    assert following.delete(f"/v1/api-keys/{organization.key_id}").status_code == 204


def test_a_key_opens_until_the_moment_at_which_it_expires(
    organization: OrganizationClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    body = {"name": "a", "scopes": ["read"], "expires_at": moment.isoformat()}
    token = organization.post("/v1/api-keys", body).json()["key"]
    clock = {"now": moment}

    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Clock":
            at = clock["now"]
            return cls.fromtimestamp(at.timestamp(), tz)

    class Module:
        datetime, UTC = Clock, dt.UTC

    monkeypatch.setattr(organizations, "dt", Module)

    def opens() -> bool:
        try:
            with transaction(engine) as session:
                organizations.authenticate(session, token)
        except Unauthenticated:
            return False
        return True

    clock["now"] = moment - dt.timedelta(microseconds=1)
    assert opens()
    clock["now"] = moment
    assert not opens()


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("read", {"read": 200, "write": 403, "admin": 403}),
        ("write", {"read": 403, "write": 201, "admin": 403}),
        ("admin", {"read": 403, "write": 403, "admin": 200}),
    ],
)
def test_a_scope_opens_its_own_and_nothing_else(
    organization: OrganizationClient, scope: str, status: dict[str, int]
) -> None:
    speaker = organization.with_key(scope)
    answered = {
        "read": speaker.get(PATH).status_code,
        "write": speaker.post(PATH, {"name": f"made by {scope}"}).status_code,
        "admin": speaker.get("/v1/api-keys").status_code,
    }
    assert answered == status


def test_a_key_cannot_be_told_by_the_time_of_its_comparison(
    client: TestClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digests are compared by `hmac.compare_digest`, for a wrong secret and for a right one."""
    compared = []

    def record(left: bytes, other: bytes) -> bool:
        compared.append((len(left), len(other)))
        return hmac.compare_digest(left, other)

    class Module:
        compare_digest = staticmethod(record)

    monkeypatch.setattr(organizations, "hmac", Module)
    organization = new_organization(client)
    assert organization.get(PATH).status_code == 200
    wrong = a_wrong_secret(organization, engine)
    assert client.get(PATH, headers={"Authorization": wrong}).status_code == 401
    assert compared[-2:] == [(32, 32), (32, 32)]
