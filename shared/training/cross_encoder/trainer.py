"""Fine-tuning a reranker: a cross-encoder learns to tell a row's category from those that look like it.

Runs in a process of its own, as `finetune` does: it prints nothing and writes only to `output_dir`.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.engines.devices import training_precision
from shared.engines.encoder import load_model
from shared.engines.reranker import is_cross_encoder, load_cross_encoder
from shared.training.bi_encoder.spec import TrainProgress
from shared.training.cross_encoder.batches import CrossEncoderData, feed, first_stage
from shared.training.cross_encoder.early_stopping import RerankerWatch
from shared.training.cross_encoder.spec import RerankerRequest, RerankerResult
from shared.training.early_stopping import callback
from shared.training.trainer_args import common

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

HEAD_LEARNING_RATE = 1e-3  # of a new head, which has everything to learn


def train_reranker(request: RerankerRequest, on_progress: Callable[[TrainProgress], None]) -> RerankerResult:
    """Train and save the weights of the best epoch, loadable with plain sentence-transformers.

    A list is a transaction's text with its category's and with those of the wrong categories that the miner
    finds nearest, and the loss is that of a softmax over it (ListNet with one right answer: Cao et al., 2007,
    doi:10.1145/1273496.1273513). The same request on the same machine gives the same weights.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from transformers import set_seed

    started = time.monotonic()
    set_seed(request.seed)
    fed = feed(request)
    model = _start(request)
    watch = RerankerWatch(model, request.test_rows, request.category_texts, fed.candidates)
    watch.measure(0)
    losses: list[float] = []

    def progress(*values: Any) -> None:
        step = TrainProgress(*values)
        losses.append(step.loss)
        on_progress(step)

    precision = training_precision(model.device.type)
    _train(model, request, precision, fed, watch, progress)
    watch.restore_kept()
    model.save_pretrained(str(request.output_dir), create_model_card=False, safe_serialization=True)
    return RerankerResult(
        model_dir=request.output_dir,
        first_stage=first_stage(request.test_rows, fed.candidates),
        epochs=tuple(watch.epochs),
        best_epoch=watch.kept_epoch,
        steps=len(losses),
        seconds=time.monotonic() - started,
        device=model.device.type,
        precision=precision,
        losses=tuple(losses),
    )


def _start(request: RerankerRequest) -> Any:
    """A cross-encoder as it is, or a bi-encoder's transformer with a new head on the mean of its tokens.

    The first token, on which a head usually sits, says little in models that were trained to use the mean.
    """
    if is_cross_encoder(request.base_model):
        return load_cross_encoder(request.base_model, device=request.device)
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense
    from sentence_transformers.sentence_transformer.modules import Pooling

    encoder = load_model(request.base_model, device=request.device)
    transformer = encoder[0]
    width = transformer.get_embedding_dimension()
    head = Dense(width, 1, activation_function=None, module_output_name="scores")
    return CrossEncoder(modules=[transformer, Pooling(width, "mean"), head], device=encoder.device)


def _train(
    model: "CrossEncoder",
    request: RerankerRequest,
    precision: str,
    fed: CrossEncoderData,
    watch: RerankerWatch,
    on_step: Callable[[float, int, int, float], None],
) -> None:
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, losses
    from transformers.trainer_callback import PrinterCallback

    class RerankerTrainer(CrossEncoderTrainer):
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """None: the library's card quotes training texts, which are an organisation's transactions."""

    trainer = RerankerTrainer(
        model=model,
        args=_arguments(request, precision, model.device.type, fed.sampler),
        train_dataset=fed.data,
        loss=losses.ListNetLoss(model, mini_batch_size=-1),
        callbacks=[callback(watch, on_step)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def _arguments(request: RerankerRequest, precision: str, device: str, sampler: Any) -> Any:
    from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments

    head_rate = max(request.learning_rate, HEAD_LEARNING_RATE)
    mapping = {} if is_cross_encoder(request.base_model) else {r"\b2\.linear\.": head_rate}
    return CrossEncoderTrainingArguments(
        num_train_epochs=request.epochs,
        per_device_train_batch_size=request.batch_size,
        learning_rate=request.learning_rate,
        learning_rate_mapping=mapping,
        warmup_steps=request.warmup_ratio,  # below 1 a share of all steps
        **common(request.output_dir, device=device, precision=precision, seed=request.seed, sampler=sampler),
    )
