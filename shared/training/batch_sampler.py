"""A batch sampler that hands out what was planned, epoch by epoch."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Plan = Sequence[Sequence[list[int]]]


def in_order(rows: int, epochs: int, batch_size: int) -> Plan:
    """Of epochs that stand one after the other in the dataset, each of so many rows, in their order."""
    return [
        [list(range(start, min(start + batch_size, end))) for start in range(end - rows, end, batch_size)]
        for end in range(rows, rows * epochs + 1, rows)
    ]


def planned(plan: Plan, on_handed: Callable[[int], None] = lambda _: None) -> Any:
    """The class of a sampler, as the trainer takes it: its batches in epoch i are those of `plan[i]`.

    A batch is a list of the rows' numbers; there are as many batches in each epoch. `on_handed` is told how
    many rows each batch has that is handed out.
    """
    from sentence_transformers.base.sampler import DefaultBatchSampler

    class Planned(DefaultBatchSampler):
        def __iter__(self) -> Iterator[list[int]]:
            for batch in plan[self.epoch]:
                on_handed(len(batch))
                yield batch

        def __len__(self) -> int:
            return len(plan[0])

    return Planned
