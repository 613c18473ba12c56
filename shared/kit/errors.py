"""What can go wrong, as facts. The docstring is the message; `code` names it; the door decides the status."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One wrong place in the caller's input: an RFC 6901 JSON pointer, a slug, a sentence."""

    pointer: str
    code: str
    message: str


class AppError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        self.message = message or " ".join((self.__doc__ or "").split())
        self.errors = errors
        self.retry_after = retry_after
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """The error as a job row keeps it."""
        return {"code": self.code, "message": self.message}


class Malformed(AppError):
    """The request cannot be read."""

    code = "malformed"


class Unauthenticated(AppError):
    """A valid API key is needed. Send it as 'Authorization: Bearer ol_…'."""

    code = "unauthenticated"


class Forbidden(AppError):
    """This API key does not have the scope that this request needs."""

    code = "forbidden"


class NotFound(AppError):
    """There is no such resource."""

    code = "not-found"


class Conflict(AppError):
    """The request does not fit the present state of the resource."""

    code = "conflict"


class Invalid(AppError):
    """The request does not fit the schema. See 'errors' for each wrong field."""

    code = "invalid"


class TooMany(AppError):
    """More was asked than is allowed at once. Try again later."""

    code = "too-many"


class Unavailable(AppError):
    """A service that Outlay depends on does not answer. Try again in a few seconds."""

    code = "unavailable"
