"""Whether what was imported works as what it was said to be, found out by using it once."""

from pathlib import Path
from typing import Literal

import numpy as np

from shared.engines.encoder import SentenceTransformerEncoder
from shared.engines.reranker import CrossEncoderReranker, RerankQuery, is_cross_encoder
from shared.kit.errors import AppError
from shared.kit.logging import get_logger

_TEXT = "Airlines, Example Airways"

logger = get_logger(__name__)


class ModelUnusable(AppError):
    """The files are there, but cannot be used as a model of this 'kind'. A bi-encoder is a
    sentence-transformers model, a reranker a cross-encoder with one label; neither may need code of its own.
    """

    code = "model-unusable"


def check_loads(folder: Path, kind: Literal["bi_encoder", "reranker"]) -> None:
    """Load the model on the processor and use it once.

    Raises:
        UnknownModel, UnsafeModel: see `check_safe`.
        ModelUnusable: it does not load, or gives no numbers.
    """
    try:
        is_usable = _try(folder, kind)
    except AppError:
        raise
    except Exception as error:  # whatever a library finds wrong with files that we have never seen
        logger.warning("imported model does not load", error=type(error).__name__)
        raise ModelUnusable from error
    if not is_usable:
        raise ModelUnusable


def _try(folder: Path, kind: Literal["bi_encoder", "reranker"]) -> bool:
    if kind == "reranker":
        [scores] = CrossEncoderReranker(folder, device="cpu").score([RerankQuery(_TEXT, ["Travel", "Rent"])])
        return bool(np.isfinite(scores).all())
    if is_cross_encoder(folder):
        return False
    vectors = SentenceTransformerEncoder(folder, device="cpu").encode([_TEXT])
    return bool(np.isfinite(vectors).all()) and vectors.shape[1] > 1
