"""The errors of the application: `code` names one, `message` is for the user, the API maps it to a status."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """One wrong place in the caller's input: an RFC 6901 JSON pointer, a slug, a sentence."""

    pointer: str
    code: str
    message: str


class AppError(Exception):
    """An error with a message for the user; a subclass sets `code` and, where it knows it, `message`."""

    code: str = "error"
    message: str = "Something went wrong."

    def __init__(
        self,
        message: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        if message is not None:
            self.message = message
        self.errors = errors
        self.retry_after = retry_after
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """The error as a job row keeps it."""
        return {"code": self.code, "message": self.message}


class Malformed(AppError):
    code = "malformed"
    message = "The request cannot be read."


class Unauthenticated(AppError):
    code = "unauthenticated"
    message = "A valid API key is needed. Send it as 'Authorization: Bearer ol_…'."


class Forbidden(AppError):
    code = "forbidden"
    message = "This API key does not have the scope that this request needs."


class NotFound(AppError):
    code = "not-found"
    message = "There is no such resource."


class Conflict(AppError):
    code = "conflict"
    message = "The request does not fit the present state of the resource."


class Invalid(AppError):
    code = "invalid"
    message = "The request does not fit the schema. See 'errors' for each wrong field."


class TooMany(AppError):
    code = "too-many"
    message = "More was asked than is allowed at once. Try again later."


class Unavailable(AppError):
    code = "unavailable"
    message = "A service that Outlay depends on does not answer. Try again in a few seconds."


class Retryable(AppError):
    """Nothing is away: the same request may well succeed soon. A job counts it as an attempt."""

    code = "retryable"
    message = "The request could not be done just now. Send it again in a few seconds."
