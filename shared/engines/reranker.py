"""Rerankers: how well each of a few texts answers a query, read together: slower than a bi-encoder, finer."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.engines.devices import Device, Precision, choose_device, choose_precision
from shared.engines.encoder import check_safe
from shared.kit import metrics
from shared.kit.errors import AppError, Conflict, Invalid, Unavailable
from shared.kit.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Scores = NDArray[np.float32]


class RerankerUnavailable(Unavailable):
    code = "reranker-unavailable"
    message = "The hosted reranker does not answer in time, or asks to be left alone. Try again later."


class RerankerRefused(AppError):
    code = "reranker-refused"
    message = (
        "The hosted reranker refuses the request, or answers with something else than Cohere's API. Check "
        "OUTLAY_RERANK_BASE_URL, _API_KEY and _MODEL."
    )


class RerankerNotConfigured(Conflict):
    code = "reranker-not-configured"
    message = (
        "No hosted reranker is set. Set OUTLAY_RERANK_BASE_URL and OUTLAY_RERANK_MODEL (and "
        "OUTLAY_RERANK_API_KEY where the endpoint wants one)."
    )


class NoReranker(Invalid):
    code = "no-reranker"
    message = "This is no reranker. A cross-encoder is needed, whose answer for two texts is one number."


def hosted_model(settings: Settings) -> str:
    """The hosted reranker that the settings name.

    Raises:
        RerankerNotConfigured: they name none, or no endpoint.
    """
    if not settings.rerank_base_url or not settings.rerank_model:
        raise RerankerNotConfigured
    return settings.rerank_model


@dataclass(frozen=True)
class RerankQuery:
    """A text, and the texts to put in order for it."""

    text: str
    documents: Sequence[str]


class Reranker(Protocol):
    """Scores texts for queries; safe to share by threads."""

    def score(self, queries: Sequence[RerankQuery]) -> list[Scores]:
        """For each query one number for each of its documents, higher is better: shape (documents,).

        They are log-odds, so that the softmax over a query's documents means something.

        Raises:
            RerankerUnavailable: a hosted one that is away or too slow.
            RerankerRefused: a hosted one that does not want the request.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class CrossEncoderReranker:
    """Any sentence-transformers cross-encoder with one label, loaded at the first use."""

    def __init__(
        self, path: Path, *, device: Device = "auto", batch_size: int = 64, precision: Precision = "auto"
    ) -> None:
        self.path = path
        self._device = device
        self._batch_size = batch_size
        self._precision = precision
        self._lock = threading.Lock()
        self._model: CrossEncoder | None = None

    def score(self, queries: Sequence[RerankQuery]) -> list[Scores]:
        """For each query one number for each of its documents, shape (documents,); equal pairs once."""
        with metrics.reranking():
            return self._score(queries)

    def _score(self, queries: Sequence[RerankQuery]) -> list[Scores]:
        pairs = [(query.text, document) for query in queries for document in query.documents]
        positions: dict[tuple[str, str], int] = {}
        inverse = [positions.setdefault(pair, len(positions)) for pair in pairs]
        scores = self._on_device(list(positions))[inverse]
        ends = np.cumsum([len(query.documents) for query in queries])
        return [np.asarray(part, dtype=np.float32) for part in np.split(scores, ends[:-1])] if queries else []

    def close(self) -> None:
        """Nothing is held but memory."""

    def _on_device(self, pairs: list[tuple[str, str]]) -> Scores:
        if not pairs:
            return np.empty(0, dtype=np.float32)
        from torch import nn

        with self._lock:  # for the reasons that an encoder has one
            if self._model is None:
                self._model = load_cross_encoder(self.path, device=self._device, precision=self._precision)
            scores = self._model.predict(
                pairs, batch_size=self._batch_size, show_progress_bar=False, activation_fn=nn.Identity()
            )
        return np.asarray(scores, dtype=np.float32).reshape(len(pairs))


def load_cross_encoder(path: Path, *, device: Device = "auto", precision: Precision = "float32") -> Any:
    """The folder as a `CrossEncoder`, after `check_safe`; fetches nothing, runs none of its code.

    Raises:
        UnsafeModel, UnknownModel: see `check_safe`.
        NoReranker: it does not give one number for two texts.
    """
    check_safe(path)
    if not is_cross_encoder(path):
        raise NoReranker
    import torch
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers has no hint there
    chosen = choose_device(device)
    model = CrossEncoder(
        str(path),
        device=chosen,
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"dtype": getattr(torch, choose_precision(precision, chosen)), "use_safetensors": True},
    )
    if model.num_labels != 1:
        raise NoReranker
    return model


def is_cross_encoder(path: Path) -> bool:
    """Whether the folder holds a cross-encoder, not an encoder that the library would give a new head."""
    ours, plain = path / "config_sentence_transformers.json", path / "config.json"
    if (path / "modules.json").is_file():
        known = json.loads(ours.read_text(encoding="utf-8")) if ours.is_file() else {}
        return bool(known.get("model_type") == "CrossEncoder")
    names = json.loads(plain.read_text(encoding="utf-8")).get("architectures") if plain.is_file() else None
    return any(str(name).endswith("ForSequenceClassification") for name in names or ())
