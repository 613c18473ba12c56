"""Fine-tuning a bi-encoder: labelled transactions in, a folder of safetensors out.

Runs in a process of its own, which may be killed at any time: it prints nothing and writes only to
`output_dir`.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.engines.devices import Device, Precision, training_precision
from shared.engines.encoder import load_model
from shared.jobs.kinds import Loss, Recipe
from shared.training.feeding import labelled, paired
from shared.training.pairs import TrainRow, triplets
from shared.training.watching import EpochMetrics, Watch, callback

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


# Cosine distance by which a triplet's negative shall be further than its positive. The library's default of 5
# is for vectors of any length; unit vectors are never more than 2 apart.
TRIPLET_MARGIN = 0.2


@dataclass(frozen=True)
class FinetuneRequest:
    """What to train, on what, and how; the recipe's defaults chosen with `benchmarks/recipe.py`.

    `category_texts` by category id, in the recipe's text format like the rows' texts; `test_rows` are watched
    after each epoch, never learnt from; `precision` "auto" is what the hardware multiplies fastest without
    harm; with `has_gradient_checkpointing` activations are computed twice instead of kept; `output_dir` is
    made, or must be empty.
    """

    base_model: Path
    output_dir: Path
    category_texts: Mapping[str, str]
    train_rows: tuple[TrainRow, ...]
    test_rows: tuple[TrainRow, ...] = ()
    recipe: Recipe = field(default_factory=Recipe)
    device: Device = "auto"
    precision: Precision = "auto"
    has_gradient_checkpointing: bool = False


@dataclass(frozen=True)
class TrainProgress:
    """Where the training stands after a step: `epoch` in fractions, `loss` of that step."""

    epoch: float
    step: int
    total_steps: int
    loss: float


@dataclass(frozen=True)
class FinetuneResult:
    """What came out. Accuracies are those of `TripletEvaluator` on the test rows, None where there are none.

    `epochs` starts with the base model (epoch 0); `best_epoch` is the one whose weights were kept.
    """

    model_dir: Path
    epochs: tuple[EpochMetrics, ...]
    best_epoch: int
    triplet_accuracy_before: float | None
    triplet_accuracy_after: float | None
    steps: int
    seconds: float
    device: str
    precision: str
    losses: tuple[float, ...] = field(repr=False)


def finetune(request: FinetuneRequest, on_progress: Callable[[TrainProgress], None]) -> FinetuneResult:
    """Train and save the weights of the best epoch, loadable with plain sentence-transformers.

    The best epoch is the last one that no other beats by more than luck in the test rows' reciprocal ranks
    (`watching.is_worse`); without test rows the last of all.
    The same request on the same machine gives the same weights. `on_progress` is called after each step, and
    what it raises ends the training.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from transformers import set_seed

    started = time.monotonic()
    set_seed(request.recipe.seed)
    model = load_model(request.base_model, device=request.device)
    watch = Watch(model, request.test_rows, request.category_texts)
    examples = triplets(request.test_rows, request.category_texts, seed=request.recipe.seed)
    before = _triplet_accuracy(model, examples)
    watch.measure(0)
    losses: list[float] = []

    def progress(step: TrainProgress) -> None:
        losses.append(step.loss)
        on_progress(step)

    is_auto = request.precision == "auto"
    precision = training_precision(model.device.type) if is_auto else request.precision
    _train(model, request, precision, watch, progress)
    watch.restore_kept()
    model.save_pretrained(str(request.output_dir), create_model_card=False, safe_serialization=True)
    return FinetuneResult(
        model_dir=request.output_dir,
        epochs=tuple(watch.epochs),
        best_epoch=watch.kept_epoch,
        triplet_accuracy_before=before,
        triplet_accuracy_after=_triplet_accuracy(model, examples),
        steps=len(losses),
        seconds=time.monotonic() - started,
        device=model.device.type,
        precision=precision,
        losses=tuple(losses),
    )


def _train(
    model: "SentenceTransformer",
    request: FinetuneRequest,
    precision: str,
    watch: Watch,
    on_progress: Callable[[TrainProgress], None],
) -> None:
    from sentence_transformers import SentenceTransformerTrainer
    from transformers.trainer_callback import PrinterCallback

    class Trainer(SentenceTransformerTrainer):
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """None: the library's card quotes training texts, which are an organisation's transactions."""

    data, sampler = _data(request)
    trainer = Trainer(
        model=model,
        args=_arguments(request, precision, model.device.type, sampler),
        train_dataset=data,
        loss=_loss(model, request.recipe.loss),
        callbacks=[callback(watch, lambda *values: on_progress(TrainProgress(*values)))],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _arguments(request: FinetuneRequest, precision: str, device: str, sampler: Any) -> Any:
    from sentence_transformers import SentenceTransformerTrainingArguments

    recipe = request.recipe
    return SentenceTransformerTrainingArguments(
        output_dir=str(request.output_dir),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_ratio,  # below 1 a share of all steps
        batch_sampler=sampler,
        bf16=precision == "bfloat16",
        fp16=precision == "float16",
        use_cpu=device == "cpu",
        seed=recipe.seed,
        data_seed=recipe.seed,
        activation_checkpointing=request.has_gradient_checkpointing,
        full_determinism=device == "cuda",
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="steps",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=device == "cuda",
    )


def _data(request: FinetuneRequest) -> tuple[Any, Any]:
    recipe = request.recipe
    if recipe.loss == "mnrl":
        return paired(
            request.train_rows,
            request.category_texts,
            batch_size=recipe.batch_size,
            transaction_share=recipe.transaction_share,
            seed=recipe.seed,
            epochs=recipe.epochs,
        )
    return labelled(request.train_rows, request.category_texts)


def _loss(model: "SentenceTransformer", name: Loss) -> Any:
    from sentence_transformers.sentence_transformer import losses

    if name == "mnrl":
        return losses.MultipleNegativesRankingLoss(model)
    distance = losses.BatchHardTripletLossDistanceFunction.cosine_distance
    return losses.BatchSemiHardTripletLoss(model, distance_metric=distance, margin=TRIPLET_MARGIN)


def _triplet_accuracy(model: "SentenceTransformer", examples: list[Any]) -> float | None:
    """Share of triplets whose positive is nearer than their negative, by cosine."""
    from sentence_transformers.sentence_transformer.evaluation import TripletEvaluator

    if not examples:
        return None
    evaluator = TripletEvaluator(
        anchors=[one.anchor for one in examples],
        positives=[one.positive for one in examples],
        negatives=[one.negative for one in examples],
        similarity_fn_names=["cosine"],
        write_csv=False,
    )
    accuracy = float(evaluator(model)["cosine_accuracy"])
    assert math.isfinite(accuracy)
    return accuracy
