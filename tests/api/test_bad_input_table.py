"""Every row of the table of bad input, in the table's order; other tests go deeper into single rows."""

import gzip
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.api.test_bad_input import JSON, problem_of
from tests.factories import (
    OrganizationClient,
    new_candidates,
    new_category,
    new_organization,
    new_transaction,
)

Ask = Callable[[OrganizationClient], httpx2.Response]
ROWS = "/v1/transactions"
GOOD = b'{"merchant_name": "a"}'


def raw(body: bytes, **headers: str) -> Ask:
    """These bytes as a new transaction."""
    sent = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda caller: caller.post(ROWS, content=body, headers=sent)


def fields(**changed: Any) -> Ask:
    """A new transaction with these fields."""
    return lambda caller: caller.post(ROWS, {"merchant_name": "a", **changed})


def keyed(header: str | None) -> Ask:
    """A list asked for with this Authorization header."""
    headers = {} if header is None else {"Authorization": header}
    return lambda caller: caller.client.get(ROWS, headers=headers)


def chunked(caller: OrganizationClient) -> httpx2.Response:
    def chunks() -> Iterator[bytes]:
        yield b'{"merchant_name": "'
        for _ in range(300):
            yield b"m" * 1000
        yield b'"}'

    return caller.post(ROWS, content=chunks(), headers=JSON)


def revoked(caller: OrganizationClient) -> httpx2.Response:
    other = caller.with_key("read")
    assert caller.delete(f"/v1/api-keys/{other.key_id}").status_code == 204
    return other.get(ROWS)


def foreign_cursor(caller: OrganizationClient) -> httpx2.Response:
    for _ in range(2):
        new_category(caller)
    cursor = caller.get("/v1/categories?limit=1").json()["page"]["next"]
    return caller.get(f"{ROWS}?cursor={cursor}")


def foreign_row(caller: OrganizationClient) -> httpx2.Response:
    row = new_transaction(new_organization(caller.client))
    return caller.get(f"{ROWS}/{row['id']}")


def finished_job(caller: OrganizationClient) -> httpx2.Response:
    new_category(caller)
    [job] = caller.get("/v1/jobs").json()["data"]
    caller.post(f"/v1/jobs/{job['id']}/cancel")
    return caller.post(f"/v1/jobs/{job['id']}/cancel")


def twice_decided(caller: OrganizationClient) -> httpx2.Response:
    engine = caller.client.app.state.resources.engine  # type: ignore[attr-defined]  # it is the FastAPI app
    [candidate] = new_candidates(engine, caller, 1)
    path = f"/v1/candidates/{candidate}/reject"
    assert caller.post(path, {"reviewer": "Jane"}).status_code == 200
    return caller.post(path, {"reviewer": "Jane"})


def reused_key(caller: OrganizationClient) -> httpx2.Response:
    headers = {"Idempotency-Key": "one"}
    assert caller.post(ROWS, {"merchant_name": "a"}, headers=headers).status_code == 201
    return caller.post(ROWS, {"merchant_name": "b"}, headers=headers)


def trained_from(model: str) -> Ask:
    """A training that names this as the model to begin with."""
    body = {"dataset_id": str(uuid.uuid4()), "base_model_version_id": model, "name": "tuned"}
    return lambda caller: caller.post("/v1/trainings", body)


def asked_for(top_k: int) -> Ask:
    """So many categories."""
    return lambda caller: caller.post("/categorize", {"transaction": {"merchant_name": "a"}, "top_k": top_k})


def too_many(caller: OrganizationClient) -> httpx2.Response:
    return caller.post(f"{ROWS}/batch", {"transactions": [{"merchant_name": "a"}] * 1001})


def labelled(caller: OrganizationClient) -> httpx2.Response:
    row = new_transaction(caller)
    return caller.put(f"{ROWS}/{row['id']}/label", {"category_id": str(uuid.uuid4())})


TABLE: list[tuple[int, str, Ask]] = [
    (400, "NaN", raw(b'{"merchant_name": "a", "amount": NaN}')),
    (400, "Infinity", raw(b'{"merchant_name": "a", "amount": Infinity}')),
    (400, "-Infinity", raw(b'{"merchant_name": "a", "amount": -Infinity}')),
    (400, "1e400", raw(b'{"merchant_name": "a", "amount": 1e400}')),
    (400, "5,000 digits", raw(b'{"merchant_name": "a", "amount": ' + b"9" * 5000 + b"}")),
    (400, "deeper than 32", raw(b'{"merchant_name": ' + b"[" * 32 + b"]" * 32 + b"}")),
    (400, "truncated", raw(GOOD[:-2])),
    (400, "empty", raw(b"")),
    (400, "bad UTF-8", raw(b'{"merchant_name": "\xff"}')),
    (400, "UTF-16", raw(GOOD.decode().encode("utf-16"))),
    (400, "duplicate key", raw(b'{"merchant_name": "a", "merchant_name": "b"}')),
    (400, "tampered cursor", lambda caller: caller.get(f"{ROWS}?cursor=WyJqb2JzIiwiMCJd")),
    (400, "foreign cursor", foreign_cursor),
    (400, "Idempotency-Key over 255", raw(GOOD, Idempotency_Key="k" * 256)),
    (401, "no key", keyed(None)),
    (401, "bad key", keyed("Bearer ol_0123456789abcdef_nonsense")),
    (401, "no bearer", keyed("Basic YTpi")),
    (401, "revoked", revoked),
    (403, "scope missing", lambda caller: caller.with_key("read").post(ROWS, {"merchant_name": "a"})),
    (404, "unknown id", lambda caller: caller.get(f"{ROWS}/{uuid.uuid4()}")),
    (404, "another organisation's id", foreign_row),
    (404, "no id at all", lambda caller: caller.get(f"{ROWS}/1;DROP")),
    (405, "another method", lambda caller: caller.call("DELETE", ROWS)),
    (409, "no active model", asked_for(5)),
    (409, "nothing to roll back to", lambda caller: caller.post("/v1/models/rollback")),
    (409, "cancelling a finished job", finished_job),
    (409, "deciding a candidate twice", twice_decided),
    (413, "over the cap", raw(b'{"merchant_name": "' + b"m" * 300_000 + b'"}')),
    (413, "over the cap in chunks", chunked),
    (415, "text/plain", raw(GOOD, Content_Type="text/plain")),
    (415, "gzip", raw(gzip.compress(GOOD), Content_Encoding="gzip")),
    (422, "amount NaN", fields(amount="NaN")),
    (422, "amount true", fields(amount=True)),
    (422, "three decimals", fields(amount="1.234", currency="EUR")),
    (422, "1E+1000000", fields(amount="1E+1000000")),
    (422, "NUL", fields(memo="a\x00")),
    (422, "lone surrogate", raw(rb'{"merchant_name": "a\ud800"}')),
    (422, "over-long text", fields(merchant_name="a" * 501)),
    (422, "empty merchant", fields(merchant_name="")),
    (422, "blank merchant", fields(merchant_name=" \t")),
    (422, "zero-width merchant", fields(merchant_name="\u200b\u200d")),
    (422, "top-level array", raw(b"[]")),
    (422, "null", raw(b"null")),
    (422, "batch over the cap", too_many),
    (422, "unknown field", fields(colour="red")),
    (422, "2026-02-30", fields(occurred_on="2026-02-30")),
    (422, "currency xx", fields(currency="xx")),
    (422, "unknown category", labelled),
    (422, "top_k 0", asked_for(0)),
    (422, "top_k -1", asked_for(-1)),
    (422, "top_k 10**23", asked_for(10**23)),
    (422, "a path as model", trained_from("../../etc/passwd")),
    (422, "a URL as model", trained_from("http://169.254.169.254/latest")),
    (422, "a pickle-only repository as model", trained_from("hf-internal-testing/tiny-bert-pt-only")),
    (422, "same key, another body", reused_key),
]  # fmt: skip  # a table


@pytest.mark.parametrize(("status", "what", "ask"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE])
def test_each_row_of_the_table(organization: OrganizationClient, status: int, what: str, ask: Ask) -> None:
    before = organization.get(ROWS).json()
    response = ask(organization)
    problem_of(response, status)
    if status == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    if status == 405:
        assert response.headers["Allow"] == "GET, POST"
    if what not in {"unknown category", "same key, another body"}:  # these begin with a sound one
        assert organization.get(ROWS).json() == before
