"""Idempotency-Key: a POST that is sent again, because its answer was lost, has its effect once."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.routing import APIRoute
from pydantic import WithJsonSchema
from sqlalchemy import orm
from starlette.concurrency import run_in_threadpool

from api.console.session import key_of
from api.deps import Session, admin, check_root_key, writer
from api.responses import problems
from shared.idempotency import service as idempotency
from shared.idempotency.service import Claim, IdempotentRequest, StoredResponse
from shared.kit.errors import Malformed
from shared.organizations.service import Principal

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT_HEADERS = ("content-type", "location", "cache-control")

_KEY = re.compile(r"[ -~]{1,255}")


class BadIdempotencyKey(Malformed):
    code = "bad-idempotency-key"
    message = "The Idempotency-Key must be one header of 1 to 255 printable ASCII characters, such as a UUID."


class Replayed(Exception):
    """The request was answered before."""

    def __init__(self, answer: StoredResponse) -> None:
        self.answer = answer


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        description="Names this request, so that a retry has no second effect and gets the first answer, "
        "for 24 hours. A new UUID for each request that is not a retry.",
    ),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[ -~]+$",
            "examples": ["7b6e1a5c-0f5e-4c0b-9b55-2f6f9d6f2f0a"],
        }
    ),
]


async def claim(
    request: Request, session: orm.Session, speaker: Principal | None, body_sha256: bytes
) -> None:
    """Claim the request's key in the transaction of its effect; nothing where it has none.

    Raises:
        BadIdempotencyKey, InFlight, Reused, OtherKeysAnswer: see `shared.idempotency.service.claim`.
        Replayed: it was answered before.
    """
    keys = request.headers.getlist(HEADER)
    if not keys:
        return
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise BadIdempotencyKey
    organization_id = None if speaker is None else speaker.organization_id
    idempotent_request = IdempotentRequest(
        organization_id, keys[0], _sha256_of(request, body_sha256), key_of(request)
    )
    claimed = await run_in_threadpool(idempotency.claim, session, idempotent_request)
    if isinstance(claimed, StoredResponse):
        raise Replayed(claimed)
    request.state.claim = (session, claimed)


def once(authenticate: Callable[..., Awaitable[Principal | None]]) -> Callable[..., Awaitable[orm.Session]]:
    """A dependency: the request's session, in which a key that it may have is claimed."""

    async def claimed(
        request: Request,
        speaker: Annotated[Principal | None, Depends(authenticate)],
        session: Session,
        _key: IdempotencyKey = None,
    ) -> orm.Session:
        await claim(request, session, speaker, hashlib.sha256(await request.body()).digest())
        return session

    return claimed


# The session of a route that creates or starts something, by who may ask.
WriterOnce = Annotated[orm.Session, Depends(once(writer))]
AdminOnce = Annotated[orm.Session, Depends(once(admin))]
RootOnce = Annotated[orm.Session, Depends(once(check_root_key))]


class OnceRoute(APIRoute):
    """A route that keeps the answer to a claimed key, in the transaction that is about to commit.

    FastAPI closes function-scoped dependencies, the session among them, after this handler has returned and
    before it sends the answer: effect and answer are committed together or not at all.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()):
            options["responses"] = problems(409, 422) | (options.get("responses") or {})
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, then the keeping."""
        handle = super().get_route_handler()

        async def handle_once(request: Request) -> Response:
            response = await handle(request)
            claimed: tuple[orm.Session, Claim] | None = getattr(request.state, "claim", None)
            if claimed is not None:
                headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
                answer = StoredResponse(response.status_code, headers, bytes(response.body))
                is_secret = "no-store" in headers.get("cache-control", "")
                await run_in_threadpool(idempotency.record, *claimed, answer, is_secret=is_secret)
            return response

        return handle_once


async def on_replayed(_: Request, error: Exception) -> Response:
    """Answer as the first time, and say so."""
    assert isinstance(error, Replayed)
    answer = error.answer
    return Response(answer.body, answer.status, answer.headers | {REPLAYED: "true"})


def install(app: FastAPI) -> None:
    """Let the app give an answer again."""
    app.add_exception_handler(Replayed, on_replayed)


def _sha256_of(request: Request, body_sha256: bytes) -> bytes:
    """One digest of method, path, query and body."""
    digest = hashlib.sha256()
    path, query = request.scope["path"].encode("utf-8", "surrogatepass"), request.scope["query_string"]
    for part in (request.method.encode(), path, query, body_sha256):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()
