"""Folders of this machine that models may be imported from: those below one that the operator opened."""

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


def named(models_dir: Path | None, source: str) -> Path:
    """Where the folder lies or would lie; asks nothing of the disk.

    Raises:
        FoldersClosed: the operator opened none.
        BadSource: the name could lead somewhere else.
    """
    if models_dir is None:
        raise FoldersClosed
    parts = source.split("/")
    if len(parts) > _LEVELS or not all(_PART.fullmatch(part) for part in parts):
        raise BadSource
    return models_dir.joinpath(*parts)


def copy(source: Path, target: Path, on_progress: Callable[[int, int, str], None]) -> None:
    """Copy what belongs to a model from `source` into the folder `target`; code and pickled weights stay.

    Raises:
        UnknownModel: there is no such folder, or no model in it.
        UnsafeModel: its weights are no safetensors, or a link in it leads out of it.
        ModelTooLarge: more than a hub's model may have.
    """
    if not source.is_dir():
        raise UnknownModel("There is no such folder below OUTLAY_MODELS_DIR.")
    check_safe(source)
    files = [
        path
        for path in sorted(source.rglob("*"))
        if path.is_file() and any(fnmatch(path.name, pattern) for pattern in FILES)
    ]
    inside = source.resolve()
    if not all(path.resolve().is_relative_to(inside) for path in files):
        raise UnsafeModel("A file of the folder is a link that leads out of it. Copy the files themselves.")
    total, done = sum(path.stat().st_size for path in files), 0
    if total > MAX_BYTES:
        raise ModelTooLarge
    for path in files:
        on_progress(done, total, "copying")
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
        done += path.stat().st_size
