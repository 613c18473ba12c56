"""The composition root: settings in, everything a door needs out."""

from typing import TYPE_CHECKING

from shared import tables  # noqa: F401  # a foreign key finds its table only where every table is known
from shared.engines.artifacts import Artifacts
from shared.engines.edge import EdgeIndex
from shared.engines.encoder_cache import Encoders
from shared.engines.queue import Broker
from shared.engines.reranker_cache import Rerankers
from shared.kit import tracing
from shared.kit.db import create_db_engine
from shared.kit.errors import AppError
from shared.kit.settings import Settings
from shared.resources import Resources

if TYPE_CHECKING:
    from shared.engines.qdrant import QdrantIndex


class NotConfigured(AppError):
    code = "not-configured"
    message = "No vector index is set. Set OUTLAY_QDRANT_URL, or run `make up`, which brings its own."


def build(settings: Settings) -> Resources:
    """Wire up the resources; nothing is connected or loaded before it is used.

    Raises:
        NotConfigured: the settings name no vector index.
    """
    artifacts = Artifacts(settings.artifacts_dir.resolve())
    engine = create_db_engine(settings.database_url, pool_size=settings.database_pool_size)
    encoders = Encoders(
        artifacts,
        device=settings.device,
        batch_size=settings.encode_batch_size,
        capacity=settings.encoder_cache_size,
    )
    tracing.watch(engine)
    return Resources(
        settings=settings,
        engine=engine,
        index=_index(settings),
        artifacts=artifacts,
        broker=Broker(settings.redis_url),
        encoders=encoders,
        rerankers=Rerankers(encoders, settings),
    )


def _index(settings: Settings) -> "EdgeIndex | QdrantIndex":
    if settings.qdrant_url is not None:
        from shared.engines.qdrant import QdrantIndex  # its client takes most of a second to import

        key = settings.qdrant_api_key
        return QdrantIndex.connect(settings.qdrant_url, api_key=key.get_secret_value() if key else None)
    if settings.edge_socket is None or settings.edge_authkey is None:
        raise NotConfigured
    return EdgeIndex(settings.edge_socket, settings.edge_authkey.get_secret_value())
