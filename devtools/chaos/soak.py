"""Mixed load for a while: does memory grow?"""

import tempfile
import time
from pathlib import Path

import numpy as np

from devtools.chaos.dependencies import loaded
from devtools.chaos.load import outcomes, unsound
from devtools.chaos.scenario import Options, ScenarioResult
from devtools.chaos.stack import Stack

WATCHED = ("api", "worker", "relay", "edge")
SAMPLE_S = 1.0
# MiB a minute over the second half; a leak of an answer's size (2 KiB) at 50 requests a second would be 6.
LIMIT = 5.0


def soak(options: Options) -> ScenarioResult:
    """Sample each process's memory; the slope is a least-squares line through the second half."""
    with (
        tempfile.TemporaryDirectory(prefix="outlay-chaos-") as name,
        Stack(Path(name), threads=2, settings={"rate_limit": "", "max_queued_jobs": "100000"}) as stack,
    ):
        samples: dict[str, list[tuple[float, float]]] = {name: [] for name in WATCHED}
        with loaded(stack) as (load, accepted):
            began = time.monotonic()
            while (now := time.monotonic() - began) < options.soak_s:
                for process, seen in samples.items():
                    seen.append((now, stack.rss_mib(process)))
                time.sleep(SAMPLE_S)
        figures: dict[str, object] = {
            process: {"MiB first, last": (round(seen[0][1]), round(seen[-1][1])), "MiB a minute": slope(seen)}
            for process, seen in samples.items()
        }
        figures |= {"answers": outcomes(load.seen), "jobs": len(accepted), "never": unsound(load.seen)}
    held = sum(slope(seen) <= LIMIT for seen in samples.values())
    promise = f"mixed load: no process grows by more than {LIMIT:.0f} MiB a minute in the second half"
    return ScenarioResult(promise, len(WATCHED), held, round(options.soak_s, 1), figures)


def slope(samples: list[tuple[float, float]]) -> float:
    """MiB a minute over the second half."""
    half = samples[len(samples) // 2 :]
    seconds, mib = np.array(half).T
    return round(float(np.polyfit(seconds / 60, mib, 1)[0]), 2)
