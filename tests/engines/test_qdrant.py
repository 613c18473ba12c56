"""What a Qdrant server's refusals and silences become. The server itself is in the contract tests."""

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from shared.engines.qdrant import QdrantIndex
from shared.engines.vectors import CollectionMissing, IndexRefused, IndexUnavailable, Point


@contextmanager
def answering(status: int, body: dict[str, object], **headers: str) -> Iterator[QdrantIndex]:
    """An index whose server gives this one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_GET = do_POST = do_PUT = answer  # noqa: N815 # the names http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        index = QdrantIndex.connect(f"http://127.0.0.1:{server.server_port}")
        try:
            yield index
        finally:
            index.close()
            server.shutdown()
            thread.join()


def write(index: QdrantIndex) -> None:
    point_id = uuid.uuid4()
    index.upsert("c", [Point(point_id, point_id, "category", point_id, point_id, np.ones(3, np.float32))])


def test_no_server_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        index = QdrantIndex.connect(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(IndexUnavailable) as caught:
            index.ping()
        index.close()
    assert caught.value.retry_after == 2


def test_a_silent_server_is_unavailable() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        index = QdrantIndex.connect(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=1)
        with pytest.raises(IndexUnavailable):
            write(index)
        index.close()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, IndexRefused),
        (401, IndexUnavailable),
        (403, IndexUnavailable),
        (404, CollectionMissing),
        (422, IndexRefused),
        (500, IndexUnavailable),
        (503, IndexUnavailable),
    ],
)
def test_each_status_has_one_meaning(status: int, expected: type[Exception]) -> None:
    with answering(status, {"status": {"error": "no"}}) as index, pytest.raises(expected) as caught:
        write(index)
    assert type(caught.value) is expected


def test_too_many_requests_says_when_to_come_back() -> None:
    refusal = answering(429, {"status": {"error": "slow down"}}, Retry_After="7")
    with refusal as index, pytest.raises(IndexUnavailable) as caught:
        write(index)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("status", ["acknowledged", "wait_timeout"])
def test_a_write_that_is_not_completed_is_not_taken_for_done(status: str) -> None:
    body = {"result": {"operation_id": 1, "status": status}, "status": "ok", "time": 0.0}
    with answering(200, body) as index, pytest.raises(IndexUnavailable):
        write(index)


def test_a_completed_write_is_done() -> None:
    body = {"result": {"operation_id": 1, "status": "completed"}, "status": "ok", "time": 0.0}
    with answering(200, body) as index:
        write(index)


def test_an_answer_that_is_not_qdrants_is_unavailable() -> None:
    with answering(200, {"hello": "world"}) as index, pytest.raises(IndexUnavailable):
        index.ping()
