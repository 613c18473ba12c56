"""The app behind a real socket."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import httpx
import uvicorn
from fastapi import FastAPI

from devtools.waiting import eventually

T = TypeVar("T")


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Run the app on a free port, in a thread; its URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive())
        assert server.started
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def at_once(ask: Callable[[httpx.Client], T], url: str, times: int) -> Sequence[T]:
    """What `times` clients are answered that ask at the same moment, each over a connection of its own."""
    ready = threading.Barrier(times)

    def call_once(_: int) -> T:
        with httpx.Client(base_url=url, timeout=60) as client:
            client.get("/livez").raise_for_status()  # connected
            ready.wait()
            return ask(client)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(call_once, range(times)))
