"""What a worker or the relay shows to Prometheus, where OUTLAY_METRICS_PORT says so."""

from prometheus_client import ProcessCollector, start_http_server

from shared.kit.logging import get_logger
from shared.kit.metrics import REGISTRY
from shared.kit.settings import Settings

logger = get_logger(__name__)


def serve(settings: Settings) -> None:
    """Answer `GET /metrics` in a thread of its own, as long as the process lives; without a port do nothing.

    A port that is taken is said in the log and ends nothing: work goes on without figures.
    """
    if settings.metrics_port is None:
        return
    ProcessCollector(registry=REGISTRY)
    try:
        server, _ = start_http_server(settings.metrics_port, addr=settings.metrics_host, registry=REGISTRY)
    except OSError as error:
        logger.error("metrics not served", port=settings.metrics_port, reason=error.strerror)
        return
    logger.info("metrics served", host=settings.metrics_host, port=server.server_port)
