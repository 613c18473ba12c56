"""Claims, and sweeping what is old."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from shared.idempotency import service as idempotency
from shared.idempotency import store as idempotency_store
from shared.idempotency.sealing import OtherKeysAnswer, seal, unseal
from shared.idempotency.service import Claim, IdempotentRequest, Reused, StoredResponse
from shared.kit.errors import Unauthenticated
from shared.kit.unit_of_work import transaction

ANSWER = StoredResponse(201, {"content-type": "application/json"}, b"{}")


def new_request(
    key: str = "", digest: bytes = bytes(32), organization_id: uuid.UUID | None = None
) -> IdempotentRequest:
    return IdempotentRequest(organization_id, key or str(uuid.uuid4()), digest, "token")


def ask(engine: Engine, request: IdempotentRequest) -> Claim | StoredResponse:
    """Claim and answer in one transaction, or what was answered."""
    with transaction(engine) as session:
        outcome = idempotency.claim(session, request)
        if isinstance(outcome, Claim):
            idempotency.record(session, outcome, ANSWER, is_secret=False)
        return outcome


def age(engine: Engine, *questions: IdempotentRequest) -> None:
    with engine.begin() as connection:
        statement = text(
            "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = :key"
        )
        for request in questions:
            connection.execute(statement, {"key": request.key})


def test_the_first_claims_and_the_next_is_answered(engine: Engine) -> None:
    request = new_request()
    assert isinstance(ask(engine, request), Claim)
    assert ask(engine, request) == ANSWER
    with pytest.raises(Reused):
        ask(engine, new_request(request.key, b"\1" * 32))


def test_of_many_that_find_an_old_key_one_claims_it(engine: Engine) -> None:
    request = new_request()
    ask(engine, request)
    age(engine, request)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: ask(engine, request), range(20)))
    assert sum(isinstance(outcome, Claim) for outcome in outcomes) == 1
    assert [outcome for outcome in outcomes if isinstance(outcome, StoredResponse)] == [ANSWER] * 19


def test_the_wait_for_locks_is_short_only_for_the_claim(engine: Engine) -> None:
    with transaction(engine) as session:
        before = session.scalar(text("SHOW lock_timeout"))
        idempotency.claim(session, new_request())
        assert session.scalar(text("SHOW lock_timeout")) == before == "5s"
        session.rollback()


def test_an_organization_that_is_gone_has_no_keys(engine: Engine) -> None:
    with pytest.raises(Unauthenticated):
        ask(engine, new_request(organization_id=uuid.uuid4()))


def test_what_is_old_is_swept_in_batches(engine: Engine) -> None:
    old, fresh = [new_request() for _ in range(5)], new_request()
    for request in (*old, fresh):
        ask(engine, request)
    age(engine, *old)
    removed = []
    for _ in range(4):
        with transaction(engine) as session:
            removed.append(idempotency_store.delete_old(session, 2))
    assert removed == [2, 2, 1, 0]
    assert ask(engine, fresh) == ANSWER
    assert isinstance(ask(engine, old[0]), Claim)


def test_only_the_same_token_opens_a_sealed_answer_of_the_same_row() -> None:
    row_id, body = uuid.uuid4(), b"the secret"
    sealed = seal(body, "token", row_id)
    assert body not in sealed
    assert seal(body, "token", row_id) != sealed
    assert unseal(sealed, "token", row_id) == body
    for token, other_id in (("other", row_id), ("token", uuid.uuid4())):
        with pytest.raises(OtherKeysAnswer):
            unseal(sealed, token, other_id)
