"""Work in units that are kept as they end, so that a run that was stopped goes on where it was."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Units:
    """A folder with a JSON file for each unit of work that is done, and other files beside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def once(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What the unit found, now or in an earlier run, with its `unit_seconds`."""
        kept = self.folder / f"{name}.json"
        if kept.exists():
            result: dict[str, Any] = json.loads(kept.read_text("utf-8"))
            return result
        started = time.monotonic()
        result = work()
        result["unit_seconds"] = round(time.monotonic() - started, 1)
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(result), "utf-8")
        partial.rename(kept)
        print(f"  {name}: {result['unit_seconds']:.0f} s", flush=True)
        return result
