"""Every error as application/problem+json (RFC 9457), and the only table of HTTP statuses."""

import http
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.validation_errors import field_errors
from shared.engines.artifacts import TooLarge
from shared.kit.errors import (
    AppError,
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Retryable,
    TooMany,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"


class UnsupportedMediaType(AppError):
    code = "unsupported-media-type"
    message = "The body's type or encoding is not accepted here. Send plain, uncompressed 'application/json'."


class NotMultipart(UnsupportedMediaType):
    message = "An upload is sent, uncompressed, as 'multipart/form-data'."


class BodyTooLarge(AppError):
    code = "body-too-large"
    message = "The body is larger than this service accepts. Send less at once."


class EmptyBody(Malformed):
    code = "empty-body"
    message = "This request needs a JSON body."


# From class to status; a subclass answers as its nearest listed ancestor, anything else is a 500.
STATUSES: dict[type[AppError], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    BodyTooLarge: 413,
    TooLarge: 413,
    UnsupportedMediaType: 415,
    Invalid: 422,
    TooMany: 429,
    Retryable: 503,
    Unavailable: 503,
}

# These statuses always say when to come again; an error that knows it better says so itself.
RETRY_AFTER_SECONDS: Mapping[int, float] = {429: 5, 503: 5}


class Problem(Response):
    """A problem document, with the title and detail that a page shows in its place."""

    media_type = MEDIA_TYPE

    def __init__(self, body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None) -> None:
        # Escaped to ASCII: a lone surrogate in the path or a field's name must not break the answer.
        super().__init__(json.dumps(body), status, headers)
        self.title, self.detail = str(body["title"]), str(body["detail"])


def status_of(error: AppError) -> int:
    """The status that an error is answered with."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def problem(
    status: int,
    *,
    code: str,
    detail: str,
    instance: str,
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document; `instance` is the path of the request, `extra` holds extension members."""
    body = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "errors": [vars(error) for error in errors],
        **(extra or {}),
    }
    return Problem(body, status, headers)


def app_error_response(error: AppError, instance: str) -> Response:
    """The problem document of one of our own errors."""
    status = status_of(error)
    if status == 500:
        return unexpected_response(instance, None)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="outlay"'
    retry_after = RETRY_AFTER_SECONDS.get(status) if error.retry_after is None else error.retry_after
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return problem(
        status, code=error.code, detail=error.message, instance=instance, errors=error.errors, headers=headers
    )


def unexpected_response(instance: str, request_id: str | None) -> Response:
    """The answer to a bug: nothing of it leaves but the id under which the log tells all."""
    detail = "Something went wrong on our side. It has been logged under the request's id."
    extra = {"request_id": request_id} if request_id else None
    return problem(500, code="internal-error", detail=detail, instance=instance, extra=extra)


async def on_app_error(request: Request, error: Exception) -> Response:
    """Answer one of our own errors."""
    assert isinstance(error, AppError)
    if status_of(error) == 500:
        raise error  # to the middleware, which logs it with its traceback
    return app_error_response(error, request.url.path)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer input that does not fit the schema, naming places and rules but never the input."""
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    if any(item["loc"][0] == "path" for item in problems):
        if _literal(request):
            # /v1/transactions/batch is a path of its own, and no transaction's.
            return await on_http_error(request, HTTPException(405))
        # An id that no row can have is an unknown id.
        return app_error_response(NotFound(), request.url.path)
    if any(item["type"] == "missing" and tuple(item["loc"]) == ("body",) for item in problems):
        return app_error_response(EmptyBody(), request.url.path)
    return app_error_response(Invalid(errors=field_errors(problems)), request.url.path)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the router found: no such path, or no such method on it."""
    assert isinstance(error, HTTPException)
    phrase = http.HTTPStatus(error.status_code).phrase
    headers = dict(error.headers or {})
    detail = {
        404: "There is nothing at this path. See /docs for what there is.",
        405: "This path does not answer this method. See the Allow header.",
    }.get(error.status_code, f"{phrase}.")
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
    code = phrase.lower().replace(" ", "-")
    return problem(error.status_code, code=code, detail=detail, instance=request.url.path, headers=headers)


def _allowed(request: Request) -> list[str]:
    """Every method of the path: the router itself names only those of the first route it met."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.path_regex is not None and route.path_regex.match(request.url.path):
            methods |= set(route.methods or ())
    return sorted(_literal(request) or methods)


def _literal(request: Request) -> set[str]:
    """The methods of the routes with exactly this path; others may have an id in that place."""
    routes = iter_route_contexts(request.app.routes)
    return {method for route in routes if route.path == request.url.path for method in route.methods or ()}


def install(app: FastAPI) -> None:
    """Let the app answer every error as a problem document."""
    app.add_exception_handler(AppError, on_app_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
