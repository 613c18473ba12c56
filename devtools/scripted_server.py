"""What the servers that answer by script share: a port of their own, a thread, and an end."""

import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ScriptedServer:
    """A real HTTP server from `begin` to the end of the context.

    Each request has a handler, which finds this as `scripted`. `released` is set when the test is over, for
    whoever hangs until then; `_numbers` counts the calls, under `_lock`.
    """

    def begin(self, handler: type[BaseHTTPRequestHandler]) -> None:
        """Listen."""
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"scripted": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """Its URL without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"
