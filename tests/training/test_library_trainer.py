"""The batches that a planned sampler yields."""

import pytest

from shared.training.library_trainer import consecutive_batches, planned_sampler

pytestmark = pytest.mark.slow  # torch alone takes seconds to load


def test_epochs_stand_one_after_the_other_and_the_last_batch_may_be_small() -> None:
    assert consecutive_batches(5, 2, 2) == [[[0, 1], [2, 3], [4]], [[5, 6], [7, 8], [9]]]
    assert consecutive_batches(2, 1, 9) == [[[0, 1]]]


def test_a_sampler_hands_out_its_epochs_batches_and_counts_their_rows() -> None:
    handed: list[int] = []
    sampler_class = planned_sampler(consecutive_batches(5, 2, 2), handed.append)
    sampler = sampler_class(range(10), batch_size=2, drop_last=False)
    assert len(sampler) == 3
    assert list(sampler) == [[0, 1], [2, 3], [4]]
    sampler.set_epoch(1)
    assert list(sampler) == [[5, 6], [7, 8], [9]]
    assert handed == [2, 2, 1] * 2
