"""The duration and the memory of a training on this machine."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.quality import material
from benchmarks.quality.tech import tune
from benchmarks.quality.units import Units
from shared.jobs.kinds import Recipe


def run(options: argparse.Namespace, units: Units) -> dict[str, Any]:
    """All 260 tech expenses, 5 epochs."""
    data = material.tech_expenses(options.shared / "tech_expenses")

    def train() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            result = tune(data, data.rows, Path(folder) / "model", Recipe())
        wanted = ("seconds", "rows_per_second", "peak_memory_mb", "steps", "device", "precision")
        return {name: getattr(result, name) for name in wanted}

    figures = units.once("speed", train)
    print(f"\n{len(data.rows)} rows x {Recipe().epochs} epochs: {figures}")
    return figures
