"""Which epoch's weights are kept."""

import numpy as np
import pytest

from shared.training.bi_encoder.trainer import BiEncoderCheckpointSelector
from shared.training.checkpoints import is_worse
from shared.training.rows import TrainRow

pytestmark = pytest.mark.slow  # torch alone takes seconds to load


class Scripted:
    """A model of one weight that finds the right category for the first `weight` of ten rows."""

    def __init__(self) -> None:
        self.weight = 0

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        if texts == ["right", "wrong"]:
            return np.eye(2)
        return np.array([[1, 0] if int(text) < self.weight else [0, 1] for text in texts], dtype=float)

    def state_dict(self) -> dict[str, object]:
        import torch

        return {"weight": torch.tensor(self.weight)}

    def load_state_dict(self, state: dict[str, object]) -> None:
        self.weight = int(state["weight"])  # type: ignore[call-overload]


def _kept(*weights: int, rows: int = 10) -> tuple[BiEncoderCheckpointSelector, Scripted]:
    model = Scripted()
    test = [TrainRow(str(number), "a") for number in range(rows)]
    selector = BiEncoderCheckpointSelector(model, test, {"a": "right", "b": "wrong"})
    for epoch, weight in enumerate(weights):
        model.weight = weight
        selector.measure(epoch)
    selector.restore_kept()
    return selector, model


def test_figures_of_each_epoch() -> None:
    selector, _ = _kept(0, 4, 10)
    assert [epoch.recall_at_1 for epoch in selector.epochs] == [0, 0.4, 1]
    assert [epoch.mrr for epoch in selector.epochs] == [0.5, 0.7, 1]


def test_a_clear_fall_goes_back_to_the_best_epoch() -> None:
    selector, model = _kept(0, 9, 3, 4)
    assert selector.kept_epoch == 1
    assert model.weight == 9


def test_a_fall_that_may_be_luck_is_no_fall() -> None:
    selector, model = _kept(0, 9, 8)
    assert selector.kept_epoch == 2
    assert model.weight == 8


def test_a_slow_fall_is_measured_against_the_best() -> None:
    assert _kept(0, 9, 8, 7, 6, 5)[0].kept_epoch == 3


def test_the_base_model_is_never_kept() -> None:
    assert _kept(10, 2, 3)[0].kept_epoch == 2


def test_without_test_rows_the_last_epoch_is_kept() -> None:
    selector, model = _kept(0, 3, 2, rows=0)
    assert (selector.kept_epoch, model.weight) == (2, 2)


def test_more_rows_make_the_same_fall_a_clear_one() -> None:
    best, later = np.array([1.0, 1, 1, 1, 0.5]), np.array([1.0, 1, 1, 0.5, 0.5])
    assert not is_worse(later, best)
    assert is_worse(np.tile(later, 20), np.tile(best, 20))
