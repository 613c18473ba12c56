"""An endpoint that speaks Cohere's rerank API (v2) by script: a real HTTP server on a port of its own.

Written after its public reference, https://docs.cohere.com/reference/rerank: it checks the request as that
says, and answers {"id", "results": [{"index", "relevance_score"}, …] best first, "meta"}. Relevance is the
share of the query's words that a document has, so that its order can be told beforehand.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self

from devtools.scripted_server import ScriptedServer

KEY = "scripted-key"
MODEL = "scripted-rerank"


@dataclass(frozen=True)
class Action:
    """What to do with a call. `kind`: ok, error, hang, drip, drip-headers, cut, or body: sent as it is."""

    kind: str = "ok"
    status: int = 500
    retry_after: str | None = None
    body: bytes = b""


OK = Action()
Script = Callable[[int], Action]


def first(count: int, action: Action) -> Script:
    """`action` for the first calls, then answers."""
    return lambda number: action if number <= count else OK


def always(action: Action) -> Script:
    """`action` for every call."""
    return lambda _: action


@dataclass
class ScriptedReranker(ScriptedServer):
    """The server, a context manager. `requests`: the bodies of all calls; `paths`: where they went."""

    script: Script = field(default=lambda _: OK)
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.begin(_Handler)
        return self

    @property
    def url(self) -> str:
        """The base URL, as OUTLAY_RERANK_BASE_URL takes it."""
        return self.address

    def take(self, path: str, body: dict[str, Any]) -> Action:
        """Note a call and say what to do with it."""
        with self._lock:
            self.paths.append(path)
            self.requests.append(body)
            return self.script(next(self._numbers))


def relevance(query: str, document: str) -> float:
    """The share of the query's words that the document has."""
    words = set(re.findall(r"\w+", query.casefold()))
    return len(words & set(re.findall(r"\w+", document.casefold()))) / max(len(words), 1)


class _Handler(BaseHTTPRequestHandler):
    scripted: ScriptedReranker
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing: a test's output is its own."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        action = self.scripted.take(self.path, body)
        if action.kind == "error":
            self._send(action.status, b'{"message": "as scripted"}', action.retry_after)
        elif action.kind == "body":
            self._send(200, action.body)
        elif action.kind in ("hang", "drip", "drip-headers"):
            self._dawdle(action.kind)
        elif action.kind == "cut":
            self.close_connection = True
        else:
            self._send(*self._answer(body))

    def _answer(self, body: dict[str, Any]) -> tuple[int, bytes]:
        if self.path != "/v2/rerank":
            return 404, b'{"message": "not found"}'
        if self.headers["authorization"] != f"Bearer {KEY}":
            return 401, b'{"message": "invalid api token"}'
        documents, top_n = body.get("documents"), body.get("top_n")
        if not (
            isinstance(body.get("query"), str)
            and isinstance(documents, list)
            and documents
            and all(isinstance(document, str) for document in documents)
            and (top_n is None or (isinstance(top_n, int) and top_n >= 1))
        ):
            return 400, b'{"message": "invalid request"}'
        if body.get("model") != MODEL:
            return 404, b'{"message": "model not found"}'
        scores = [relevance(body["query"], document) for document in documents]
        best = sorted(range(len(scores)), key=lambda index: -scores[index])[:top_n]
        results = [{"index": index, "relevance_score": scores[index]} for index in best]
        meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
        return 200, json.dumps({"id": "scripted", "results": results, "meta": meta}).encode()

    def _send(self, status: int, body: bytes, retry_after: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if 300 <= status < 400:
            self.send_header("Location", "/v2/rerank")
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def _dawdle(self, kind: str) -> None:
        """Say nothing, or a byte now and then, until the test is over."""
        self.close_connection = True
        if kind == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
        elif kind == "drip-headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.connection.settimeout(1)
        while not self.scripted.released.wait(0.05):
            try:
                if kind != "hang":
                    self.wfile.write(b" " if kind == "drip" else b"X-A: b\r\n")
                    self.wfile.flush()
            except OSError:
                return
