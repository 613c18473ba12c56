"""Several trainings whose weights are averaged: one model, as fast as any, that owes less to luck."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.engines.devices import Device
from shared.engines.encoder import load_model
from shared.training.bi_encoder.pairs import triplets
from shared.training.bi_encoder.spec import FinetuneRequest, FinetuneResult, TrainProgress
from shared.training.bi_encoder.trainer import finetune, is_first_process, triplet_accuracy
from shared.training.early_stopping import EpochMetrics, Watch

SEEDS_APART = 100


def finetune_averaged(
    request: FinetuneRequest, on_progress: Callable[[TrainProgress], None]
) -> FinetuneResult:
    """Train as often as the recipe's `averaged_runs` says, by a seed each, and save the mean of the weights.

    All runs start from one model, so their weights lie close enough together for the mean to be a model, too
    (model soups: Wortsman et al., 2022, arXiv:2203.05482). The mean is then moved by `base_share` towards the
    base model, which knows more of what was not trained on (Wortsman et al., 2022, arXiv:2109.01903). One run
    without either is a plain `finetune`. Otherwise the result's `epochs` are the base model's and the mean's;
    steps, rows, losses and seconds those of all runs.

    Raises:
        Untrainable: see `finetune`.
    """
    runs = request.recipe.averaged_runs
    share = request.recipe.base_share
    if runs == 1 and not share:
        return finetune(request, on_progress)
    parts = request.output_dir / "runs"
    results: list[FinetuneResult] = []
    for number in range(runs):
        recipe = request.recipe.model_copy(update={"seed": request.recipe.seed + SEEDS_APART * number})
        one = replace(request, recipe=recipe, output_dir=parts / str(number))
        results.append(finetune(one, _counted_on(on_progress, number, runs, recipe.epochs)))
    if is_first_process():
        mean = {one.model_dir: (1 - share) / runs for one in results}
        average({**mean, request.base_model: share}, request.output_dir, request.device)
        shutil.rmtree(parts)
        return _measured(request, results)
    return replace(results[0], model_dir=request.output_dir)


def average(weights: Mapping[Path, float], output_dir: Path, device: Device = "auto") -> None:
    """Save the mean of the models in the folders, which are of one shape, by weights whose sum is 1."""
    folders = [folder for folder, weight in weights.items() if weight]
    mean: dict[str, Any] = {}
    for folder in folders:  # one at a time: they may be large
        for name, tensor in load_model(folder, device=device).state_dict().items():
            mean[name] = mean.get(name, 0) + weights[folder] * tensor
    model = load_model(folders[0], device=device)
    model.load_state_dict(mean)
    model.save_pretrained(str(output_dir), create_model_card=False, safe_serialization=True)


def _counted_on(
    on_progress: Callable[[TrainProgress], None], number: int, runs: int, epochs: int
) -> Callable[[TrainProgress], None]:
    """Progress of one run, told as that of all."""

    def tell(step: TrainProgress) -> None:
        on_progress(
            TrainProgress(
                number * epochs + step.epoch,
                number * step.total_steps + step.step,
                runs * step.total_steps,
                step.loss,
            )
        )

    return tell


def _measured(request: FinetuneRequest, results: Sequence[FinetuneResult]) -> FinetuneResult:
    model = load_model(request.output_dir, device=request.device)
    watch = Watch(model, request.test_rows, request.category_texts)
    watch.measure(request.recipe.epochs)
    examples = triplets(request.test_rows, request.category_texts, seed=request.recipe.seed)
    epochs: tuple[EpochMetrics, ...] = (results[0].epochs[0], *watch.epochs)
    rows = sum(one.rows for one in results)
    return replace(
        results[0],
        model_dir=request.output_dir,
        epochs=epochs,
        best_epoch=request.recipe.epochs,
        triplet_accuracy_after=triplet_accuracy(model, examples),
        steps=sum(one.steps for one in results),
        seconds=sum(one.seconds for one in results),
        rows=rows,
        rows_per_second=rows / sum(one.rows / one.rows_per_second for one in results),
        peak_memory_mb=max(one.peak_memory_mb for one in results),
        losses=tuple(loss for one in results for loss in one.losses),
    )
