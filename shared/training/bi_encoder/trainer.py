"""Fine-tuning a bi-encoder: labelled transactions in, a folder of safetensors out.

Runs in a process of its own, which may be killed at any time: it prints nothing and writes only to
`output_dir`.
"""

import math
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.engines.devices import training_precision
from shared.engines.encoder import load_model
from shared.training.bi_encoder.batches import BiEncoderData, feed
from shared.training.bi_encoder.losses import dimensions_of, loss_of
from shared.training.bi_encoder.pairs import triplets
from shared.training.bi_encoder.spec import FinetuneRequest, FinetuneResult, TrainProgress
from shared.training.early_stopping import Watch, callback
from shared.training.rows import Untrainable
from shared.training.trainer_args import common

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["FinetuneRequest", "FinetuneResult", "TrainProgress"]


def finetune(request: FinetuneRequest, on_progress: Callable[[TrainProgress], None]) -> FinetuneResult:
    """Train and save the weights of the best epoch, loadable with plain sentence-transformers.

    The best epoch is the last one that no other beats by more than luck in the test rows' reciprocal ranks
    (`watching.is_worse`); without test rows the last of all.
    The same request on the same machine gives the same weights. `on_progress` is called after each step, and
    what it raises ends the training.

    Among processes that torchrun started, each trains on its share of the batches, and the first one saves.

    Raises:
        Untrainable: fewer than two categories, or one without a text; a dimension that the model does not
            have; a precision that the device does not have.
    """
    from transformers import set_seed

    started = time.monotonic()
    set_seed(request.recipe.seed)
    _choose_gpu()
    return _tune(load_model(request.base_model, device=request.device), request, on_progress, started)


def _tune(
    model: "SentenceTransformer",
    request: FinetuneRequest,
    on_progress: Callable[[TrainProgress], None],
    started: float,
) -> FinetuneResult:
    """Measure, train, keep the best epoch, save and measure again."""
    dimensions = dimensions_of(model, request.recipe)
    precision = _precision(request, model.device.type)
    watch = Watch(model, request.test_rows, request.category_texts)
    examples = triplets(request.test_rows, request.category_texts, seed=request.recipe.seed)
    before = triplet_accuracy(model, examples)
    watch.measure(0)
    learnt = _learn(model, request, precision, watch, on_progress)
    watch.restore_kept()
    if is_first_process():
        model.save_pretrained(str(request.output_dir), create_model_card=False, safe_serialization=True)
    peak, peak_of = _peak_memory(model.device.type)
    return FinetuneResult(
        model_dir=request.output_dir,
        epochs=tuple(watch.epochs),
        best_epoch=watch.kept_epoch,
        triplet_accuracy_before=before,
        triplet_accuracy_after=triplet_accuracy(model, examples),
        steps=len(learnt.losses),
        seconds=time.monotonic() - started,
        rows=learnt.rows,
        rows_per_second=learnt.rows / learnt.seconds,
        peak_memory_mb=peak,
        peak_memory_of=peak_of,
        dimensions=dimensions,
        device=model.device.type,
        precision=precision,
        losses=tuple(learnt.losses),
    )


@dataclass(frozen=True)
class _TrainingLog:
    """The loss of each step, the rows that were handed out, and the seconds that took."""

    losses: list[float]
    rows: int
    seconds: float


def _learn(
    model: "SentenceTransformer",
    request: FinetuneRequest,
    precision: str,
    watch: Watch,
    on_progress: Callable[[TrainProgress], None],
) -> _TrainingLog:
    """Train the model on what the recipe makes of the rows.

    Raises:
        Untrainable: no batch came to this process, or none could be made.
    """
    losses: list[float] = []

    def progress(step: TrainProgress) -> None:
        losses.append(step.loss)
        on_progress(step)

    fed = feed(model, request)
    if request.has_gradient_checkpointing:
        _check_point(model)
    seconds = _train(model, request, fed, precision, watch, progress)
    if not losses:
        raise Untrainable("There are fewer batches than processes to train on them.")
    return _TrainingLog(losses, fed.handed, seconds)


def is_first_process() -> bool:
    """Whether this process saves and reports: the only one, or the first that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _choose_gpu() -> None:
    """Each of several processes on one host has a GPU of its own."""
    import torch

    if "LOCAL_RANK" in os.environ and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def _check_point(model: "SentenceTransformer") -> None:
    """Let each layer compute its activations again instead of keeping them.

    Not by the trainer's arguments: it warns that it will stop calling what sentence-transformers has for it.
    """
    body = model.transformers_model
    if body is None:
        raise Untrainable("The model has no layers whose activations could be computed again.")
    body.activation_checkpointing_enable()


def _precision(request: FinetuneRequest, device: str) -> str:
    if request.precision == "auto":
        return training_precision(device)
    if request.precision == "float16" and device != "cuda":
        raise Untrainable("float16 needs a CUDA device; bfloat16 and float32 do not.")
    return request.precision


def _peak_memory(device: str) -> tuple[float, str]:
    """MiB, and of what: the tensors on the CUDA device, elsewhere the whole process."""
    import torch

    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20, "device"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10), "process"


def _train(
    model: "SentenceTransformer",
    request: FinetuneRequest,
    fed: BiEncoderData,
    precision: str,
    watch: Watch,
    on_progress: Callable[[TrainProgress], None],
) -> float:
    """Train the model; the seconds that took."""
    from sentence_transformers import SentenceTransformerTrainer
    from transformers.trainer_callback import PrinterCallback

    class BiEncoderTrainer(SentenceTransformerTrainer):
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """None: the library's card quotes training texts, which are an organisation's transactions."""

        def get_train_dataloader(self) -> Any:
            loader = super().get_train_dataloader()
            shard: Any = loader.batch_sampler
            if not hasattr(shard, "set_epoch"):  # several processes
                # What divides the batches tells no epoch, and drops those that are not full: many of ours.
                shard.set_epoch, shard.batch_size = shard.batch_sampler.set_epoch, None
            return loader

    trainer = BiEncoderTrainer(
        model=model,
        args=_arguments(request, precision, model.device.type, fed.sampler),
        train_dataset=fed.data,
        loss=loss_of(model, request.recipe),
        callbacks=[callback(watch, lambda *values: on_progress(TrainProgress(*values)))],
    )
    trainer.remove_callback(PrinterCallback)
    started = time.monotonic()
    trainer.train()
    return time.monotonic() - started


def _arguments(request: FinetuneRequest, precision: str, device: str, sampler: Any) -> Any:
    from sentence_transformers import SentenceTransformerTrainingArguments

    recipe = request.recipe
    arguments = SentenceTransformerTrainingArguments(
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_ratio,  # below 1 a share of all steps
        **common(request.output_dir, device=device, precision=precision, seed=recipe.seed, sampler=sampler),
    )
    # One process trains on one GPU: its threads would divide a batch, and with it the batch's negatives.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def triplet_accuracy(model: "SentenceTransformer", examples: list[Any]) -> float | None:
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
