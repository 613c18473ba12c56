"""What a batch sampler hands out was planned."""

from shared.training.batch_sampler import in_order, planned


def test_epochs_stand_one_after_the_other_and_the_last_batch_may_be_small() -> None:
    assert in_order(5, 2, 2) == [[[0, 1], [2, 3], [4]], [[5, 6], [7, 8], [9]]]
    assert in_order(2, 1, 9) == [[[0, 1]]]


def test_a_sampler_hands_out_its_epochs_batches_and_counts_their_rows() -> None:
    handed: list[int] = []
    sampler = planned(in_order(5, 2, 2), handed.append)(range(10), batch_size=2, drop_last=False)
    assert len(sampler) == 3
    assert list(sampler) == [[0, 1], [2, 3], [4]]
    sampler.set_epoch(1)
    assert list(sampler) == [[5, 6], [7, 8], [9]]
    assert handed == [2, 2, 1] * 2
