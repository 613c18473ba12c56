"""Health."""

from typing import Literal

from api.schemas.common import Out


class LiveOut(Out):
    """The process answers."""

    status: Literal["alive"]


class ReadyOut(Out):
    """Every dependency answers."""

    status: Literal["ready"]
    checks: dict[str, bool]
