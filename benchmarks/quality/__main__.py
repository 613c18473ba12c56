"""Measures the quality of the suggestions: `python -m benchmarks.quality [part …]`.

Parts: tech, cards, held-out, matryoshka, generalisation, speed; the default is all. Prints tables and writes
`quality.json` into `--state`. Each finished unit is stored there, so a run that was stopped can be resumed.
"""

import argparse
import importlib
import json
from pathlib import Path

from benchmarks.quality.units import Units

PARTS = {
    "tech": "tech",
    "cards": "cards",
    "held-out": "cards",
    "matryoshka": "shorter",
    "generalisation": "generalisation",
    "speed": "speed",
}


def main() -> None:
    """Parse the command line and run the parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", help=f"of {', '.join(PARTS)}")
    parser.add_argument(
        "--shared", type=Path, default=Path("../shared/data"), help="the folder with the data"
    )
    parser.add_argument(
        "--state", type=Path, default=Path(".outlay/quality"), help="finished units are stored here"
    )
    parser.add_argument("--seeds", type=int, default=3, help="for the tech expenses")
    parser.add_argument(
        "--reranked-seeds", type=int, default=1, help="how many of the seeds run with a reranker"
    )
    parser.add_argument("--epochs", type=int, default=1, help="for the purchase cards")
    options = parser.parse_args()
    units = Units(options.state)
    kept = options.state / "quality.json"
    results = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    for name in options.what or PARTS:
        if name not in PARTS:
            parser.error(f"{name}: not one of {', '.join(PARTS)}")
        options.part = name
        results[name] = importlib.import_module(f"benchmarks.quality.{PARTS[name]}").run(options, units)
        kept.write_text(json.dumps(results, indent=1), "utf-8")


if __name__ == "__main__":
    main()
