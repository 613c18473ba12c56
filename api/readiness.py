"""Whether what Outlay depends on answers."""

from collections.abc import Callable, Mapping

import anyio
import anyio.to_thread
from sqlalchemy import Engine, text

from shared.kit.errors import AppError
from shared.kit.logging import get_logger
from shared.resources import Resources

log = get_logger(__name__)

TIMEOUT_SECONDS = 4.0
MAX_THREADS = 12  # a dependency that hangs keeps its thread until its own timeout, so their number is bounded

Check = Callable[[], None]


def checks_of(resources: Resources) -> dict[str, Check]:
    """One check for each dependency; it returns when the dependency answers and raises when it does not."""
    return {
        "postgres": lambda: _ping_database(resources.engine),
        "broker": resources.broker.ping,
        "index": resources.index.ping,
    }


async def probe(
    checks: Mapping[str, Check], limiter: anyio.CapacityLimiter, timeout_s: float = TIMEOUT_SECONDS
) -> dict[str, bool]:
    """Run every check at once, in threads of their own; name -> did it pass within `timeout_s` seconds."""
    passed = dict.fromkeys(checks, False)

    async def run(name: str) -> None:
        try:
            with anyio.move_on_after(timeout_s):
                await anyio.to_thread.run_sync(checks[name], abandon_on_cancel=True, limiter=limiter)
                passed[name] = True
        except AppError as error:
            log.warning("dependency does not answer", dependency=name, code=error.code)
        except Exception:
            log.exception("dependency check failed", dependency=name)

    async with anyio.create_task_group() as group:
        for name in checks:
            group.start_soon(run, name)
    return passed


def _ping_database(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
