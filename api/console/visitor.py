"""The person who looks at a page of the console, and what their key allows."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.console.session import ConsoleSession, SignInNeeded
from api.deps import Connections, RateLimit, authenticate, check_scope
from shared.kit.errors import Unauthenticated
from shared.organizations import store as organization_store
from shared.organizations.service import Principal


@dataclass(frozen=True)
class Visitor:
    """A signed-in person: their session, their key's principal, and the name of its organisation."""

    session: ConsoleSession
    principal: Principal
    organization: str

    @property
    def can_write(self) -> bool:
        """Whether the key may label and decide; otherwise pages only show."""
        return "write" in self.principal.scopes

    @property
    def is_read_only(self) -> bool:
        """Whether the key may look at pages and nothing else."""
        return "read" in self.principal.scopes and not self.can_write


async def signed_in(request: Request, connections: Connections, rate_limit: RateLimit) -> Visitor:
    """The visitor, whose key has the scope 'read'. Each page and fragment counts against its rate limit.

    Raises:
        SignInNeeded: no session, or its key is revoked or expired.
        RateLimited: the key has used up its rate limit.
        Forbidden: the key lacks the scope 'read'.
    """
    session = ConsoleSession.of(request)
    if session is None:
        raise SignInNeeded
    try:
        principal = await authenticate(request, connections, rate_limit, session.key)
    except Unauthenticated:
        raise SignInNeeded from None
    organization = await connections.run(
        lambda database: organization_store.get(database, principal.organization_id).name
    )
    visitor = Visitor(session, principal, organization)
    request.state.visitor = visitor  # for the navigation of an error page
    check_scope(principal, "read")
    return visitor


SignedIn = Annotated[Visitor, Depends(signed_in)]
