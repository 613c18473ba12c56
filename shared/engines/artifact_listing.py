"""What lies in a folder of the artifacts, whole or half-written, for those who clear up."""

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from shared.engines.artifacts import Artifacts

# As `artifacts` names what is being written or removed: hidden, beside its place.
_HIDDEN = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{32}")


@dataclass(frozen=True)
class ArtifactEntry:
    """A file or folder, the artifact's name that it has or was to have, and its age in seconds."""

    path: Path
    name: str
    age_s: float

    @property
    def key(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    @property
    def is_hidden(self) -> bool:
        """Whether it is half-written, or half-removed."""
        return self.path.name.startswith(".")

    def remove(self) -> None:
        """Remove it; nothing happens when somebody else was faster."""
        if self.path.is_dir():
            shutil.rmtree(self.path, ignore_errors=True)  # somebody else may be at it too
            if self.path.exists():
                shutil.rmtree(self.path)  # and say why not
        else:
            self.path.unlink(missing_ok=True)


def listing(artifacts: Artifacts, folder: str) -> list[ArtifactEntry]:
    """What is directly in the folder, hidden remains of a process that died included; [] where it is not."""
    root = artifacts.path(folder)
    entries = []
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        hidden = _HIDDEN.fullmatch(path.name)
        try:
            age_s = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            continue  # removed meanwhile
        entries.append(ArtifactEntry(path, f"{folder}/{hidden['name'] if hidden else path.name}", age_s))
    return entries
