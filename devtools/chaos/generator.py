"""Sends requests from a process of its own: `python -m devtools.chaos.generator`, a plan on standard input.

Raw HTTP/1.1 on kept connections, because a client library would be busier than the server that it measures.
Open loop (`rate` a second, whatever comes back; latency counts from when a request was due) or closed loop
(`clients`, each of which asks again when it is answered). Writes one JSON object.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any

TICK_S = 0.005
DRAIN_S = 15.0


@dataclass(frozen=True)
class Plan:
    """What to send. `rate` a second, or 0 for `clients` in a closed loop; at most `max_open` connections."""

    port: int
    key: str
    bodies: list[dict[str, Any]]
    seconds: float
    rate: float = 0
    clients: int = 4
    max_open: int = 4000


@dataclass
class Sent:
    """What came of it; latencies in seconds of the answers with 200, in the order they came."""

    planned: int = 0
    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    with_retry_after: int = 0
    latencies: list[float] = field(default_factory=list)
    refused_latencies: list[float] = field(default_factory=list)
    lag: float = 0.0
    peak_open: int = 0
    drained: float = 0.0


def generate(plan: Plan) -> Sent:
    """Run the plan in a new process and return what it found."""
    command = [sys.executable, "-m", "devtools.chaos.generator"]
    done = subprocess.run(
        command, input=json.dumps(asdict(plan)), stdout=subprocess.PIPE, text=True, check=True
    )
    sent = json.loads(done.stdout)
    return Sent(**{**sent, "statuses": Counter(sent["statuses"])})


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, sender: "_Sender") -> None:
        self._sender = sender
        self._due = 0.0
        self._is_busy = False
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._is_busy, self._due, self._buffer = True, due, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        if len(body) < length:
            return
        self._is_busy = False
        has_retry = any(line.startswith(b"retry-after:") for line in lines)
        closes = b"connection: close" in lines
        self._sender.answered(None if closes else self, head[9:12].decode(), self._due, has_retry)
        if closes and self._transport is not None:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._sender.gone(self, was_busy=self._is_busy)


class _Sender:
    """Keeps connections and the count."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._idle: deque[_Connection] = deque()
        self._open = 0
        self._waiting = 0
        self._sent = Sent()
        self._requests = [_request(plan, body) for body in plan.bodies]
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends = 0.0

    async def run(self) -> Sent:
        began = time.monotonic()
        self._ends = began + self._plan.seconds
        if not self._plan.rate:
            for _ in range(self._plan.clients):
                self._start(time.monotonic())
        while (now := time.monotonic()) < self._ends:
            due = int((now - began) * self._plan.rate)
            while self._sent.planned < due:
                at = began + self._sent.planned / self._plan.rate
                self._sent.lag = max(self._sent.lag, now - at)
                self._start(at)
            await asyncio.sleep(TICK_S)
        until = time.monotonic() + DRAIN_S
        while self._waiting and time.monotonic() < until:
            await asyncio.sleep(TICK_S)
        self._sent.drained = time.monotonic() - self._ends
        self._sent.statuses["unanswered"] += self._waiting
        return self._sent

    def _start(self, due: float) -> None:
        self._sent.planned += 1
        request = self._requests[self._sent.planned % len(self._requests)]
        if self._idle:
            self._send(self._idle.pop(), request, due)
        elif self._open < self._plan.max_open:
            self._open += 1
            self._sent.peak_open = max(self._sent.peak_open, self._open)
            task = asyncio.create_task(self._connect(request, due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, request: bytes, due: float) -> None:
        try:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(
                lambda: _Connection(self), "127.0.0.1", self._plan.port
            )
        except OSError as error:
            self._open -= 1
            self._sent.statuses[type(error).__name__] += 1
            return
        self._send(connection, request, due)

    def _send(self, connection: _Connection, request: bytes, due: float) -> None:
        self._sent.sent += 1
        self._waiting += 1
        connection.send(request, due)

    def answered(self, connection: _Connection | None, status: str, due: float, has_retry: bool) -> None:
        self._waiting -= 1
        now = time.monotonic()
        self._sent.statuses[status] += 1
        self._sent.with_retry_after += has_retry
        (self._sent.latencies if status == "200" else self._sent.refused_latencies).append(now - due)
        if connection is not None:
            self._idle.append(connection)
        if not self._plan.rate and now < self._ends:
            self._start(now)

    def gone(self, connection: _Connection, *, was_busy: bool) -> None:
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if was_busy:
            self._waiting -= 1
            self._sent.statuses["broken off"] += 1


def _request(plan: Plan, body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST /categorize HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {plan.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


if __name__ == "__main__":
    print(json.dumps(vars(asyncio.run(_Sender(Plan(**json.load(sys.stdin))).run()))))
