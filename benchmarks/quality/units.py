"""Work in units whose results are stored, so that a run that was stopped can be resumed."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Units:
    """A folder with a JSON file for each finished unit of work, and other files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def once(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The unit's result, from this run or an earlier one, with its `unit_seconds`."""
        file = self.folder / f"{name}.json"
        if file.exists():
            result: dict[str, Any] = json.loads(file.read_text("utf-8"))
            return result
        started = time.monotonic()
        result = work()
        result["unit_seconds"] = round(time.monotonic() - started, 1)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(result), "utf-8")
        partial.rename(file)
        print(f"  {name}: {result['unit_seconds']:.0f} s", flush=True)
        return result
