"""The rerankers that a process has loaded."""

import threading
from dataclasses import dataclass

from cachetools import LRUCache, cachedmethod

from shared.engines.encoder_cache import Encoders, ModelRef
from shared.engines.reranker import CrossEncoderReranker, Reranker
from shared.kit.settings import Settings


@dataclass(frozen=True)
class RerankerRef:
    """Where a reranker is: a model's weights, or a model of the settings' endpoint."""

    model: ModelRef
    is_hosted: bool = False


class Rerankers:
    """The rerankers of up to `reranker_cache_size` models (a setting); works like `Encoders`."""

    def __init__(self, encoders: Encoders, settings: Settings) -> None:
        self._encoders = encoders
        self._settings = settings
        self._loaded: LRUCache[RerankerRef, Reranker] = LRUCache(settings.reranker_cache_size)
        self._changed = threading.Condition()

    @cachedmethod(lambda self: self._loaded, condition=lambda self: self._changed)
    def get(self, ref: RerankerRef) -> Reranker:
        """The model's reranker.

        Raises:
            UnknownModel, UnsafeModel, CorruptModel, ArtifactMissing, ArtifactCorrupt: it cannot be loaded.
            RerankerNotConfigured: it is hosted, and the settings name no endpoint any more.
        """
        if ref.is_hosted:
            from shared.engines.reranker_hosted import HostedReranker  # its client takes a while to import

            return HostedReranker(self._settings, ref.model.base_model)
        settings = self._settings
        folder = self._encoders.folder(ref.model)
        return CrossEncoderReranker(folder, device=settings.device, batch_size=settings.encode_batch_size)

    def close(self) -> None:
        """Let go of every connection."""
        with self._changed:
            for reranker in self._loaded.values():
                reranker.close()
            self._loaded.clear()
