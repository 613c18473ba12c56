"""Answers that routes share."""

import http
from typing import Any

from fastapi import Response

from api.schemas.common import Problem
from api.schemas.jobs import JobOut
from shared.jobs.tables import Job

Responses = dict[int | str, dict[str, Any]]

_MEANINGS = {
    400: ("malformed", "The request cannot be read."),
    401: ("unauthenticated", "A valid API key is needed. Send it as 'Authorization: Bearer ol_…'."),
    403: ("forbidden", "This API key does not have the scope 'write' that this request needs."),
    404: ("not-found", "There is no such resource."),
    409: ("conflict", "The request does not fit the present state of the resource."),
    413: ("body-too-large", "The body is larger than this service accepts. Send less at once."),
    415: ("unsupported-media-type", "The body's type or encoding is not accepted here."),
    422: ("invalid", "The request does not fit the schema. See 'errors' for each wrong field."),
    429: ("too-many-requests", "Too much was asked at once. Try again after the seconds in Retry-After."),
    500: ("internal-error", "Something went wrong on our side."),
    503: ("unavailable", "A service that Outlay depends on does not answer. Try again in a few seconds."),
}


def problems(*statuses: int) -> Responses:
    """How the schema describes these errors, with an example of each."""
    return {status: {"model": Problem, **described(status)} for status in statuses}


def accepted(job: Job, response: Response) -> JobOut:
    """The job, with the address under which it can be watched; for routes that answer 202."""
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobOut.model_validate(job)


def described(status: int) -> dict[str, Any]:
    """A response of the schema: what this status means, and an example."""
    code, detail = _MEANINGS[status]
    wrong = {"pointer": "/name", "code": "missing", "message": "This field is required."}
    example = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": "/v1/…",
        "code": code,
        "errors": [wrong] if status == 422 else [],
    }
    return {"description": detail, "content": {"application/json": {"example": example}}}
