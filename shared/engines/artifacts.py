"""Files that outlive a process: trained models, uploads, reports. Written whole or not at all."""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shared.kit.errors import AppError, Conflict, Invalid, NotFound

MANIFEST = "manifest.json"
CARD = "README.md"
STAGING = "staging"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CHUNK = 1024 * 1024


class BadArtifactName(Invalid):
    code = "bad-artifact-name"
    message = "An artifact is named by letters, digits, '.', '_' and '-', in at most four levels."


class ArtifactMissing(NotFound):
    code = "artifact-missing"
    message = "There is no such artifact."


class ArtifactExists(Conflict):
    code = "artifact-exists"
    message = "An artifact of this name is already there, and an artifact is never changed."


class ArtifactCorrupt(AppError):
    code = "artifact-corrupt"
    message = "The artifact's files are not those of its manifest. Restore it from a backup or make it anew."


class TooLarge(AppError):
    code = "too-large"
    message = "The file is larger than this service accepts."


@dataclass(frozen=True)
class StoredFile:
    """A stored upload: its path under the root, SHA-256 in hex, bytes."""

    name: str
    sha256: str
    size: int


class Artifacts:
    """A folder of artifacts, each named by a path relative to the root such as "models/<id>"."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Where the artifact lies or would lie.

        Raises:
            BadArtifactName: the name could lead out of the root.
        """
        parts = name.split("/")
        if len(parts) > 4 or not all(_NAME.fullmatch(part) for part in parts):
            raise BadArtifactName
        return self.root.joinpath(*parts)

    def save(self, name: str, source: Path) -> str:
        """Copy the folder `source` in under `name` with a manifest; its digest.

        Raises:
            ArtifactExists: the name is taken.
        """

        def fill(folder: Path) -> None:
            shutil.copytree(source, folder, dirs_exist_ok=True, symlinks=False)

        return self.build(name, fill)

    def build(self, name: str, fill: Callable[[Path], None]) -> str:
        """Let `fill` write a new folder; once it is whole and on disk it appears under `name`. Its digest.

        Raises:
            ArtifactExists: the name is taken.
        """
        target = self.path(name)
        if target.exists():
            raise ArtifactExists
        with _sibling(target) as folder:
            folder.mkdir()
            fill(folder)
            (folder / MANIFEST).unlink(missing_ok=True)
            files = _scan(folder)
            (folder / MANIFEST).write_text(json.dumps({"files": files}, indent=1, sort_keys=True), "utf-8")
            _sync_tree(folder)
            try:
                folder.rename(target)
            except OSError as error:  # somebody else was first: a folder that is not empty cannot be replaced
                raise ArtifactExists from error
            _sync(target.parent)
        return _digest(files)

    def verify(self, name: str) -> None:
        """Read every file and compare it with the manifest.

        Raises:
            ArtifactMissing: no artifact of this name.
            ArtifactCorrupt: a file is missing, added or changed.
        """
        folder = self.path(name)
        if _scan(folder) != self._manifest(folder):
            raise ArtifactCorrupt

    def digest(self, name: str) -> str:
        """One SHA-256, in hex, over the names, sizes and sums of the manifest: equal for equal contents.

        A model's card is left out: it tells of the model and is no part of it.
        """
        return _digest(self._manifest(self.path(name)))

    def store(self, name: str, stream: BinaryIO, *, max_bytes: int) -> StoredFile:
        """Write the stream to the file `name`, replacing none.

        Raises:
            TooLarge: more than `max_bytes` came; nothing is kept.
            ArtifactExists: the name is taken.
        """
        target = self.path(name)
        digest, size = hashlib.sha256(), 0
        with _sibling(target) as partial:
            with partial.open("xb") as file:
                while chunk := stream.read(_CHUNK):
                    size += len(chunk)
                    if size > max_bytes:
                        raise TooLarge
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(partial, target)  # unlike rename, fails where the name is taken
            except FileExistsError as error:
                raise ArtifactExists from error
            _sync(target.parent)
        return StoredFile(name, digest.hexdigest(), size)

    @contextmanager
    def staging_folder(self, job_id: uuid.UUID, attempt: int) -> Iterator[Path]:
        """A path for the files of one attempt at a job, which does not exist yet; removed at the end.

        Folders of earlier attempts, whose processes died, are removed first.
        """
        for earlier in range(1, attempt):
            self.delete(f"{STAGING}/{job_id}-{earlier}")
        name = f"{STAGING}/{job_id}-{attempt}"
        try:
            yield self.path(name)
        finally:
            self.delete(name)

    def delete(self, name: str) -> None:
        """Remove the artifact, file or folder; nothing happens when it is not there."""
        target = self.path(name)
        if target.is_dir():
            # Out of sight first, so that nobody reads a half-removed model.
            hidden = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
            target.rename(hidden)
            shutil.rmtree(hidden)
        else:
            target.unlink(missing_ok=True)

    @staticmethod
    def _manifest(folder: Path) -> dict[str, dict[str, object]]:
        try:
            text = (folder / MANIFEST).read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise (ArtifactCorrupt if folder.is_dir() else ArtifactMissing) from error
        try:
            files: dict[str, dict[str, object]] = json.loads(text)["files"]
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactCorrupt from error
        return files


@contextmanager
def _sibling(target: Path) -> Iterator[Path]:
    """A hidden, unused path beside `target`, on the same file system; whatever is left there is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        yield path
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _scan(folder: Path) -> dict[str, dict[str, object]]:
    """Size and SHA-256 of every file but the manifest, by POSIX path relative to the folder."""
    files = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name != MANIFEST:
            with file.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            files[name] = {"sha256": sha256, "size": file.stat().st_size}
    return files


def _digest(files: dict[str, dict[str, object]]) -> str:
    lines = [
        f"{name}\x00{described['size']}\x00{described['sha256']}\n"
        for name, described in sorted(files.items())
        if name != CARD
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sync_tree(folder: Path) -> None:
    """Flush files, then the folders that name them, to the disk (a rename alone promises no contents)."""
    for path in (*folder.rglob("*"), folder):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
