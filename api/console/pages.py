"""The console's pages: sign in, review candidates, label transactions."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from api.console import lab
from api.console.rendering import FOLDER, HEADERS, page
from api.console.session import BadName, ConsoleSession, check_same_origin, end
from api.console.visitor import SignedIn, SignInNeeded, visit
from api.deps import Connections, Session
from api.routers import candidates
from api.schemas.candidates import CandidateQuery
from api.validation_errors import field_errors
from shared.kit.errors import Invalid, Unauthenticated

SIGN_IN = "/console/sign-in"
NEEDED_SCOPES = frozenset({"read", "write"})

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("")
async def show_start() -> Response:
    """Where the work is."""
    return RedirectResponse("/console/review", 303)


@router.get("/sign-in")
async def show_sign_in() -> Response:
    """The form."""
    return page("sign_in.html", problem=None, name="")


@router.post("/sign-in", dependencies=[Depends(check_same_origin)])
async def sign_in(
    request: Request,
    connections: Connections,
    key: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
) -> Response:
    """Begin a session, or say why not; the key is never shown again."""
    try:
        session = ConsoleSession.open(key.strip(), name)
        visitor = await visit(session, connections)
    except BadName as error:
        return page("sign_in.html", 422, problem=error.message, name="")
    except Unauthenticated:
        problem = "This key opens nothing: it is not whole, or it was revoked or has expired."
        return page("sign_in.html", 401, problem=problem, name=name)
    if not visitor.principal.scopes >= NEEDED_SCOPES:
        problem = "This key may not decide anything: it needs the scopes 'read' and 'write'."
        return page("sign_in.html", 403, problem=problem, name=name)
    response = RedirectResponse("/console/review", 303, headers=HEADERS)
    session.write(request, response)
    return response


@router.post("/sign-out", dependencies=[Depends(check_same_origin)])
async def sign_out() -> Response:
    """End the session."""
    return _to_sign_in(None)


@router.get("/review")
async def show_review(visitor: SignedIn) -> Response:
    """One candidate at a time."""
    return page("review.html", visitor=visitor)


@router.get("/label")
async def show_label(visitor: SignedIn) -> Response:
    """One transaction without a label at a time."""
    return page("label.html", visitor=visitor)


@router.get("/candidates")
async def show_candidates(visitor: SignedIn) -> Response:
    """Many candidates at once."""
    return page("candidates.html", visitor=visitor)


@router.get("/progress")
def show_progress(visitor: SignedIn, session: Session) -> Response:
    """The part of a page that says how far the review is."""
    return page("progress.html", progress=candidates.show_progress(visitor.principal, session))


def table_query(request: Request) -> CandidateQuery:
    """The table's filters as the list takes them; a form sends those that are not set as empty text.

    Raises:
        Invalid: one of them cannot be.
    """
    try:
        return CandidateQuery.model_validate({name: v for name, v in request.query_params.items() if v})
    except ValidationError as error:
        raise Invalid(errors=field_errors(error.errors(), prefix="/query")) from error


@router.get("/rows")
def show_rows(
    visitor: SignedIn, session: Session, query: Annotated[CandidateQuery, Depends(table_query)]
) -> Response:
    """A page of the table's rows."""
    listed = candidates.list_candidates(query, visitor.principal, session)
    filters = query.model_dump(mode="json", exclude={"cursor"}, exclude_none=True)
    return page("rows.html", page=listed, filters=filters, is_first=query.cursor is None)


async def on_sign_in_needed(request: Request, _: Exception) -> Response:
    """To the form; htmx is told, as it would put the form where the answer belongs."""
    return _to_sign_in(request)


def _to_sign_in(request: Request | None) -> Response:
    is_fragment = request is not None and "hx-request" in request.headers
    response = (
        Response(status_code=401, headers=HEADERS | {"HX-Redirect": SIGN_IN})
        if is_fragment
        else RedirectResponse(SIGN_IN, 303, headers=HEADERS)
    )
    end(response)
    return response


def install(app: FastAPI) -> None:
    """Give the app the console."""
    app.add_exception_handler(SignInNeeded, on_sign_in_needed)
    app.include_router(router)
    app.include_router(lab.router)
    app.mount("/console/static", StaticFiles(directory=FOLDER / "static"), name="console-static")
