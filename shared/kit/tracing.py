"""Traces to an OpenTelemetry collector, where OUTLAY_OTLP_ENDPOINT names one; else nothing here acts.

The instrumentations record whatever they meet: URLs with their queries, user agents, the text of exceptions.
So what leaves is chosen here, by name, at the very end: an attribute that is not listed stays inside.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from shared.kit.errors import AppError
from shared.kit.extras import how_to_install

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORT_TIMEOUT_SECONDS = 5

# Statements have placeholders where the values were.
KEPT = frozenset(
    {
        "http.method",
        "http.request.method",
        "http.route",
        "http.status_code",
        "http.response.status_code",
        "db.system",
        "db.system.name",
        "db.statement",
        "db.query.text",
        "db.operation",
        "db.operation.name",
        "outlay.job_id",
        "outlay.organization_id",
        "outlay.kind",
        "outlay.attempt",
        "outlay.status",
    }
)

_provider: "TracerProvider | None" = None


class TracingNotInstalled(AppError):
    code = "tracing-not-installed"
    message = f"OUTLAY_OTLP_ENDPOINT is set, but OpenTelemetry is not installed. {how_to_install('tracing')}"


def start(endpoint: str | None, *, service: str) -> "TracerProvider | None":
    """Send this process's spans to the collector at `endpoint`, an HTTP address; None: no traces.

    Raises:
        TracingNotInstalled: an endpoint is set without the extra `tracing`.
    """
    global _provider  # a process has one, as it has one log
    if endpoint is None or _provider is not None:
        return _provider
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingNotInstalled from error
    url = f"{endpoint.rstrip('/')}/v1/traces"
    exporter = _reticent(OTLPSpanExporter(endpoint=url, timeout=EXPORT_TIMEOUT_SECONDS))
    _provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"outlay-{service}"}))
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    return _provider


def watch(engine: Engine) -> None:
    """A span for each statement that is part of a trace, as a heartbeat's or a health check's is not."""
    if _provider is None:
        return
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

    # It declares SQLAlchemy before 2.1; the engine's events, which are all that it uses here, are the same.
    SQLAlchemyInstrumentor().instrument(engine=engine, tracer_provider=_provider, skip_dep_check=True)


def traceparent() -> str | None:
    """The present span in W3C's words, for whoever goes on with it later; None: there is none."""
    if _provider is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def job_span(kind: str, parent: str | None, **attributes: Any) -> Iterator[None]:
    """The work inside as a span that goes on with the trace of `parent`, as `traceparent` gave it."""
    if _provider is None:
        yield
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {} if parent is None else {"traceparent": parent}
    with _provider.get_tracer(__name__).start_as_current_span(
        f"job {kind}",
        context=TraceContextTextMapPropagator().extract(carrier, Context()),
        kind=SpanKind.CONSUMER,
    ):
        note(kind=kind, **attributes)
        yield


def note(**attributes: Any) -> None:
    """Add to the present span; the names are listed in `KEPT`."""
    if _provider is None:
        return
    from opentelemetry.trace import get_current_span

    get_current_span().set_attributes({f"outlay.{name}": value for name, value in attributes.items()})


def _reticent(exporter: "SpanExporter") -> "SpanExporter":
    """An exporter that passes on what is listed and nothing else."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import SpanKind

    class Reticent(SpanExporter):
        def export(self, spans: Sequence["ReadableSpan"]) -> SpanExportResult:
            wanted = [span for span in spans if span.parent or span.kind is not SpanKind.CLIENT]
            return exporter.export([_bare(span) for span in wanted])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return Reticent()


def _bare(span: "ReadableSpan") -> "ReadableSpan":
    """The span with its listed attributes; of an error it keeps that there was one, and of which type."""
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import SpanContext, Status

    own = span.get_span_context()
    assert own is not None
    events = [
        Event(
            event.name,
            {"exception.type": (event.attributes or {}).get("exception.type", "")},
            event.timestamp,
        )
        for event in span.events
        if event.name == "exception"
    ]
    return ReadableSpan(
        name=span.name,
        # Without the caller's tracestate, which may say anything.
        context=SpanContext(own.trace_id, own.span_id, own.is_remote, own.trace_flags),
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in KEPT},
        events=events,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
