"""Fine-tuning a reranker: a cross-encoder learns to tell a row's category from similar ones.

Runs in a process of its own, like the bi-encoder's trainer: it prints nothing and writes only to
`output_dir`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.engines.devices import training_precision
from shared.engines.encoder import load_model
from shared.engines.reranker import is_cross_encoder, load_cross_encoder
from shared.training.checkpoints import CheckpointSelector
from shared.training.cross_encoder.batches import first_stage, reranker_data
from shared.training.cross_encoder.spec import RerankerRequest, RerankerResult
from shared.training.library_trainer import TrainProgress, common_arguments, training_callback
from shared.training.rows import TrainRow

HEAD_LEARNING_RATE = 1e-3  # of a new head, which has everything to learn


def train_reranker(request: RerankerRequest, on_progress: Callable[[TrainProgress], None]) -> RerankerResult:
    """Train, and save the weights of the best epoch; they load with plain sentence-transformers.

    A list is a transaction's text with the text of its category and those of the wrong categories that the
    miner ranks highest. The loss is a softmax over the list (ListNet with one correct answer: Cao et al.,
    2007, doi:10.1145/1273496.1273513). The same request on the same machine gives the same weights.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, losses
    from transformers import set_seed
    from transformers.trainer_callback import PrinterCallback

    started = time.monotonic()
    set_seed(request.seed)
    data = reranker_data(request)
    model = _load_base(request)
    device = model.device.type
    precision = training_precision(device)
    selector = RerankerCheckpointSelector(
        model, request.test_rows, request.category_texts, data.test_candidates
    )
    selector.measure(0)
    step_losses: list[float] = []

    def on_step(step: TrainProgress) -> None:
        step_losses.append(step.loss)
        on_progress(step)

    class RerankerTrainer(CrossEncoderTrainer):
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """None: the library's card quotes training texts, which are an organisation's transactions."""

    trainer = RerankerTrainer(
        model=model,
        args=_arguments(request, precision, device, data.sampler),
        train_dataset=data.dataset,
        loss=losses.ListNetLoss(model, mini_batch_size=-1),
        callbacks=[training_callback(on_step, selector.measure)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()

    selector.restore_kept()
    model.save_pretrained(str(request.output_dir), create_model_card=False, safe_serialization=True)
    return RerankerResult(
        model_dir=request.output_dir,
        first_stage=first_stage(request.test_rows, data.test_candidates),
        epochs=tuple(selector.epochs),
        best_epoch=selector.kept_epoch,
        steps=len(step_losses),
        seconds=time.monotonic() - started,
        device=device,
        precision=precision,
        losses=tuple(step_losses),
    )


class RerankerCheckpointSelector(CheckpointSelector):
    """Measures a cross-encoder by the rank of each test row's category among the row's candidates.

    `candidates`: the category ids that the first stage ranks highest for each row. A row whose category is
    not among them counts as not found.
    """

    def __init__(
        self,
        model: Any,
        rows: Sequence[TrainRow],
        category_texts: Mapping[str, str],
        candidates: Sequence[Sequence[str]],
    ) -> None:
        super().__init__(model)
        self._pairs = [
            (row.text, category_texts[category_id])
            for row, category_ids in zip(rows, candidates, strict=True)
            for category_id in category_ids
        ]
        self._is_correct = [
            np.array([category_id == row.category_id for category_id in category_ids])
            for row, category_ids in zip(rows, candidates, strict=True)
        ]

    def _reciprocal_ranks(self) -> NDArray[np.float64]:
        if not self._pairs:
            return np.ones(len(self._is_correct))
        # predict() leaves the model in evaluation mode; the trainer sets it back at each step.
        scores = self._model.predict(self._pairs, batch_size=32, show_progress_bar=False)
        ends = np.cumsum([len(is_correct) for is_correct in self._is_correct])
        return np.array(
            [
                1 / (1 + (row_scores > row_scores[is_correct][0]).sum()) if is_correct.any() else 0.0
                for row_scores, is_correct in zip(np.split(scores, ends[:-1]), self._is_correct, strict=True)
            ]
        )


def _load_base(request: RerankerRequest) -> Any:
    """A cross-encoder as it is, or a bi-encoder's transformer with a new head on the mean of its tokens.

    The first token, on which a head usually sits, says little in a model that was trained to use the mean.
    """
    if is_cross_encoder(request.base_model):
        return load_cross_encoder(request.base_model, device=request.device)
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense
    from sentence_transformers.sentence_transformer.modules import Pooling

    encoder = load_model(request.base_model, device=request.device)
    transformer: Any = encoder[0]
    width = transformer.get_embedding_dimension()
    head = Dense(width, 1, activation_function=None, module_output_name="scores")
    return CrossEncoder(modules=[transformer, Pooling(width, "mean"), head], device=encoder.device)


def _arguments(request: RerankerRequest, precision: str, device: str, sampler: Any) -> Any:
    from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments

    head_rate = max(request.learning_rate, HEAD_LEARNING_RATE)
    mapping = {} if is_cross_encoder(request.base_model) else {r"\b2\.linear\.": head_rate}
    return CrossEncoderTrainingArguments(
        num_train_epochs=request.epochs,
        per_device_train_batch_size=request.batch_size,
        learning_rate=request.learning_rate,
        learning_rate_mapping=mapping,
        warmup_steps=request.warmup_ratio,  # below 1 it is a share of all steps
        **common_arguments(
            request.output_dir, device=device, precision=precision, seed=request.seed, sampler=sampler
        ),
    )
