"""What clients are answered that do not wait until Outlay is ready: `python -m benchmarks.cold_start`.

A data folder gets some categories and an active model. Then the stack is started anew. From the moment that
its port answers, 32 clients categorise without a pause, while another client reads GET /v1/categories. They
go on for 10 s, and for at least 5 s after /readyz said ready. The clients share the machine with the stack.
"""

import argparse
import http.client
import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from cli.client import organization_key
from cli.standalone import Standalone

CLIENTS = 32
SECONDS = 10.0
SECONDS_AFTER_READY = 5.0
LONGEST_START_S = 240.0
CATEGORIES = 60
BODY = json.dumps({"transaction": {"merchant_name": "Marriott", "memo": "2 nights in Boston"}, "top_k": 5})


@dataclass(frozen=True)
class Response:
    """One answer: when the request was sent (on the monotonic clock), and how long it took."""

    sent_at: float
    seconds: float
    status: int
    code: str
    has_retry_after: bool


class Client:
    """One client over one connection, which it opens again where the server closes it."""

    def __init__(self, url: str, key: str) -> None:
        self._address = urlsplit(url).netloc
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: str | None = None) -> Response:
        """Send one request; status 0: no answer."""
        sent_at = time.monotonic()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._address, timeout=60)
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection = None
            return Response(sent_at, time.monotonic() - sent_at, 0, "no-answer", has_retry_after=False)
        code = "" if answer.status < 400 else str(json.loads(text).get("code"))
        has_retry_after = answer.getheader("Retry-After") is not None
        return Response(sent_at, time.monotonic() - sent_at, answer.status, code, has_retry_after)


class Load:
    """The clients, in threads, from the first answer of /livez on."""

    def __init__(self, stack: Standalone, key: str) -> None:
        self.categorized: list[Response] = []
        self.others: list[Response] = []
        self.begun_at = self.ready_at = 0.0
        self._stack, self._key = stack, key
        self._until = float("inf")
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def join(self) -> None:
        """Wait for the clients to end."""
        self._thread.join()

    def _run(self) -> None:
        deadline = time.monotonic() + LONGEST_START_S
        while not self._stack.url or Client(self._stack.url, self._key).ask("GET", "/livez").status != 200:
            if time.monotonic() > deadline:
                return
            time.sleep(0.02)
        self.begun_at = time.monotonic()
        threads = [threading.Thread(target=self._categorize) for _ in range(CLIENTS)]
        threads += [threading.Thread(target=self._read_categories), threading.Thread(target=self._watch)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _categorize(self) -> None:
        client = Client(self._stack.url, self._key)
        self._repeat(lambda: self.categorized.append(client.ask("POST", "/categorize", BODY)))

    def _read_categories(self) -> None:
        client = Client(self._stack.url, self._key)
        self._repeat(lambda: self.others.append(client.ask("GET", "/v1/categories?limit=10")))

    def _repeat(self, ask: Callable[[], None]) -> None:
        while time.monotonic() < self._until:
            ask()

    def _watch(self) -> None:
        """Note when /readyz says ready, and set the end."""
        client = Client(self._stack.url, self._key)
        while client.ask("GET", "/readyz").status != 200:
            if time.monotonic() - self.begun_at > LONGEST_START_S:
                break
            time.sleep(0.05)
        self.ready_at = time.monotonic()
        self._until = max(self.begun_at + SECONDS, self.ready_at + SECONDS_AFTER_READY)


def prepare(folder: Path) -> str:
    """A data folder with categories and an active model; the organisation's key."""
    with Standalone(folder, port=0) as stack:
        key = organization_key(stack)
        with httpx.Client(
            base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        ) as client:
            chart = [{"code": str(n), "name": f"Category {n} of things"} for n in range(CATEGORIES)]
            client.put("/v1/categories", json={"categories": chart}).raise_for_status()
            [base] = client.get("/v1/models").json()["data"]
            job = client.post(f"/v1/models/{base['id']}/activate").raise_for_status().json()
            while job["status"] in {"queued", "running"}:
                time.sleep(0.2)
                job = client.get(f"/v1/jobs/{job['id']}").json()
    if job["status"] != "succeeded":
        raise SystemExit(f"The model could not be activated: {job['error']}")
    return key


def summary(load: Load) -> dict[str, Any]:
    """The figures, those of requests that were sent before and after /readyz said ready apart."""
    ready = load.ready_at
    return {
        "ready after s": round(ready - load.begun_at, 1),
        "/categorize, sent before ready": _figures([r for r in load.categorized if r.sent_at < ready]),
        "/categorize, sent after": _figures([r for r in load.categorized if r.sent_at >= ready]),
        "GET /v1/categories, sent before ready": _figures([r for r in load.others if r.sent_at < ready]),
        "GET /v1/categories, sent after": _figures([r for r in load.others if r.sent_at >= ready]),
    }


def _figures(responses: list[Response]) -> dict[str, Any]:
    refused = [response for response in responses if response.status == 503]
    seconds = sorted(response.seconds for response in responses)
    return {
        "answers": dict(Counter(f"{response.status} {response.code}".strip() for response in responses)),
        "503 with Retry-After": f"{sum(response.has_retry_after for response in refused)} of {len(refused)}",
        "p50 ms": _percentile(seconds, 50),
        "p99 ms": _percentile(seconds, 99),
    }


def _percentile(ordered: list[float], percent: int) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000, 1)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="outlay-cold-start-") as name:
        key = prepare(Path(name))
        stack = Standalone(Path(name), port=0)
        load = Load(stack, key)
        with stack:
            load.join()
        print(json.dumps(summary(load), indent=1))


if __name__ == "__main__":
    main()
