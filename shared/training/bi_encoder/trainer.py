"""Fine-tuning a bi-encoder: labelled transactions in, a folder of safetensors out.

Runs in a process of its own, which may be killed at any time: it prints nothing and writes only to
`output_dir`.
"""

import math
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shared.engines.devices import training_precision
from shared.engines.encoder import load_model
from shared.training.bi_encoder.batches import TrainingData, training_data
from shared.training.bi_encoder.losses import dimensions_of, loss_of
from shared.training.bi_encoder.pairs import Triplet, triplets
from shared.training.bi_encoder.spec import FinetuneRequest, FinetuneResult
from shared.training.checkpoints import CheckpointSelector
from shared.training.library_trainer import (
    TrainProgress,
    common_arguments,
    is_first_process,
    training_callback,
)
from shared.training.rows import TrainRow, Untrainable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def finetune(request: FinetuneRequest, on_progress: Callable[[TrainProgress], None]) -> FinetuneResult:
    """Train, and save the weights of the best epoch; they load with plain sentence-transformers.

    The best epoch is the last one that is not significantly worse on the test rows than another
    (`checkpoints.is_worse`); without test rows it is the last. The same request on the same machine gives the
    same weights. `on_progress` is called after each step; an exception that it raises ends the training.

    Under torchrun each process trains on its share of the batches, and the first one saves.

    Raises:
        Untrainable: fewer than two categories, or one without a text; a dimension that the model does not
            have; a precision that the device does not have; fewer batches than processes.
    """
    from transformers import set_seed

    started = time.monotonic()
    set_seed(request.recipe.seed)
    _select_gpu()
    model = load_model(request.base_model, device=request.device)
    device = model.device.type
    precision = _precision(request, device)
    dimensions = dimensions_of(model, request.recipe)

    selector = BiEncoderCheckpointSelector(model, request.test_rows, request.category_texts)
    examples = triplets(request.test_rows, request.category_texts, seed=request.recipe.seed)
    accuracy_before = triplet_accuracy(model, examples)
    selector.measure(0)

    losses: list[float] = []

    def on_step(step: TrainProgress) -> None:
        losses.append(step.loss)
        on_progress(step)

    data = training_data(model, request)
    if request.has_gradient_checkpointing:
        _enable_gradient_checkpointing(model)
    trainer = _trainer(model, request, data, precision, training_callback(on_step, selector.measure))
    training_started = time.monotonic()
    trainer.train()
    training_seconds = time.monotonic() - training_started
    if not losses:
        raise Untrainable("There are fewer batches than processes to train on them.")

    selector.restore_kept()
    if is_first_process():
        model.save_pretrained(str(request.output_dir), create_model_card=False, safe_serialization=True)
    peak_mb, peak_of = _peak_memory(device)
    return FinetuneResult(
        model_dir=request.output_dir,
        epochs=tuple(selector.epochs),
        best_epoch=selector.kept_epoch,
        triplet_accuracy_before=accuracy_before,
        triplet_accuracy_after=triplet_accuracy(model, examples),
        steps=len(losses),
        seconds=time.monotonic() - started,
        rows=data.rows_used,
        rows_per_second=data.rows_used / training_seconds,
        peak_memory_mb=peak_mb,
        peak_memory_of=peak_of,
        dimensions=dimensions,
        device=device,
        precision=precision,
        losses=tuple(losses),
    )


class BiEncoderCheckpointSelector(CheckpointSelector):
    """Measures a bi-encoder by the rank of each test row's category among all category texts."""

    def __init__(self, model: Any, rows: Sequence[TrainRow], category_texts: Mapping[str, str]) -> None:
        super().__init__(model)
        self._ids = sorted(category_texts)
        self._texts = [category_texts[category_id] for category_id in self._ids]
        self._queries = [row.text for row in rows]
        self._correct = np.array([self._ids.index(row.category_id) for row in rows], dtype=np.intp)

    def _reciprocal_ranks(self) -> NDArray[np.float64]:
        if not self._queries:
            return np.ones(0)
        similarity = self._encode(self._queries) @ self._encode(self._texts).T
        correct = similarity[np.arange(len(self._correct)), self._correct]
        ranks = (similarity > correct[:, None]).sum(axis=1) + 1
        return np.asarray(1 / ranks, dtype=np.float64)

    def _encode(self, texts: list[str]) -> Any:
        # encode() leaves the model in evaluation mode; the trainer sets it back at each step.
        return self._model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)


def triplet_accuracy(model: "SentenceTransformer", examples: Sequence[Triplet]) -> float | None:
    """The share of triplets whose positive is nearer than the negative, by cosine; None without triplets."""
    from sentence_transformers.sentence_transformer.evaluation import TripletEvaluator

    if not examples:
        return None
    evaluator = TripletEvaluator(
        anchors=[triplet.anchor for triplet in examples],
        positives=[triplet.positive for triplet in examples],
        negatives=[triplet.negative for triplet in examples],
        similarity_fn_names=["cosine"],
        write_csv=False,
    )
    accuracy = float(evaluator(model)["cosine_accuracy"])
    assert math.isfinite(accuracy)
    return accuracy


def _trainer(
    model: "SentenceTransformer", request: FinetuneRequest, data: TrainingData, precision: str, callback: Any
) -> Any:
    from sentence_transformers import SentenceTransformerTrainer
    from transformers.trainer_callback import PrinterCallback

    class BiEncoderTrainer(SentenceTransformerTrainer):
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """None: the library's card quotes training texts, which are an organisation's transactions."""

        def get_train_dataloader(self) -> Any:
            loader = super().get_train_dataloader()
            shard: Any = loader.batch_sampler
            if not hasattr(shard, "set_epoch"):  # several processes
                # accelerate's shard does not pass on the epoch, and it drops batches that are not full, as
                # many of ours are not.
                shard.set_epoch, shard.batch_size = shard.batch_sampler.set_epoch, None
            return loader

    trainer = BiEncoderTrainer(
        model=model,
        args=_arguments(request, precision, model.device.type, data.sampler),
        train_dataset=data.dataset,
        loss=loss_of(model, request.recipe),
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(request: FinetuneRequest, precision: str, device: str, sampler: Any) -> Any:
    from sentence_transformers import SentenceTransformerTrainingArguments

    class OneGPUArguments(SentenceTransformerTrainingArguments):
        """One process trains on one GPU: DataParallel would divide a batch, and with it its negatives."""

        @property
        def n_gpu(self) -> int:
            return min(int(super().n_gpu), 1)

    recipe = request.recipe
    return OneGPUArguments(
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_ratio,  # below 1 it is a share of all steps
        **common_arguments(
            request.output_dir, device=device, precision=precision, seed=recipe.seed, sampler=sampler
        ),
    )


def _select_gpu() -> None:
    """Under torchrun, each process of a host takes a GPU of its own."""
    import torch

    if "LOCAL_RANK" in os.environ and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def _precision(request: FinetuneRequest, device: str) -> str:
    if request.precision == "auto":
        return training_precision(device)
    if request.precision == "float16" and device != "cuda":
        raise Untrainable("float16 needs a CUDA device; bfloat16 and float32 do not.")
    return request.precision


def _enable_gradient_checkpointing(model: "SentenceTransformer") -> None:
    """Let each layer compute its activations again instead of keeping them.

    Not by the trainer's argument, with which transformers warns that it will stop supporting the way in which
    sentence-transformers implements it.
    """
    body = model.transformers_model
    if body is None:
        raise Untrainable("The model has no layers whose activations could be computed again.")
    body.activation_checkpointing_enable()


def _peak_memory(device: str) -> tuple[float, str]:
    """The peak in MiB, and of what: the tensors on the CUDA device, elsewhere the whole process."""
    import torch

    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20, "device"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10), "process"
