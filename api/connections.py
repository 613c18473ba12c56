"""Who may hold a database connection: never more requests than the pool has, so no thread waits for one."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from fastapi.concurrency import contextmanager_in_threadpool
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from shared.kit.database_errors import DatabaseUnavailable
from shared.kit.unit_of_work import run_in_transaction, transaction

T = TypeVar("T")

WAIT_SECONDS = 5.0


class Connections:
    """Transactions for the async side of the API.

    A request between its endpoint and its commit holds a connection and needs a thread; one that waits for a
    connection inside a thread would hold a thread and need a connection. With as many permits as the pool has
    connections, taken before any thread, the second kind of waiting cannot happen, so the two never lock up.
    """

    def __init__(self, engine: Engine, size: int) -> None:
        self._engine = engine
        self._permits = anyio.Semaphore(size)

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[None]:
        """Room for one connection.

        Raises:
            DatabaseUnavailable: none became free within five seconds.
        """
        with anyio.move_on_after(WAIT_SECONDS) as waiting:
            await self._permits.acquire()
        if waiting.cancelled_caught:
            raise DatabaseUnavailable(retry_after=2)
        try:
            yield
        finally:
            self._permits.release()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A transaction whose session is used in threads only; commits on leaving."""
        async with self.permit(), contextmanager_in_threadpool(transaction(self._engine)) as session:
            yield session

    async def run(self, work: Callable[[Session], T]) -> T:
        """One short transaction in one thread; `work` may run again where it met a deadlock."""
        async with self.permit():
            return await run_in_threadpool(run_in_transaction, self._engine, work)
