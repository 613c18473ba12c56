"""Averaged trainings of the packaged model, for real."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from shared.engines.encoder import resolve_model
from shared.jobs.kinds import Recipe
from shared.training.bi_encoder.model_soup import SEEDS_APART, finetune_averaged
from shared.training.bi_encoder.spec import FinetuneRequest
from shared.training.bi_encoder.trainer import finetune
from shared.training.library_trainer import TrainProgress
from tests.training.bi_encoder.test_trainer import TEST, TEXTS, TRAIN

pytestmark = pytest.mark.slow


def weights(folder: Path) -> dict[str, Any]:
    return dict(load_file(folder / "model.safetensors"))


def test_the_weights_are_the_mean_of_those_of_the_runs_and_the_base(tmp_path: Path) -> None:
    request = FinetuneRequest(
        base_model=resolve_model("all-MiniLM-L6-v2").path,
        output_dir=tmp_path / "averaged",
        category_texts=TEXTS,
        train_rows=TRAIN,
        test_rows=TEST,
        recipe=Recipe(epochs=1, batch_size=4, learning_rate=2e-4, seed=7, averaged_runs=2, base_share=0.25),
        device="cpu",
    )
    progress: list[TrainProgress] = []
    averaged = finetune_averaged(request, progress.append)
    alone = [
        finetune(
            replace(
                request,
                output_dir=tmp_path / str(seed),
                recipe=request.recipe.model_copy(update={"seed": seed}),
            ),
            lambda _: None,
        )
        for seed in (7, 7 + SEEDS_APART)
    ]
    first, other = (weights(result.model_dir) for result in alone)
    base = weights(request.base_model)
    for name, mean in weights(averaged.model_dir).items():
        expected = 0.375 * (first[name] + other[name]) + 0.25 * base[name]
        assert np.allclose(mean, expected, atol=1e-6), name
    name = max(first, key=lambda key: float(abs(first[key] - other[key]).max()))
    assert abs(first[name] - other[name]).max() > 1e-5, "the runs were one and the same"
    assert [step.step for step in progress] == list(range(1, 9))
    assert {step.total_steps for step in progress} == {8}
    assert progress[-1].epoch == pytest.approx(2)
    assert averaged.steps == 8
    assert averaged.losses == alone[0].losses + alone[1].losses
    assert [epoch.epoch for epoch in averaged.epochs] == [0, 1]
    assert averaged.epochs[0] == alone[0].epochs[0]
    assert averaged.epochs[1].reciprocals != averaged.epochs[0].reciprocals
    assert not (averaged.model_dir / "runs").exists()
