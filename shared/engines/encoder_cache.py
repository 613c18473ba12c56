"""The encoders a process has loaded: a few, the least recently used one goes first."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.engines.artifacts import Artifacts
from shared.engines.devices import Device
from shared.engines.encoder import Encoder, SentenceTransformerEncoder, resolve_model
from shared.kit import metrics


@dataclass(frozen=True)
class ModelRef:
    """Where a model's weights are: an artifact of ours, or a base model by name and revision.

    `dimension`: how many numbers of each vector are kept, of a model trained for that; None: all.
    """

    base_model: str
    base_model_revision: str | None = None
    artifact: str | None = None
    dimension: int | None = None


class MeasuredEncoder:
    """An encoder whose calls are counted."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One L2-normalised row for each text, shape (n, d)."""
        with metrics.encoding(len(texts)):
            return self._encoder.encode(texts)


class Encoders:
    """Gives the encoder of a model, loading it once. Safe to share by threads."""

    def __init__(self, artifacts: Artifacts, *, device: Device, batch_size: int, capacity: int = 3) -> None:
        self._artifacts = artifacts
        self._device = device
        self._batch_size = batch_size
        self._capacity = capacity
        self._lock = threading.Lock()
        self._loaded: OrderedDict[ModelRef, Encoder] = OrderedDict()

    def get(self, ref: ModelRef) -> Encoder:
        """The model's encoder.

        Raises:
            UnknownModel, UnsafeModel, CorruptModel, ArtifactMissing, ArtifactCorrupt: it cannot be loaded.
        """
        with self._lock:
            if ref not in self._loaded:
                path = self.folder(ref)
                encoder = SentenceTransformerEncoder(
                    path, device=self._device, batch_size=self._batch_size, dimension=ref.dimension
                )
                self._loaded[ref] = MeasuredEncoder(encoder)
            self._loaded.move_to_end(ref)
            while len(self._loaded) > self._capacity:
                self._loaded.popitem(last=False)
            return self._loaded[ref]

    def folder(self, ref: ModelRef) -> Path:
        """The folder of the model's files, found whole."""
        if ref.artifact is None:
            return resolve_model(ref.base_model, ref.base_model_revision).path
        self._artifacts.verify(ref.artifact)
        return self._artifacts.path(ref.artifact)
