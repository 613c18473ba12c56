"""What every trainer of ours is told, whatever it trains."""

from pathlib import Path
from typing import Any


def common(output_dir: Path, *, device: str, precision: str, seed: int, sampler: Any) -> dict[str, Any]:
    """Arguments of the library's trainers: seeded, silent, and saving nothing by themselves."""
    return {
        "output_dir": str(output_dir),
        "batch_sampler": sampler,
        "bf16": precision == "bfloat16",
        "fp16": precision == "float16",
        "use_cpu": device == "cpu",
        "seed": seed,
        "data_seed": seed,
        "full_determinism": device == "cuda",
        "save_strategy": "no",
        "eval_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": device == "cuda",
    }
