"""ASGI middleware for every request: an id, a log line, a metric, and the rules for its body."""

import contextlib
import re
import time
import uuid
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import strict_json
from api.console.error_pages import as_page
from api.errors import (
    BodyTooLarge,
    NotMultipart,
    UnsupportedMediaType,
    app_error_response,
    unexpected_response,
)
from api.metrics import Metrics
from shared.kit.errors import AppError
from shared.kit.logging import get_logger

log = get_logger(__name__)

UPLOAD_PATHS = frozenset({"/v1/imports"})
FORM_PATHS = frozenset({"/console/sign-in"})
CLIENT_GONE = 499  # logged for a client that left before its answer, as nginx does

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


class Observe:
    """The outermost layer: gives the request an id, logs and measures it, answers a bug with a plain 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await _Exchange(scope, send, request_id, self._metrics).run(self._app, receive)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send, request_id: str, metrics: Metrics) -> None:
        self._scope, self._send = scope, send
        self._request_id = request_id
        self._metrics = metrics
        self._status: int | None = None
        self._started = time.perf_counter()

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        try:
            await app(self._scope, receive, self._on_send)
        except ClientDisconnect:
            self._status = self._status or CLIENT_GONE
        except Exception:
            log.exception("request failed", method=self._scope["method"], route=self._route())
            if self._status is not None:
                self._status = 500
                raise  # the answer has begun: only a broken connection shows that it is incomplete
            response = unexpected_response(self._scope["path"], self._request_id)
            await as_page(HTTPConnection(self._scope), response)(self._scope, receive, self._on_send)
        finally:
            self._report()

    async def _on_send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
        await self._send(message)

    def _route(self) -> str | None:
        route: str | None = getattr(self._scope.get("route"), "path", None)
        return route

    def _report(self) -> None:
        seconds = time.perf_counter() - self._started
        route, status = self._route(), self._status or CLIENT_GONE
        if self._scope["state"].get("is_refused"):
            self._metrics.observe(self._scope["method"], "refused", status, seconds)
            return  # one line for many: see api.limits
        self._metrics.observe(self._scope["method"], route or "unmatched", status, seconds)
        # Never the path or the query as sent: they may hold a merchant's name or, by mistake, a key.
        log.info(
            "request",
            method=self._scope["method"],
            route=route,
            ids=_ids(self._scope.get("path_params", {})),
            status=status,
            milliseconds=round(seconds * 1000, 1),
        )


class GuardBody:
    """Refuses bodies that are too large, of another type, compressed, or not strict JSON."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, max_upload_bytes: int) -> None:
        self._app = app
        self._max_body, self._max_upload = max_body_bytes, max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _may_have_body(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        try:
            guarded = await self._guard(scope, receive)
        except AppError as error:
            refusal = app_error_response(error, scope["path"])
            await as_page(HTTPConnection(scope), refusal)(scope, receive, send)
            return
        await self._app(scope, guarded, send)

    async def _guard(self, scope: Scope, receive: Receive) -> Receive:
        headers = Headers(scope=scope)
        is_upload = scope["path"] in UPLOAD_PATHS
        refusal = NotMultipart if is_upload else UnsupportedMediaType
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise refusal
        limit = self._max_upload if is_upload else self._max_body
        if int(headers.get("content-length", 0)) > limit:
            raise BodyTooLarge
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if is_upload:
            if media_type != "multipart/form-data":
                raise refusal
            return _counted(receive, limit)
        is_form = scope["path"] in FORM_PATHS
        body = await _read(_counted(receive, limit))
        if body and media_type != ("application/x-www-form-urlencoded" if is_form else "application/json"):
            raise refusal
        if body and not is_form:
            strict_json.check(body)
        return _replay(body, receive)


def _ids(parameters: Mapping[str, object]) -> dict[str, str]:
    """Those path parameters that are UUIDs."""
    ids = {}
    for name, value in parameters.items():
        with contextlib.suppress(ValueError):
            ids[name] = str(uuid.UUID(str(value)))
    return ids


def _may_have_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _counted(receive: Receive, limit: int) -> Receive:
    """`receive`, raising `BodyTooLarge` as soon as more than `limit` bytes came, whatever was declared."""
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise BodyTooLarge
        return message

    return counted


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body that was read, once; after it whatever the server still has to say (that the client left)."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
