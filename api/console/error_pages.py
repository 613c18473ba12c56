"""Errors under /console as pages that keep the navigation; other errors stay problem documents."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from api.console.rendering import HEADERS, page
from api.console.session import ConsoleSession, SignInNeeded, end
from api.errors import Problem, on_app_error, on_http_error, on_validation_error
from shared.kit.errors import AppError, NotFound

SIGN_IN = "/console/sign-in"


def as_page(request: HTTPConnection, problem: Response) -> Response:
    """The problem as a page, where a page was asked for; any other response as it is."""
    wants_json = "application/json" in request.headers.get("accept", "")  # a chart's data, for a script
    if not isinstance(problem, Problem) or not _is_console(request.url.path) or wants_json:
        return problem
    answer = page(
        "problem.html",
        problem.status_code,
        status=problem.status_code,
        title=problem.title.capitalize(),
        message=problem.detail,
        request_id=request.state.request_id if problem.status_code == 500 else None,
        session=ConsoleSession.of(request),
        **({"visitor": request.state.visitor} if hasattr(request.state, "visitor") else {}),
    )
    for name in ("Allow", "Retry-After"):
        if name in problem.headers:
            answer.headers[name] = problem.headers[name]
    return answer


def to_sign_in(request: Request | None = None) -> Response:
    """Send the person to the sign-in form; htmx gets a header, as it would put the form into the page."""
    if request is not None and "hx-request" in request.headers:
        response = Response(status_code=401, headers=HEADERS | {"HX-Redirect": SIGN_IN})
    else:
        response = RedirectResponse(SIGN_IN, 303, headers=HEADERS)
    end(response)
    return response


def install(app: FastAPI) -> None:
    """Let the app answer errors under /console with pages. Comes after `api.errors.install`."""
    app.add_exception_handler(SignInNeeded, _on_sign_in_needed)
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)


async def _on_sign_in_needed(request: Request, _: Exception) -> Response:
    return to_sign_in(request)


async def _on_app_error(request: Request, error: Exception) -> Response:
    return as_page(request, await on_app_error(request, error))


async def _on_http_error(request: Request, error: Exception) -> Response:
    return as_page(request, await on_http_error(request, error))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    """No link of the console has such an address, so to a person it is a page that does not exist."""
    if _is_console(request.url.path):
        return await _on_app_error(request, NotFound())
    return await on_validation_error(request, error)


def _is_console(path: str) -> bool:
    return path == "/console" or path.startswith("/console/")
