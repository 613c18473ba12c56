"""What no route takes: each kind of bad body, sent to every operation that has one."""

import copy
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.factories import ROOT_KEY, OrganizationClient

MARK = "ECHO-ME-NOT"
JSON = {"Content-Type": "application/json"}
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "errors"}
SOME_ID = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"

Sent = tuple[bytes, dict[str, str]]


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str], Any]]:
    """(method, path, headers, example of the body) of every operation that takes JSON."""
    components = schema["components"]["schemas"]
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            media = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if media is not None:
                named = media["schema"].get("$ref") or media["schema"]["anyOf"][0]["$ref"]
                example = components[named.rpartition("/")[2]]["examples"][0]
                is_root = {"rootKey": []} in operation["security"]
                headers = {"Authorization": f"Bearer {ROOT_KEY}"} if is_root else {}
                parts = [SOME_ID if part.startswith("{") else part for part in path.split("/")]
                yield method.upper(), "/".join(parts), headers, example


def with_every_string_spoilt(example: Any, spoilt: str) -> Iterator[Any]:
    """The example, once for each of its strings and keys, with `spoilt` in its place."""

    def walk(node: Any, place: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
        if isinstance(node, str):
            yield place
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in items:
            yield from walk(child, (*place, key))

    for place in walk(example, ()):
        changed = copy.deepcopy(example)
        at = changed
        for part in place[:-1]:
            at = at[part]
        at[place[-1]] = spoilt
        yield changed
    yield {**example, spoilt: 1}


def _raw(value: Any, **headers: str) -> Sent:
    return json.dumps(value).encode(), JSON | headers


# Row of the table -> what is sent, given a sound body, and the status.
KINDS: dict[str, tuple[int, Callable[[Any], Iterator[Sent]]]] = {
    "NUL in a string": (422, lambda ok: map(_raw, with_every_string_spoilt(ok, f"{MARK}\x00"))),
    "lone surrogate": (422, lambda ok: map(_raw, with_every_string_spoilt(ok, f"{MARK}\ud800"))),
    "unknown field": (422, lambda ok: iter([_raw({**ok, "colour": MARK})])),
    "no object": (422, lambda _: iter([_raw([]), _raw(None), _raw(MARK), _raw(7), _raw(True)])),
    "empty": (400, lambda _: iter([(b"", JSON), (b" ", JSON)])),
    "truncated": (400, lambda ok: iter([(_raw({**ok, "x": MARK})[0][:-1], JSON)])),
    "not finite": (400, lambda ok: (_raw({**ok, "x": float(x)}) for x in ("nan", "inf", "-inf"))),
    "too many digits": (400, lambda ok: iter([(_raw(ok)[0][:-1] + b', "x": ' + b"9" * 5000 + b"}", JSON)])),
    "too deep": (400, lambda _: iter([(b'{"x": ' + b"[" * 32 + b"]" * 32 + b"}", JSON)])),
    "duplicate key": (400, lambda _: iter([(b'{"x": 1, "x": 2}', JSON)])),
    "not UTF-8": (400, lambda ok: iter([(b'{"x": "\xff"}', JSON), (json.dumps(ok).encode("utf-16"), JSON)])),
    "too large": (413, lambda ok: iter([_raw({**ok, "x": MARK * 30_000})])),
    "another type": (415, lambda ok: iter([(_raw(ok)[0], {"Content-Type": "text/plain"})])),
    "compressed": (
        415,
        lambda ok: iter([(gzip.compress(_raw(ok)[0]), JSON | {"Content-Encoding": "gzip"})]),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_operation_takes(client: TestClient, organization: OrganizationClient, kind: str) -> None:
    status, make = KINDS[kind]
    cases = 0
    for method, path, headers, example in operations(client.get("/openapi.json").json()):
        for content, sent_as in make(example):
            options = {"content": content, "headers": organization.headers | sent_as | headers}
            answer = client.request(method, path, **options)  # type: ignore[arg-type]  # bytes and headers
            what = f"{kind}: {method} {path} {content[:200]!r}"
            assert answer.status_code == status, f"{what}: {answer.text}"
            assert answer.headers["content-type"] == "application/problem+json", what
            assert set(answer.json()) == PROBLEM, what
            # Neither in the body nor in a header; a field's own name is said, since that is what is wrong.
            said = [answer.json()["detail"], *(error["message"] for error in answer.json()["errors"])]
            assert MARK not in " ".join([*said, *answer.headers.values()]), what
            cases += 1
    print(f"bad input everywhere: {kind}: {cases} cases, passed")
    assert cases >= 10


def test_a_request_id_that_is_no_id_is_not_echoed(client: TestClient) -> None:
    for given in (f"{MARK} a", f"{MARK}<script>", MARK * 20):
        assert MARK not in str(client.get("/livez", headers={"X-Request-ID": given}).headers)


def test_every_example_of_a_body_is_taken(client: TestClient, organization: OrganizationClient) -> None:
    """As far as a body can be sound by itself: the rows that an example names are not there."""
    tried = 0
    for method, path, headers, example in operations(client.get("/openapi.json").json()):
        answer = client.request(method, path, json=example, headers=organization.headers | headers)
        refused = answer.status_code in {400, 415, 422} and answer.json()["code"] in {"invalid", "malformed"}
        assert not refused, f"{method} {path}: {answer.text}"
        tried += 1
    assert tried >= 15
