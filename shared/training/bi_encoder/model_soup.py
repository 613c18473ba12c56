"""Model soups: the weights of several trainings averaged to one model, which depends less on chance."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.engines.devices import Device
from shared.engines.encoder import load_model
from shared.training.bi_encoder.pairs import triplets
from shared.training.bi_encoder.spec import FinetuneRequest, FinetuneResult
from shared.training.bi_encoder.trainer import BiEncoderCheckpointSelector, finetune, triplet_accuracy
from shared.training.library_trainer import TrainProgress, is_first_process

SEEDS_APART = 100


def finetune_averaged(
    request: FinetuneRequest, on_progress: Callable[[TrainProgress], None]
) -> FinetuneResult:
    """Train the recipe's `averaged_runs` times, each by a seed of its own, and save the mean of the weights.

    All runs start from the same model, so their weights are close enough for the mean to be a good model
    (model soups: Wortsman et al., 2022, arXiv:2203.05482). The mean is then moved by `base_share` towards the
    base model, which keeps more of what it knew before (Wortsman et al., 2022, arXiv:2109.01903). One run
    without a base share is a plain `finetune`. Otherwise the result's `epochs` are those of the base model
    and of the mean; steps, rows, losses and seconds are those of all runs.

    Raises:
        Untrainable: see `finetune`.
    """
    runs = request.recipe.averaged_runs
    base_share = request.recipe.base_share
    if runs == 1 and not base_share:
        return finetune(request, on_progress)
    runs_dir = request.output_dir / "runs"
    results: list[FinetuneResult] = []
    for number in range(runs):
        recipe = request.recipe.model_copy(update={"seed": request.recipe.seed + SEEDS_APART * number})
        run = replace(request, recipe=recipe, output_dir=runs_dir / str(number))
        results.append(finetune(run, _progress_of_all(on_progress, number, runs, recipe.epochs)))
    if not is_first_process():
        return replace(results[0], model_dir=request.output_dir)
    shares = {result.model_dir: (1 - base_share) / runs for result in results}
    average({**shares, request.base_model: base_share}, request.output_dir, request.device)
    shutil.rmtree(runs_dir)
    return _measure(request, results)


def average(shares: Mapping[Path, float], output_dir: Path, device: Device = "auto") -> None:
    """Save the weighted mean of models of the same architecture, by folder; the shares sum to 1."""
    folders = [folder for folder, share in shares.items() if share]
    mean: dict[str, Any] = {}
    for folder in folders:  # one at a time, since they may be large
        for name, tensor in load_model(folder, device=device).state_dict().items():
            mean[name] = mean.get(name, 0) + shares[folder] * tensor
    model = load_model(folders[0], device=device)
    model.load_state_dict(mean)
    model.save_pretrained(str(output_dir), create_model_card=False, safe_serialization=True)


def _progress_of_all(
    on_progress: Callable[[TrainProgress], None], number: int, runs: int, epochs: int
) -> Callable[[TrainProgress], None]:
    """Turns the progress of one run into that of all runs."""

    def on_step(step: TrainProgress) -> None:
        on_progress(
            TrainProgress(
                epoch=number * epochs + step.epoch,
                step=number * step.total_steps + step.step,
                total_steps=runs * step.total_steps,
                loss=step.loss,
            )
        )

    return on_step


def _measure(request: FinetuneRequest, results: Sequence[FinetuneResult]) -> FinetuneResult:
    """The result of the averaged model, which is in the output folder."""
    model = load_model(request.output_dir, device=request.device)
    selector = BiEncoderCheckpointSelector(model, request.test_rows, request.category_texts)
    selector.measure(request.recipe.epochs)
    examples = triplets(request.test_rows, request.category_texts, seed=request.recipe.seed)
    rows = sum(result.rows for result in results)
    return replace(
        results[0],
        model_dir=request.output_dir,
        epochs=(results[0].epochs[0], *selector.epochs),
        best_epoch=request.recipe.epochs,
        triplet_accuracy_after=triplet_accuracy(model, examples),
        steps=sum(result.steps for result in results),
        seconds=sum(result.seconds for result in results),
        rows=rows,
        rows_per_second=rows / sum(result.rows / result.rows_per_second for result in results),
        peak_memory_mb=max(result.peak_memory_mb for result in results),
        losses=tuple(loss for result in results for loss in result.losses),
    )
