"""What both trainers share of the Hugging Face `Trainer`: its arguments, its batches and its callbacks."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The batches of each epoch; a batch is a list of row numbers.
BatchPlan = Sequence[Sequence[list[int]]]


@dataclass(frozen=True)
class TrainProgress:
    """Where a training stands after a step: `epoch` as a fraction, `loss` of that step."""

    epoch: float
    step: int
    total_steps: int
    loss: float


def is_first_process() -> bool:
    """Whether this process saves and reports: the only process, or the first that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def common_arguments(
    output_dir: Path, *, device: str, precision: str, seed: int, sampler: Any
) -> dict[str, Any]:
    """The arguments that every trainer gets: seeded, silent, and saving nothing by itself."""
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


def consecutive_batches(rows: int, epochs: int, batch_size: int) -> BatchPlan:
    """The plan for a dataset in which the epochs, each of `rows` rows, follow one another; rows in order."""
    return [
        [list(range(start, min(start + batch_size, end))) for start in range(end - rows, end, batch_size)]
        for end in range(rows, rows * epochs + 1, rows)
    ]


def planned_sampler(plan: BatchPlan, on_batch: Callable[[int], None] = lambda _: None) -> Any:
    """A batch sampler class whose batches in epoch i are those of `plan[i]`.

    Every epoch must have the same number of batches. `on_batch` is called with the size of each batch.
    """
    from sentence_transformers.base.sampler import DefaultBatchSampler

    class PlannedBatchSampler(DefaultBatchSampler):
        def __iter__(self) -> Iterator[list[int]]:
            for batch in plan[self.epoch]:
                on_batch(len(batch))
                yield batch

        def __len__(self) -> int:
            return len(plan[0])

    return PlannedBatchSampler


def training_callback(on_step: Callable[[TrainProgress], None], on_epoch_end: Callable[[int], None]) -> Any:
    """A `TrainerCallback` that calls `on_step` after each step and `on_epoch_end` with the epoch, from 1."""
    from transformers import TrainerCallback

    class ProgressCallback(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002  # fixed names
            logs = kwargs.get("logs") or {}
            if "loss" in logs:  # the last call of a training brings a summary without a loss
                loss = float(logs["loss"])
                on_step(TrainProgress(float(state.epoch), state.global_step, state.max_steps, loss))

        def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002  # fixed names
            on_epoch_end(round(state.epoch))

    return ProgressCallback()
