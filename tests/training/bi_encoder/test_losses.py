"""Every loss, with everything that a recipe may add to it: trainings of a model of one narrow layer."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.engines.encoder import SentenceTransformerEncoder
from shared.jobs.kinds import Recipe
from shared.training.bi_encoder.spec import FinetuneRequest, FinetuneResult
from shared.training.bi_encoder.trainer import finetune
from shared.training.rows import TrainRow, Untrainable
from shared.transactions.fields import TransactionFields
from shared.transactions.formats import TextFormat

pytestmark = pytest.mark.slow

TEXTS = {"a": "Account 17", "b": "Account 23", "c": "Account 31", "d": "Account 48"}
WORDS = {
    "a": ["Delta flight", "United airfare", "Lufthansa ticket", "Ryanair"],
    "b": ["Marriott hotel", "Hilton room", "Airbnb stay", "Hyatt"],
    "c": ["AWS compute", "Azure hosting", "Google Cloud", "Linode"],
    "d": ["Lawyer fees", "Notary", "Legal counsel", "Court fee"],
}
FIELDS = [
    (TransactionFields(word, department="Sales"), name) for name, words in WORDS.items() for word in words
]
ROWS = tuple(TrainRow(TextFormat().of_transaction(fields), name, fields) for fields, name in FIELDS)


def _tune(small: Path, output: Path, **options: Any) -> FinetuneResult:
    recipe = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-3, **options.pop("recipe", {})}
    request = FinetuneRequest(
        base_model=small,
        output_dir=output / "model",
        category_texts=TEXTS,
        train_rows=ROWS,
        recipe=Recipe(**recipe),
        device="cpu",
        precision="float32",
    )
    return finetune(replace(request, **options), lambda _: None)


@pytest.fixture(scope="module")
def plain(small: Path, tmp_path_factory: pytest.TempPathFactory) -> FinetuneResult:
    """What the others are compared with."""
    return _tune(small, tmp_path_factory.mktemp("plain"))


LOSSES: dict[str, dict[str, Any]] = {
    "mnrl": {},
    "cached": {"loss": "cached_mnrl", "mini_batch_size": 2},
    "symmetric": {"loss": "symmetric_mnrl"},
    "semi-hard": {"loss": "batch_semi_hard_triplet", "batch_size": 8},
    "hard": {"loss": "batch_hard_triplet", "batch_size": 8},
    "soft": {"loss": "batch_hard_soft_margin_triplet", "batch_size": 8},
    "all": {"loss": "batch_all_triplet", "batch_size": 8},
    "triplet": {"loss": "triplet"},
    "random": {"negatives": "random", "negatives_per_pair": 2},
    "hardest": {"negatives": "hard", "loss": "symmetric_mnrl"},
    "cached-hardest": {"negatives": "hard", "loss": "cached_mnrl", "mini_batch_size": 2},
    "dropout": {"field_dropout": 0.5, "loss": "batch_all_triplet", "batch_size": 8, "epochs": 2},
    "nested": {"matryoshka_dimensions": (32, 16, 4)},
    "nested-triplets": {"matryoshka_dimensions": (16, 4), "loss": "batch_hard_triplet", "batch_size": 8},
    "nested-cached": {"matryoshka_dimensions": (16,), "loss": "cached_mnrl", "negatives": "random"},
}


@pytest.mark.parametrize("recipe", LOSSES.values(), ids=LOSSES)
def test_every_loss_moves_the_weights(small: Path, tmp_path: Path, recipe: dict[str, Any]) -> None:
    result = _tune(small, tmp_path, recipe=recipe)
    assert result.steps > 0
    assert all(math.isfinite(loss) and loss >= 0 for loss in result.losses)
    texts = [row.text for row in ROWS]
    before = SentenceTransformerEncoder(small, device="cpu").encode(texts)
    after = SentenceTransformerEncoder(result.model_dir, device="cpu").encode(texts)
    assert np.abs(before - after).max() > 1e-3
    assert result.rows >= len(ROWS) // 2
    assert result.rows_per_second > 0
    assert result.peak_memory_of == "process"
    assert 50 < result.peak_memory_mb < 100_000
    assert result.dimensions == tuple(sorted({32, *recipe.get("matryoshka_dimensions", ())}, reverse=True))


def test_a_cached_loss_is_the_same_in_smaller_parts(
    small: Path, plain: FinetuneResult, tmp_path: Path
) -> None:
    parts = _tune(small, tmp_path, recipe=LOSSES["cached"])
    assert parts.losses[0] == pytest.approx(plain.losses[0], rel=0.2)  # but for dropout


def test_activations_computed_twice_change_nothing(
    small: Path, plain: FinetuneResult, tmp_path: Path
) -> None:
    twice = _tune(small, tmp_path, has_gradient_checkpointing=True)
    assert twice.losses == pytest.approx(plain.losses, rel=1e-4)


def test_a_lower_precision_trains(small: Path, tmp_path: Path) -> None:
    result = _tune(small, tmp_path, precision="bfloat16")
    assert result.precision == "bfloat16"
    assert all(math.isfinite(loss) for loss in result.losses)
    assert SentenceTransformerEncoder(result.model_dir, device="cpu").encode(["Hyatt"]).shape == (1, 32)


@pytest.mark.parametrize(
    "options",
    [{"precision": "float16"}, {"recipe": {"matryoshka_dimensions": (64,)}}],
    ids=["precision", "dimension"],
)
def test_what_the_machine_or_the_model_does_not_have_is_said(
    small: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(Untrainable):
        _tune(small, tmp_path, **options)


def test_each_dimension_has_its_share_of_the_loss(small: Path, plain: FinetuneResult, tmp_path: Path) -> None:
    nested = _tune(small, tmp_path, recipe={"matryoshka_dimensions": (16, 4)})
    assert nested.losses[0] > 2 * plain.losses[0]  # three of them, with the whole one that nobody named
