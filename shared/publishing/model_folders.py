"""Local folders that models may be imported from: those below the one that the operator opened."""

import re
import shutil
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from shared.engines.encoder import UnknownModel, UnsafeModel, check_safe
from shared.engines.hub import FILES, MAX_BYTES, ModelTooLarge
from shared.kit.errors import Invalid

_PART = re.compile(r"[A-Za-z0-9_][\w.-]{0,127}", re.ASCII)
_LEVELS = 4


class FoldersClosed(Invalid):
    code = "folders-closed"
    message = (
        "No folder is open for imports, so a model needs the hub's 'owner/name' and a 'revision', the full "
        "hash of a commit. An operator may open a folder with OUTLAY_MODELS_DIR."
    )


class BadSource(Invalid):
    code = "bad-source"
    message = (
        "Without a 'revision', 'source' is the name of a folder below OUTLAY_MODELS_DIR: letters, digits, "
        "'.', '_' and '-', in at most four levels."
    )


def resolve(models_dir: Path | None, source: str) -> Path:
    """The path of the named folder, whether or not it exists.

    Raises:
        FoldersClosed: the operator opened no folder.
        BadSource: the name could lead out of `models_dir`.
    """
    if models_dir is None:
        raise FoldersClosed
    parts = source.split("/")
    if len(parts) > _LEVELS or not all(_PART.fullmatch(part) for part in parts):
        raise BadSource
    return models_dir.joinpath(*parts)


def copy(source: Path, target: Path, on_progress: Callable[[int, int, str], None]) -> None:
    """Copy a model's files from `source` into the folder `target`, without code and pickled weights.

    Raises:
        UnknownModel: there is no such folder, or no model in it.
        UnsafeModel: its weights are not safetensors, or a link leads out of the folder.
        ModelTooLarge: larger than a model from a hub may be.
    """
    if not source.is_dir():
        raise UnknownModel("There is no such folder below OUTLAY_MODELS_DIR.")
    check_safe(source)
    files = [
        path
        for path in sorted(source.rglob("*"))
        if path.is_file() and any(fnmatch(path.name, pattern) for pattern in FILES)
    ]
    root = source.resolve()
    if not all(path.resolve().is_relative_to(root) for path in files):
        raise UnsafeModel("A file of the folder is a link that leads out of it. Copy the files themselves.")
    total, done = sum(path.stat().st_size for path in files), 0
    if total > MAX_BYTES:
        raise ModelTooLarge
    for path in files:
        on_progress(done, total, "copying")
        destination = target / path.relative_to(source)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, destination)
        done += path.stat().st_size
