"""The console's pages: sign in, review candidates, label transactions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from structlog.contextvars import bind_contextvars

from api.connections import Connections as ConnectionsValue
from api.console.session import BadName, ConsoleSession, check_same_origin, end
from api.deps import Connections, Session
from api.pointers import field_errors
from api.routers import candidates
from api.schemas.candidates import CandidateQuery
from shared.kit.errors import Invalid, Unauthenticated
from shared.organizations import service as organizations
from shared.organizations.service import Principal

FOLDER = Path(__file__).parent
SIGN_IN = "/console/sign-in"
NEEDED_SCOPES = frozenset({"read", "write"})

# Scripts, styles and requests of this host only; no inline script or style, no frame, no <base>.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # With no-referrer browsers would send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

router = APIRouter(prefix="/console", include_in_schema=False)
_templates = Environment(
    loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined
)


class SignInNeeded(Exception):
    """Nobody is signed in, or their key opens nothing any more."""


@dataclass(frozen=True)
class Visitor:
    """Who is looking at the page."""

    session: ConsoleSession
    principal: Principal
    organization: str


async def _visit(session: ConsoleSession, connections: ConnectionsValue) -> Visitor:
    """The session's visitor.

    Raises:
        Unauthenticated: the key opens nothing.
    """

    def find(database: Any) -> Visitor:
        principal = organizations.authenticate(database, session.key)
        return Visitor(session, principal, organizations.get(database, principal.organization_id).name)

    return await connections.run(find)


async def signed_in(request: Request, connections: Connections) -> Visitor:
    """Who is signed in.

    Raises:
        SignInNeeded: nobody.
    """
    session = ConsoleSession.of(request)
    if session is None:
        raise SignInNeeded
    try:
        visitor = await _visit(session, connections)
    except Unauthenticated:
        raise SignInNeeded from None
    principal = visitor.principal
    bind_contextvars(organization_id=str(principal.organization_id), key_id=str(principal.key_id))
    return visitor


SignedIn = Annotated[Visitor, Depends(signed_in)]


def _page(template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    return HTMLResponse(_templates.get_template(template).render(values), status, headers=HEADERS)


@router.get("")
async def show_start() -> Response:
    """Where the work is."""
    return RedirectResponse("/console/review", 303)


@router.get("/sign-in")
async def show_sign_in() -> Response:
    """The form."""
    return _page("sign_in.html", problem=None, name="")


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
        visitor = await _visit(session, connections)
    except BadName as error:
        return _page("sign_in.html", 422, problem=error.message, name="")
    except Unauthenticated:
        problem = "This key opens nothing: it is not whole, or it was revoked or has expired."
        return _page("sign_in.html", 401, problem=problem, name=name)
    if not visitor.principal.scopes >= NEEDED_SCOPES:
        problem = "This key may not decide anything: it needs the scopes 'read' and 'write'."
        return _page("sign_in.html", 403, problem=problem, name=name)
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
    return _page("review.html", visitor=visitor)


@router.get("/label")
async def show_label(visitor: SignedIn) -> Response:
    """One transaction without a label at a time."""
    return _page("label.html", visitor=visitor)


@router.get("/candidates")
async def show_candidates(visitor: SignedIn) -> Response:
    """Many candidates at once."""
    return _page("candidates.html", visitor=visitor)


@router.get("/progress")
def show_progress(visitor: SignedIn, session: Session) -> Response:
    """The part of a page that says how far the review is."""
    return _page("progress.html", progress=candidates.show_progress(visitor.principal, session))


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
    page = candidates.list_candidates(query, visitor.principal, session)
    filters = query.model_dump(mode="json", exclude={"cursor"}, exclude_none=True)
    return _page("rows.html", page=page, filters=filters, is_first=query.cursor is None)


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
    app.mount("/console/static", StaticFiles(directory=FOLDER / "static"), name="console-static")
