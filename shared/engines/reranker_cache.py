"""The rerankers a process has loaded: a few, the least recently used one goes first."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from shared.engines.encoder_cache import Encoders, ModelRef
from shared.engines.reranker import CrossEncoderReranker, Reranker, RerankQuery, Scores
from shared.kit import metrics
from shared.kit.settings import Settings


@dataclass(frozen=True)
class RerankerRef:
    """Where a reranker is: a model's weights, or a model of the settings' endpoint."""

    model: ModelRef
    is_hosted: bool = False


class MeasuredReranker:
    """A reranker whose calls are counted."""

    def __init__(self, reranker: Reranker) -> None:
        self._reranker = reranker

    def score(self, queries: Sequence[RerankQuery]) -> list[Scores]:
        """For each query one number for each of its documents, shape (documents,)."""
        with metrics.reranking():
            return self._reranker.score(queries)

    def close(self) -> None:
        """Let go of connections."""
        self._reranker.close()


class Rerankers:
    """Gives the reranker of a model, loading it once. Safe to share by threads."""

    def __init__(self, encoders: Encoders, settings: Settings, *, capacity: int = 2) -> None:
        self._encoders = encoders
        self._settings = settings
        self._capacity = capacity
        self._lock = threading.Lock()
        self._loaded: OrderedDict[RerankerRef, Reranker] = OrderedDict()

    def get(self, ref: RerankerRef) -> Reranker:
        """The model's reranker.

        Raises:
            UnknownModel, UnsafeModel, CorruptModel, ArtifactMissing, ArtifactCorrupt: it cannot be loaded.
            RerankerNotConfigured: it is hosted, and the settings name no endpoint any more.
        """
        with self._lock:
            if ref not in self._loaded:
                self._loaded[ref] = MeasuredReranker(self._make(ref))
            self._loaded.move_to_end(ref)
            while len(self._loaded) > self._capacity:
                self._loaded.popitem(last=False)
            return self._loaded[ref]

    def close(self) -> None:
        """Let go of every connection."""
        with self._lock:
            for reranker in self._loaded.values():
                reranker.close()
            self._loaded.clear()

    def _make(self, ref: RerankerRef) -> Reranker:
        if ref.is_hosted:
            from shared.engines.reranker_hosted import HostedReranker  # its client takes a while to import

            return HostedReranker(self._settings, ref.model.base_model)
        settings = self._settings
        folder = self._encoders.folder(ref.model)
        return CrossEncoderReranker(folder, device=settings.device, batch_size=settings.encode_batch_size)
