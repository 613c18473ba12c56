"""The encoders that a process has loaded."""

import threading
from dataclasses import dataclass
from pathlib import Path

from cachetools import LRUCache, cachedmethod

from shared.engines.artifacts import Artifacts
from shared.engines.devices import Device
from shared.engines.encoder import Encoder, SentenceTransformerEncoder, resolve_model


@dataclass(frozen=True)
class ModelRef:
    """Where a model's weights are: an artifact of ours, or a base model by name and revision.

    `dimension`: how many numbers of each vector are kept, of a model trained for that; None: all.
    """

    base_model: str
    base_model_revision: str | None = None
    artifact: str | None = None
    dimension: int | None = None


class Encoders:
    """The encoders of up to `capacity` models; the least recently used one is dropped first.

    Safe to share by threads. A model's files are checked once, by the first thread that wants it; only
    threads that want the same model wait for the check.
    """

    def __init__(self, artifacts: Artifacts, *, device: Device, batch_size: int, capacity: int = 3) -> None:
        self._artifacts = artifacts
        self._device = device
        self._batch_size = batch_size
        self._loaded: LRUCache[ModelRef, Encoder] = LRUCache(capacity)
        self._changed = threading.Condition()

    @cachedmethod(lambda self: self._loaded, condition=lambda self: self._changed)
    def get(self, ref: ModelRef) -> Encoder:
        """The model's encoder.

        Raises:
            UnknownModel, UnsafeModel, CorruptModel, ArtifactMissing, ArtifactCorrupt: it cannot be loaded.
        """
        return SentenceTransformerEncoder(
            self.folder(ref), device=self._device, batch_size=self._batch_size, dimension=ref.dimension
        )

    def folder(self, ref: ModelRef) -> Path:
        """The folder of the model's files, after their SHA-256 was checked."""
        if ref.artifact is None:
            return resolve_model(ref.base_model, ref.base_model_revision).path
        self._artifacts.verify(ref.artifact)
        return self._artifacts.path(ref.artifact)
