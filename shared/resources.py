"""What a process holds while it lives. `shared.bootstrap` builds it; every job's work is given it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from shared.engines.artifacts import Artifacts
from shared.engines.edge import EdgeIndex
from shared.engines.encoder_cache import Encoders
from shared.engines.queue import Broker
from shared.engines.reranker_cache import Rerankers
from shared.kit.settings import Settings

if TYPE_CHECKING:
    from shared.engines.qdrant import QdrantIndex


@dataclass(frozen=True)
class Resources:
    """Connections and loaded models."""

    settings: Settings
    engine: Engine
    index: "EdgeIndex | QdrantIndex"
    artifacts: Artifacts
    broker: Broker
    encoders: Encoders
    rerankers: Rerankers

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self.index.close()
        self.rerankers.close()
        self.broker.close()
