"""Checks that an imported model works as the kind it was declared to be, by using it once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shared.engines.encoder import SentenceTransformerEncoder
from shared.engines.reranker import CrossEncoderReranker, RerankQuery, is_cross_encoder
from shared.kit.errors import AppError
from shared.kit.logging import get_logger

_TEXT = "Airlines, Example Airways"

logger = get_logger(__name__)


class ModelUnusable(AppError):
    code = "model-unusable"
    message = (
        "The files are there, but cannot be used as a model of this 'kind'. A bi-encoder is a sentence-"
        "transformers model, a reranker a cross-encoder with one label; neither may need code of its own."
    )


class DimensionTooLong(AppError):
    code = "dimension-too-long"
    message = (
        "The model's vectors are shorter than one of 'matryoshka_dimensions'. See what its publisher says."
    )


def dimensions_of(
    folder: Path, kind: Literal["bi_encoder", "reranker"], shorter: Sequence[int]
) -> tuple[int, ...]:
    """The lengths that the model's vectors may have, the full length first; empty for a reranker.

    Raises:
        UnknownModel, UnsafeModel, ModelUnusable: see `check_loads`.
        DimensionTooLong: one of `shorter` is longer than the full length.
    """
    full = check_loads(folder, kind)
    if full is None:
        return ()
    if any(dimension > full for dimension in shorter):
        raise DimensionTooLong
    return (full, *(dimension for dimension in shorter if dimension != full))


def check_loads(folder: Path, kind: Literal["bi_encoder", "reranker"]) -> int | None:
    """Load the model on the CPU and use it once; the length of its vectors, None for a reranker.

    Raises:
        UnknownModel, UnsafeModel: see `check_safe`.
        ModelUnusable: it does not load, or its output is not finite numbers.
    """
    try:
        output = _try(folder, kind)
    except AppError:
        raise
    except Exception as error:  # a library may raise anything on files that we have never seen
        logger.warning("imported model does not load", error=type(error).__name__)
        raise ModelUnusable from error
    if not np.isfinite(output).all():
        raise ModelUnusable
    return None if kind == "reranker" else output.size


def _try(folder: Path, kind: Literal["bi_encoder", "reranker"]) -> NDArray[np.float32]:
    """The vector of a text, or the scores of two documents."""
    if kind == "reranker":
        [scores] = CrossEncoderReranker(folder, device="cpu").score([RerankQuery(_TEXT, ["Travel", "Rent"])])
        return np.asarray(scores, dtype=np.float32)
    if is_cross_encoder(folder):
        raise ModelUnusable
    [vector] = SentenceTransformerEncoder(folder, device="cpu").encode([_TEXT])
    if vector.size < 2:
        raise ModelUnusable
    return np.asarray(vector, dtype=np.float32)
