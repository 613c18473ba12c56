"""The console's session: an API key in a cookie, and a token against forged requests."""

import base64
import binascii
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from shared.kit.errors import Forbidden, Invalid, Unauthenticated
from shared.kit.text import is_blank, is_storable

COOKIE = "outlay_session"
CSRF_HEADER = "X-CSRF-Token"
MAX_AGE_SECONDS = 12 * 3600
MAX_NAME = 100

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_VALUE = re.compile(r"([0-9a-f]{16})\.([A-Za-z0-9_-]{1,800}={0,2})\.(ol_[A-Za-z0-9_-]{1,200})")


class CsrfRefused(Forbidden):
    code = "csrf"
    message = (
        "This request does not come from a page of the console. Load the page again and repeat what you did."
    )


class BadName(Invalid):
    code = "bad-name"
    message = "A name is 1 to 100 characters, at least one of them visible."


class SignInNeeded(Exception):
    """Nobody is signed in, or the key of the session is no longer valid."""


@dataclass(frozen=True)
class ConsoleSession:
    """A signed-in browser: the API key, the person's name, and a nonce per browser.

    The cookie is not signed: every request checks the key in it, and whoever holds the key may give any name
    as the reviewer anyway.
    """

    key: str
    name: str
    nonce: str

    @classmethod
    def open(cls, key: str, name: str) -> Self:
        """A new session.

        Raises:
            BadName: the name is blank, too long, or cannot be stored.
        """
        name = " ".join(name.split())
        if is_blank(name) or len(name) > MAX_NAME or not is_storable(name):
            raise BadName
        return cls(key, name, secrets.token_hex(8))

    @classmethod
    def of(cls, request: HTTPConnection) -> Self | None:
        """The session in the request's cookie, its key not checked yet; None without a readable cookie."""
        match = _VALUE.fullmatch(request.cookies.get(COOKIE, ""))
        if match is None:
            return None
        nonce, name, key = match.groups()
        try:
            return cls(key, base64.urlsafe_b64decode(name).decode(), nonce)
        except (binascii.Error, UnicodeDecodeError):
            return None

    @property
    def reviewer(self) -> str:
        """The name under which this browser holds and decides candidates."""
        return f"{self.name}#{self.nonce[:4]}"

    @property
    def csrf_token(self) -> str:
        """An HMAC under the API key, which only its holder can compute: no server secret, no table."""
        message = f"outlay console {self.nonce} {self.name}"
        return hmac.digest(self.key.encode(), message.encode(), "sha256").hex()

    def write(self, request: Request, response: Response) -> None:
        """Set the response's cookie."""
        name = base64.urlsafe_b64encode(self.name.encode()).decode()
        response.set_cookie(
            COOKIE,
            f"{self.nonce}.{name}.{self.key}",
            max_age=MAX_AGE_SECONDS,
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )


def end(response: Response) -> None:
    """Remove the cookie."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def key_of(request: Request) -> str:
    """The API key of the Authorization header or, without that header, of the cookie.

    Raises:
        Unauthenticated: neither has one.
        CsrfRefused: the key is the cookie's, the method is unsafe, and the session's token is missing or
            wrong. Browsers send the cookie whoever caused the request; only our own pages know the token.
    """
    if "authorization" in request.headers:
        scheme, key = get_authorization_scheme_param(request.headers["authorization"])
        if scheme.lower() != "bearer" or not key:
            raise Unauthenticated
        return key
    session = ConsoleSession.of(request)
    if session is None:
        raise Unauthenticated
    if request.method not in _SAFE_METHODS:
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), session.csrf_token.encode()):
            raise CsrfRefused
    return session.key


def check_same_origin(request: Request) -> None:
    """Refuse a form that another site made the browser send; before sign-in there is no token to check.

    Browsers name the origin of a request in Sec-Fetch-Site (on HTTPS and localhost) and in Origin (on every
    POST). A client that sends neither is no browser and need not post forms.

    Raises:
        CsrfRefused: the origin is another one, or is not named.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise CsrfRefused
        return
    origin = urlsplit(request.headers.get("origin", ""))
    if not origin.netloc or origin.netloc != request.headers.get("host"):
        raise CsrfRefused
