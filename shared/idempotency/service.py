"""Idempotency keys: the first request with a key is worked on, every other gets the answer of the first."""

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.idempotency import store
from shared.idempotency.sealing import seal, unseal
from shared.idempotency.tables import IdempotencyKey
from shared.kit.database_errors import ReferencedRowRemoved, RowLocked, translated
from shared.kit.errors import Conflict, Invalid, Unauthenticated

WAIT_MILLISECONDS = 2000
_TRIES = 3


class InFlight(Conflict):
    code = "idempotency-key-in-flight"
    message = (
        "A request with this Idempotency-Key is still being worked on. Send the same request again shortly."
    )


class Reused(Invalid):
    code = "idempotency-key-reused"
    message = (
        "This Idempotency-Key was sent with another request. Use a new key for each that is not a retry."
    )


@dataclass(frozen=True)
class IdempotentRequest:
    """The organisation (None: the operator), the key, SHA-256 of the request, and the bearer token."""

    organization_id: uuid.UUID | None
    key: str
    request_sha256: bytes
    token: str


@dataclass(frozen=True)
class Claim:
    """The right to answer a key, for as long as the transaction lasts."""

    row_id: uuid.UUID
    token: str


@dataclass(frozen=True)
class StoredResponse:
    """An answer: status, the headers that are stored, body."""

    status: int
    headers: dict[str, str]
    body: bytes


def is_answered(session: Session, organization_id: uuid.UUID, key: str) -> bool:
    """Whether the key has an answer that would be given again."""
    existing = store.find(session, organization_id, key)
    return existing is not None and not existing.is_old


def claim(session: Session, request: IdempotentRequest) -> Claim | StoredResponse:
    """Claim the right to answer, or return the answer that was given within the last 24 hours.

    Waits up to two seconds for a request with the same key that is being answered in another transaction.

    Raises:
        InFlight: that request takes longer.
        Reused: the key belongs to another request.
        OtherKeysAnswer: the answer holds a secret and was given to another API key.
        Unauthenticated: the organisation was removed in the meantime.
    """
    store.wait_for_locks(session, WAIT_MILLISECONDS)
    try:
        with translated():
            outcome = _claim(session, request)
    except RowLocked as error:
        raise InFlight(retry_after=1) from error
    except ReferencedRowRemoved as error:
        raise Unauthenticated from error
    store.wait_for_locks(session, None)
    return outcome


def record(session: Session, claim: Claim, answer: StoredResponse, *, is_secret: bool) -> None:
    """Keep the answer, in the transaction of the effect; a secret one sealed with the caller's token."""
    body = seal(answer.body, claim.token, claim.row_id) if is_secret else answer.body
    store.answer(
        session,
        claim.row_id,
        status=answer.status,
        headers=answer.headers,
        body=body,
        is_sealed=is_secret,
    )


def _claim(session: Session, request: IdempotentRequest) -> Claim | StoredResponse:
    for _ in range(_TRIES):
        row_id = store.insert_key(session, request.organization_id, request.key, request.request_sha256)
        if row_id is not None:
            return Claim(row_id, request.token)
        existing = store.find(session, request.organization_id, request.key)
        if existing is None:
            continue  # swept since
        if not existing.is_old:
            return _answer(existing.row, request)
        if store.take_over(session, existing.row.id, request.request_sha256):
            return Claim(existing.row.id, request.token)
        session.expire(existing.row)
    raise InFlight(retry_after=1)


def _answer(row: IdempotencyKey, request: IdempotentRequest) -> StoredResponse:
    if row.request_sha256 != request.request_sha256:
        raise Reused
    assert row.status is not None, "an answer is committed together with its key"
    assert row.body is not None, "the same"
    body = unseal(row.body, request.token, row.id) if row.is_sealed else row.body
    return StoredResponse(row.status, dict(row.headers or {}), body)
