"""Each SQLSTATE that Outlay tells apart means one error, raised by the real server."""

import threading
import uuid

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from shared import tables
from shared.categories import store as category_store
from shared.kit import database_errors
from shared.kit.database_errors import (
    AlreadyExists,
    DatabaseOutOfResources,
    DatabaseUnavailable,
    ReferencedRowRemoved,
    RowLocked,
    StatementTooSlow,
    TransactionConflict,
    TransactionTooLong,
)
from shared.kit.errors import AppError, Retryable, Unavailable
from shared.kit.unit_of_work import run_in_transaction, transaction
from shared.registry import store as model_store

MEANINGS: dict[str, type[AppError]] = {
    "08000": DatabaseUnavailable,
    "08006": DatabaseUnavailable,
    "23503": ReferencedRowRemoved,
    "23505": AlreadyExists,
    "25P03": TransactionTooLong,
    "25P04": TransactionTooLong,
    "40001": TransactionConflict,
    "40P01": TransactionConflict,
    "53100": DatabaseOutOfResources,  # disk_full
    "53200": DatabaseOutOfResources,  # out_of_memory
    "53300": DatabaseUnavailable,
    "55P03": RowLocked,
    "57014": StatementTooSlow,
    "57P01": DatabaseUnavailable,
    "57P02": DatabaseUnavailable,
    "57P03": DatabaseUnavailable,
    "58030": DatabaseUnavailable,  # io_error
}


def fail_with(engine: Engine, state: str) -> None:
    with transaction(engine) as session:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = '{state}'; END $$"))


@pytest.mark.parametrize(("state", "meaning"), MEANINGS.items())
def test_a_sqlstate_has_one_meaning(engine: Engine, state: str, meaning: type[AppError]) -> None:
    with pytest.raises(AppError) as caught:
        fail_with(engine, state)
    assert type(caught.value) is meaning


@pytest.mark.parametrize("state", ["42601", "22012", "54000", "23514", "XX000"])
def test_a_bug_stays_a_bug(engine: Engine, state: str) -> None:
    with pytest.raises(DBAPIError):
        fail_with(engine, state)


def test_only_an_outage_is_an_outage() -> None:
    outages = {state for state, meaning in MEANINGS.items() if issubclass(meaning, Unavailable)}
    retryable = {state for state, meaning in MEANINGS.items() if issubclass(meaning, Retryable)}
    assert {state[:2] for state in outages} == {"08", "53", "57", "58"}
    assert retryable == {"25P03", "25P04", "40001", "40P01", "55P03", "57014"}


def test_a_server_that_is_shut_down_under_a_connection_is_away(engine: Engine) -> None:
    with pytest.raises(DatabaseUnavailable), transaction(engine) as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_a_read_only_transaction_refuses_to_write(engine: Engine) -> None:
    refused = pytest.raises(DBAPIError, match="read-only transaction")
    with refused, transaction(engine, read_only=True) as session:
        session.execute(text("DELETE FROM organizations"))
    with transaction(engine) as session:  # the same connection, as it was
        session.execute(text("DELETE FROM organizations WHERE false"))


def test_work_that_meets_a_deadlock_is_done_again(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(text("CREATE TABLE pair (id int PRIMARY KEY, n int NOT NULL)"))
        session.execute(text("INSERT INTO pair VALUES (1, 0), (2, 0)"))
    both_hold_one = threading.Barrier(2)
    runs: list[int] = []
    failures: list[BaseException] = []

    def add_to_both(first: int, second: int) -> None:
        def work(session: object) -> None:
            runs.append(first)
            add = text("UPDATE pair SET n = n + 1 WHERE id = :id")
            session.execute(add, {"id": first})  # type: ignore[attr-defined]  # a session
            if len(runs) <= 2:
                both_hold_one.wait(20)
            session.execute(add, {"id": second})  # type: ignore[attr-defined]  # a session

        try:
            run_in_transaction(engine, work)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add_to_both, args=order) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failures, len(runs)) == ([], 3)
    with transaction(engine) as session:
        assert session.scalars(text("SELECT n FROM pair")).all() == [2, 2]


# Unique constraints that no caller can violate, each with the reason.
CANNOT_BE_VIOLATED = {
    "uq_labels_current": "a transaction's row is locked while its label changes",
    "uq_idempotency_keys_organization_id_key": "inserted with ON CONFLICT DO NOTHING",
    "uq_transactions_organization_id_external_id": "inserted with ON CONFLICT DO UPDATE",
    "uq_activations_organization_id_counter": "the counter is compared and set first",
    "uq_api_keys_public_id": "64 random bits",
}


def test_every_unique_constraint_has_an_error_or_a_reason() -> None:
    unique = set()
    for table in tables.metadata.tables.values():
        constraints = {str(c.name) for c in table.constraints if c.__visit_name__ == "unique_constraint"}
        # (organization_id, id) is unique by its id; it is there for foreign keys.
        unique |= {name for name in constraints if not name.endswith("_organization_id_id")}
        unique |= {str(index.name) for index in table.indexes if index.unique}
    registered = database_errors.registered_constraints()
    assert dict(registered) == {
        "uq_categories_live_name": category_store.CategoryExists,
        "uq_categories_live_code": category_store.CategoryExists,
        "uq_model_versions_organization_id_name": model_store.ModelNameTaken,
    }
    assert set(registered) | set(CANNOT_BE_VIOLATED) == unique


def test_a_violation_names_no_value(engine: Engine) -> None:
    secret = f"canary {uuid.uuid4().hex}"
    with transaction(engine) as session:
        session.execute(text("CREATE TABLE taken (name text PRIMARY KEY)"))
        session.execute(text("INSERT INTO taken VALUES (:name)"), {"name": secret})
    with pytest.raises(AlreadyExists) as caught, transaction(engine) as session:
        session.execute(text("INSERT INTO taken VALUES (:name)"), {"name": secret})
    assert secret not in str(caught.value)
