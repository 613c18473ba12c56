"""What routes ask for, as annotated types."""

import hmac
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import orm
from structlog.contextvars import bind_contextvars

from api.comparisons import Comparisons as ComparisonsValue
from api.connections import Connections as ConnectionsValue
from api.console.session import key_of
from api.limits import RateLimit as RateLimitValue
from shared.idempotency import service as idempotency
from shared.jobs import service as jobs
from shared.kit.errors import Forbidden, Unauthenticated
from shared.organizations import service as organizations
from shared.organizations.service import Principal, Scope
from shared.resources import Resources as ResourcesValue

_bearer = HTTPBearer(
    scheme_name="apiKey", bearerFormat="ol_…", auto_error=False, description="An organisation's API key."
)
_root_bearer = HTTPBearer(
    scheme_name="rootKey", auto_error=False, description="The operator's key, setting OUTLAY_ROOT_KEY."
)


async def get_resources(request: Request) -> ResourcesValue:
    """What the lifespan built."""
    resources: ResourcesValue = request.app.state.resources
    return resources


async def get_connections(request: Request) -> ConnectionsValue:
    """The app's share of the database."""
    connections: ConnectionsValue = request.app.state.connections
    return connections


async def get_comparisons(request: Request) -> ComparisonsValue:
    """The comparisons of evaluations, some of them computed already."""
    comparisons: ComparisonsValue = request.app.state.comparisons
    return comparisons


async def get_request_id(request: Request) -> str:
    """The id under which this request is logged."""
    request_id: str = request.state.request_id
    return request_id


async def get_rate_limit(request: Request) -> RateLimitValue:
    """The app's count of each key's requests."""
    rate_limit: RateLimitValue = request.app.state.rate_limit
    return rate_limit


Resources = Annotated[ResourcesValue, Depends(get_resources)]
Connections = Annotated[ConnectionsValue, Depends(get_connections)]
Comparisons = Annotated[ComparisonsValue, Depends(get_comparisons)]
RateLimit = Annotated[RateLimitValue, Depends(get_rate_limit)]
RequestId = Annotated[str, Depends(get_request_id)]


async def get_session(connections: Connections) -> AsyncIterator[orm.Session]:
    """One transaction a request; it is committed before the answer is sent."""
    async with connections.transaction() as session:
        yield session


Session = Annotated[orm.Session, Depends(get_session, scope="function")]


async def authenticate(
    request: Request, connections: ConnectionsValue, rate_limit: RateLimitValue, key: str
) -> Principal:
    """Who the API key belongs to; the request counts against the key's rate limit and is logged under its id.

    Both limits, that of the key and that of the address's failures, hold before the key is looked up.

    The API and the console both authenticate here. The transaction ends before the work begins: categorize
    holds none while it encodes, and an upload none while it streams in.

    Raises:
        Unauthenticated: the key is malformed, revoked or expired.
        RateLimited: the key has used up its rate limit.
        TooManyGuesses: too many requests from the client's address had an invalid key.
    """
    async with rate_limit.guarding(_address_of(request), key):
        principal = await connections.run(lambda session: organizations.authenticate(session, key))
    bind_contextvars(organization_id=str(principal.organization_id), key_id=str(principal.key_id))
    return principal


def _address_of(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def check_scope(principal: Principal, scope: Scope) -> None:
    """Raise `Forbidden` where the principal's key lacks the scope."""
    if scope not in principal.scopes:
        raise Forbidden(f"This API key does not have the scope '{scope}' that this request needs.")


def require(scope: Scope) -> Callable[..., Awaitable[Principal]]:
    """A dependency that authenticates the request and refuses keys without the scope.

    The key is the bearer token, or that of the console's cookie: see `api.console.session`.
    """

    async def principal(
        request: Request,
        connections: Connections,
        rate_limit: RateLimit,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],  # so that the schema says it
    ) -> Principal:
        principal = await authenticate(request, connections, rate_limit, key_of(request))
        check_scope(principal, scope)
        return principal

    return principal


reader, writer, admin = require("read"), require("write"), require("admin")
Reader = Annotated[Principal, Depends(reader)]
Writer = Annotated[Principal, Depends(writer)]
Admin = Annotated[Principal, Depends(admin)]


async def check_root_key(
    request: Request,
    resources: Resources,
    rate_limit: RateLimit,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_root_bearer)],
) -> None:
    """Let the operator pass, and nobody where no root key is set."""
    key = resources.settings.root_key
    given = "" if credentials is None else credentials.credentials
    async with rate_limit.guarding(_address_of(request), given):
        if key is None or not hmac.compare_digest(given.encode(), key.get_secret_value().encode()):
            raise Unauthenticated("The root key is needed: setting OUTLAY_ROOT_KEY, sent as a bearer token.")


RootKey = Depends(check_root_key)
Id = Annotated[uuid.UUID, Path(description="The row's id.")]


async def check_job_room(
    request: Request, writer: Writer, connections: Connections, resources: Resources
) -> None:
    """Refuse a request for a job where the organisation has as many waiting as it may have.

    One that was answered before passes: its route gives that answer again, and starts nothing.
    """
    key, limit = request.headers.get("idempotency-key"), resources.settings.max_queued_jobs

    def check(session: orm.Session) -> None:
        if key is None or not idempotency.is_answered(session, writer.organization_id, key):
            jobs.check_room(session, writer.organization_id, limit)

    await connections.run(check)


JobRoom = Depends(check_job_room)
