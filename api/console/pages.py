"""The console's pages: sign in, review candidates, label transactions."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from api.console import error_pages, lab
from api.console.rendering import FOLDER, HEADERS, page
from api.console.session import BadName, ConsoleSession, check_same_origin
from api.console.visitor import SignedIn
from api.deps import Connections, RateLimit, Session, authenticate, check_scope
from api.routers import candidates
from api.schemas.candidates import CandidateQuery
from api.validation_errors import field_errors
from shared.kit.errors import Forbidden, Invalid, NotFound, Unauthenticated

root = APIRouter(include_in_schema=False)
router = APIRouter(prefix="/console", include_in_schema=False)


@root.get("/")
async def show_root(request: Request) -> Response:
    """Send browsers to the console; to a client of the API there is nothing here.

    Raises:
        HTTPException: 404, for whoever does not accept HTML.
    """
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(404)
    return RedirectResponse("/console", 303)


@router.get("")
async def show_start() -> Response:
    """Redirect to the page of the next candidate."""
    return RedirectResponse("/console/review", 303)


@router.get("/sign-in")
async def show_sign_in() -> Response:
    """The sign-in form."""
    return page("sign_in.html", problem=None, name="")


@router.post("/sign-in", dependencies=[Depends(check_same_origin)])
async def sign_in(
    request: Request,
    connections: Connections,
    rate_limit: RateLimit,
    key: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
) -> Response:
    """Begin a session, or show the form again with what is wrong; the key is never shown again."""
    try:
        session = ConsoleSession.open(key.strip(), name)
        principal = await authenticate(request, connections, rate_limit, session.key)
        check_scope(principal, "read")
    except BadName as error:
        return page("sign_in.html", 422, problem=error.message, name="")
    except Unauthenticated:
        problem = "Invalid API key: it is malformed, revoked or expired."
        return page("sign_in.html", 401, problem=problem, name=name)
    except Forbidden:
        problem = "This API key cannot open the console: it does not have the scope 'read'."
        return page("sign_in.html", 403, problem=problem, name=name)
    response = RedirectResponse("/console/review", 303, headers=HEADERS)
    session.write(request, response)
    return response


@router.post("/sign-out", dependencies=[Depends(check_same_origin)])
async def sign_out() -> Response:
    """End the session."""
    return error_pages.to_sign_in()


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
    """The fragment with the review's progress."""
    return page("progress.html", progress=candidates.show_progress(visitor.principal, session))


def table_query(request: Request) -> CandidateQuery:
    """The table's filters; a form sends unset ones as empty text.

    Raises:
        Invalid: a value is not allowed.
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
    return page(
        "rows.html", page=listed, filters=filters, is_first=query.cursor is None, can_write=visitor.can_write
    )


@router.get("/{path:path}")
async def show_nothing(_: SignedIn) -> Response:
    """A page that does not exist, with the navigation.

    Raises:
        NotFound: always.
    """
    raise NotFound("There is no such page.")


def install(app: FastAPI) -> None:
    """Give the app the console."""
    error_pages.install(app)
    app.include_router(root)
    app.include_router(lab.router)
    app.mount("/console/static", StaticFiles(directory=FOLDER / "static"), name="console-static")
    app.include_router(router)
