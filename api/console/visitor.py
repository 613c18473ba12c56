"""Who is looking at a page of the console."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from structlog.contextvars import bind_contextvars

from api.connections import Connections as ConnectionsValue
from api.console.session import ConsoleSession
from api.deps import Connections
from shared.kit.errors import Unauthenticated
from shared.organizations import service as organizations
from shared.organizations import store as organization_store
from shared.organizations.service import Principal


class SignInNeeded(Exception):
    """Nobody is signed in, or their key opens nothing any more."""


@dataclass(frozen=True)
class Visitor:
    """Who is looking at the page."""

    session: ConsoleSession
    principal: Principal
    organization: str


async def visit(session: ConsoleSession, connections: ConnectionsValue) -> Visitor:
    """The session's visitor.

    Raises:
        Unauthenticated: the key opens nothing.
    """

    def find(database: Any) -> Visitor:
        principal = organizations.authenticate(database, session.key)
        return Visitor(session, principal, organization_store.get(database, principal.organization_id).name)

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
        visitor = await visit(session, connections)
    except Unauthenticated:
        raise SignInNeeded from None
    principal = visitor.principal
    bind_contextvars(organization_id=str(principal.organization_id), key_id=str(principal.key_id))
    return visitor


SignedIn = Annotated[Visitor, Depends(signed_in)]
