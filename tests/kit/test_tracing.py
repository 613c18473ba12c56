"""One trace from the request through the statements to the job, at a collector that really listens."""

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from devtools.processes import processes_over
from devtools.waiting import eventually
from shared.kit.settings import Settings
from tests.api.canaries import Caller, Canaries, Route

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CREATE = Route("POST", "/v1/transactions")


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.raw: list[bytes] = []
        self.paths: set[str] = set()
        self.spans: list[tuple[str, Any]] = []  # service, span

    def take(self, path: str, body: bytes) -> None:
        """One export."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        self.paths.add(path)
        self.raw.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            [service] = [
                a.value.string_value for a in resource.resource.attributes if a.key == "service.name"
            ]
            self.spans += [(service, span) for scope in resource.scope_spans for span in scope.spans]

    def named(self, name: str) -> list[Any]:
        """The spans of this name."""
        return [span for _, span in self.spans if span.name == name]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:  # the name http.server looks for
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.take(self.path, body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


def test_a_request_its_statements_and_its_job_are_one_trace(
    collector: Collector, settings: Settings, tmp_path: Path
) -> None:
    canaries = Canaries()
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    with processes_over(
        settings, tmp_path, OUTLAY_OTLP_ENDPOINT=endpoint, OTEL_BSP_SCHEDULE_DELAY="200"
    ) as running:
        url, _ = running.start_api(OUTLAY_ROOT_KEY=canaries.new("root_key"))
        running.start_relay()
        running.start_worker()
        with closing(Caller(url, canaries, canaries.new("root_key"))) as caller:
            caller.send(Route("POST", "/v1/categories"), json={"name": canaries.new("category")})
            eventually(lambda: collector.named("job sync_index"), every_s=0.1)
            body = {"merchant_name": canaries.new("merchant"), "memo": canaries.new("memo")}
            headers = {
                "traceparent": f"00-{'a1' * 16}-{'b2' * 8}-01",
                "tracestate": f"x={canaries.new('state')}",
            }
            assert caller.send(CREATE, json=body, headers=headers).status_code == 201
            assert caller.send(CREATE, json=[canaries.new("wrong")]).status_code == 422
            caller.send(Route("GET", "/v1/jobs"), params={canaries.new("parameter"): canaries.new("query")})
            caller.send(Route("GET", f"/{canaries.new('path')}"))
            caller.upload(f"merchant,note\n{canaries.new('file')},x\n")
            eventually(lambda: collector.named("job import"), every_s=0.1)
        running.stop()

    check_trace(collector)
    assert collector.paths == {"/v1/traces"}
    sent = b"".join(collector.raw)
    assert {name for name, canary in canaries.values.items() if canary.encode() in sent} == set()


def check_trace(collector: Collector) -> None:
    [job] = collector.named("job sync_index")
    assert attributes(job)["outlay.status"] == "succeeded"
    [request] = collector.named("POST /v1/categories")
    assert job.trace_id == request.trace_id
    trace = [(service, span) for service, span in collector.spans if span.trace_id == job.trace_id]
    # The submitting statement's span has ended by then, so the job hangs on the request itself.
    assert job.parent_span_id == request.span_id
    assert {service for service, _ in trace} == {"outlay-api", "outlay-worker"}
    statements = [(service, attributes(span).get("db.statement", "")) for service, span in trace]
    assert any(service == "outlay-api" and "INSERT INTO categories" in text for service, text in statements)
    assert any(service == "outlay-worker" and "UPDATE jobs" in text for service, text in statements)
    # A caller's own trace goes on here, and nothing is recorded of what belongs to no trace.
    assert "a1" * 16 in {span.trace_id.hex() for _, span in collector.spans}
    assert not [
        span for _, span in collector.spans if span.kind == span.SPAN_KIND_CLIENT and not span.parent_span_id
    ]
    assert not [span for _, span in collector.spans if "readyz" in span.name]


@pytest.mark.parametrize(
    "program",
    [
        "from api.main import create_app; create_app()",
        "from celery.__main__ import main; sys.argv = ['celery', '-A', 'worker.app', 'worker']; main()",
    ],
    ids=["api", "worker"],
)
def test_without_the_extra_a_process_says_what_to_install(program: str) -> None:
    """`None` in `sys.modules` is how Python says that there is no such package."""
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules['opentelemetry.sdk'] = None; {program}"],
        cwd=ROOT,
        env={"OUTLAY_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert "make install EXTRAS=tracing" in ended.stderr
