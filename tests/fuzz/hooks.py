"""What is loaded into schemathesis: our rule for errors, a count of every case, and ids that exist."""

import atexit
import itertools
import json
import os
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.core.failures import Failure
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation

PROBLEM = {"type", "title", "status", "detail", "instance", "code", "errors"}
EXTENSIONS = {"request_id", "checks"}

# The very key and organisation that the fuzzer speaks for: without them all that follows would be a 401.
KEPT = frozenset(os.environ.get("OUTLAY_FUZZ_KEPT", "").split())

# Parameter or field -> the id of such a row; what is made up at random is hardly ever an id.
ROWS: dict[str, str] = json.loads(os.environ.get("OUTLAY_FUZZ_ROWS", "{}"))
IDEMPOTENCY_KEY = "Idempotency-Key"

by_operation: Counter[str] = Counter()
by_status: Counter[str] = Counter()
by_phase: Counter[str] = Counter()
faults: Counter[str] = Counter()


def is_problem(status: int, headers: Any, body: Any) -> bool:
    """Whether an error is a problem document of our shape."""
    return (
        headers.get("content-type") == ["application/problem+json"]
        and isinstance(body, dict)
        and PROBLEM <= set(body) <= PROBLEM | EXTENSIONS
        and body["status"] == status
        and bool(body["detail"])
        and all(set(error) == {"pointer", "code", "message"} for error in body["errors"])
    )


@schemathesis.check
def problem_document(_: CheckContext, response: Any, case: Case[APIOperation[Any, Any, Any, Any]]) -> None:
    """Every answer from 400 on is a problem document."""
    if response.status_code >= 400 and not _is_problem(response):
        raise Failure(
            operation=case.operation.label,
            title="Not a problem document",
            message=f"{response.status_code} as {response.headers.get('content-type')}",
        )


_turns = itertools.count()


@schemathesis.hook
def before_call(context: Any, case: Case[APIOperation[Any, Any, Any, Any]], kwargs: dict[str, Any]) -> None:
    """Nobody deletes the key in use; most Idempotency-Keys are left out, and half of the ids are of rows.

    With one key in every request, as the example has it, all but the first would be refused for their key.
    """
    turn = next(_turns)
    if case.method.upper() == "DELETE":
        _exchange(case.path_parameters, {name: str(uuid.uuid4()) for name in case.path_parameters}, KEPT)
    if IDEMPOTENCY_KEY in case.headers and turn % 4:
        del case.headers[IDEMPOTENCY_KEY]
    if turn % 2:
        for named in (case.path_parameters, case.query):
            _exchange(named, ROWS)
        if isinstance(case.body, dict):
            _exchange(case.body, ROWS)


def _exchange(values: Any, new: dict[str, str], only: frozenset[str] | None = None) -> None:
    """Put ids in the place of ids."""
    for name in set(values) & set(new):
        if _is_id(values[name]) and (only is None or str(values[name]) in only):
            values[name] = new[name]


def _is_id(value: Any) -> bool:
    try:
        uuid.UUID(str(value))
    except ValueError:
        return False
    return True


@schemathesis.hook
def after_call(context: Any, case: Case[APIOperation[Any, Any, Any, Any]], response: Any) -> None:
    """Count the case, and what is wrong with its answer."""
    label, status = case.operation.label, response.status_code
    by_operation[label] += 1
    by_status[str(status)] += 1
    by_phase[str(case.meta.phase.name.value) if case.meta else "other"] += 1
    is_other_method = case.method.upper() != case.operation.method.upper()
    documented = set(case.operation.responses.status_codes)
    if status >= 500:
        faults["5xx"] += 1
    if str(status) not in documented and not (is_other_method and status == 405):
        faults["undocumented status"] += 1
    if status >= 400 and not _is_problem(response):
        faults["not problem+json"] += 1


def _is_problem(response: Any) -> bool:
    if response.request.method == "HEAD":
        return True  # has no body
    try:
        body = response.json()
    except ValueError:
        return False
    return is_problem(response.status_code, response.headers, body)


def _write(path: Path) -> None:
    counted = {
        "operations": by_operation,
        "statuses": by_status,
        "phases": by_phase,
        "faults": faults,
    }
    path.write_text(json.dumps(counted))


if name := os.environ.get("OUTLAY_FUZZ_COUNTS"):
    atexit.register(_write, Path(name))
