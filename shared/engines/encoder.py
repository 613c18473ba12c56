"""Bi-encoders: text in, unit vectors out; and where a model's files come from."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.engines import packaged_model
from shared.engines.devices import Device, Precision, choose_device, choose_precision
from shared.engines.hub import FILES, is_commit, is_hub_name
from shared.kit import metrics
from shared.kit.errors import AppError, Invalid
from shared.kit.extras import how_to_install

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")


class UnknownModel(Invalid):
    code = "unknown-model"
    message = (
        "There is no such model. Name the packaged one, a hub id with a full commit hash, or a local folder."
    )


class UnsafeModel(Invalid):
    code = "unsafe-model"
    message = (
        "Only models whose weights are safetensors files, and that bring no code of their own, are loaded."
    )


class CorruptModel(AppError):
    code = "corrupt-model"
    message = "A file of the model differs from what was published. Install the package anew."


@dataclass(frozen=True)
class ModelSource:
    """A model whose files are on this machine and were found safe to load."""

    name: str
    revision: str | None
    path: Path


class Encoder(Protocol):
    """Turns texts into vectors whose inner product is their cosine similarity; safe to share by threads."""

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One L2-normalised row for each text, in the order given: shape (n, d)."""
        ...


def resolve_model(name: str, revision: str | None = None) -> ModelSource:
    """Find a base model: the packaged one by its name, a local folder, or a hub id at a commit.

    A hub id needs `revision`, a full commit hash, so that a name is always the same weights; it comes from
    the hub's cache, where HF_HUB_OFFLINE is set only from there.

    Raises:
        UnknownModel: nothing is found under the name, or a hub id has no full commit hash.
        UnsafeModel: pickled weights or modules that are code of the model's own.
        CorruptModel: the packaged weights do not have the published SHA-256.
    """
    if name == packaged_model.NAME:
        return ModelSource(name, None, _packaged())
    path = Path(name).expanduser()
    if path.is_dir():
        path = path.resolve()
        check_safe(path)
        return ModelSource(name, revision, path)
    if not is_hub_name(name):
        raise UnknownModel
    if revision is None or not is_commit(revision):
        raise UnknownModel("A model from a hub needs its revision: the full hash of a commit, 40 hex digits.")
    path = _download(name, revision)
    check_safe(path)
    return ModelSource(name, revision, path)


def check_safe(path: Path) -> None:
    """Refuse a model folder that could run code when it is loaded.

    Raises:
        UnsafeModel: a folder of weights without safetensors, or a module outside sentence-transformers.
        UnknownModel: no model in the folder.
    """
    if not any((path / name).is_file() for name in ("modules.json", "config.json")):
        raise UnknownModel("The folder holds no model: neither modules.json nor config.json is there.")
    pickled = {file.parent for pattern in _PICKLES for file in path.rglob(pattern)}
    safe = {file.parent for file in path.rglob("*.safetensors")}
    if not safe or pickled - safe:
        raise UnsafeModel
    listed = path / "modules.json"
    if listed.is_file():
        modules = json.loads(listed.read_text(encoding="utf-8"))
        if not all(str(module["type"]).startswith("sentence_transformers.") for module in modules):
            raise UnsafeModel


def _packaged() -> Path:
    folder = packaged_model.folder()
    if folder is None:
        raise UnknownModel(f"The packaged model is not installed. {how_to_install('model')}")
    if packaged_model.digest(folder) != packaged_model.SHA256:
        raise CorruptModel
    return folder


def _download(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UnknownModel("The hub has no such model at this commit, or cannot be reached.") from error


class SentenceTransformerEncoder:
    """Any sentence-transformers model folder, loaded at the first use.

    Under "auto" a CUDA device computes in bfloat16 (float16 where it has none), all else in float32, which
    on a CPU without bfloat16 instructions is 3 to 4 times as fast (and bfloat16 has cosine 0.998 to it).
    """

    def __init__(
        self,
        path: Path,
        *,
        device: Device = "auto",
        batch_size: int = 64,
        precision: Precision = "auto",
        dimension: int | None = None,
    ) -> None:
        self.path = path
        self._device = device
        self._batch_size = batch_size
        self._precision = precision
        self._cut = dimension
        self._lock = threading.Lock()
        self._model: SentenceTransformer | None = None

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        with self._lock:
            dimension: int | None = self._loaded().get_embedding_dimension()
        assert dimension is not None
        return min(dimension, self._cut or dimension)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One L2-normalised row for each text, shape (n, d); equal texts are encoded once."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        with metrics.encoding(len(texts)):
            unique, inverse = _distinct(texts)
            return _unit(self._on_device(unique))[inverse]

    def _on_device(self, texts: list[str]) -> NDArray[np.float32]:
        # The library sorts by length and pads each batch to its longest. One thread at a time: a fast
        # tokenizer may not change its padding while another thread uses it, and the device is one anyway.
        with self._lock:
            vectors = self._loaded().encode(
                texts, batch_size=self._batch_size, show_progress_bar=False, convert_to_tensor=True
            )
        return np.asarray(vectors.float().cpu().numpy()[:, : self._cut], dtype=np.float32)

    def _loaded(self) -> "SentenceTransformer":
        if self._model is None:
            self._model = load_model(self.path, device=self._device, precision=self._precision)
            self._model.eval()
        return self._model


def load_model(path: Path, *, device: Device = "auto", precision: Precision = "float32") -> Any:
    """The folder as a `SentenceTransformer`, after `check_safe`; fetches nothing, runs none of its code."""
    check_safe(path)
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers has no hint there
    chosen = choose_device(device)
    return SentenceTransformer(
        str(path),
        device=chosen,
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"dtype": getattr(torch, choose_precision(precision, chosen)), "use_safetensors": True},
    )


def _distinct(texts: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Each text once, in the order of first appearance, and for each input the position of its text there."""
    positions: dict[str, int] = {}
    inverse = [positions.setdefault(text, len(positions)) for text in texts]
    return list(positions), np.asarray(inverse, dtype=np.intp)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return unit
