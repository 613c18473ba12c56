"""Tiny trainings, for real: of the packaged model where something is to be learnt."""

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.engines.encoder import resolve_model
from shared.jobs.kinds import Recipe
from shared.training.bi_encoder.spec import FinetuneRequest, FinetuneResult
from shared.training.bi_encoder.trainer import finetune
from shared.training.library_trainer import TrainProgress
from shared.training.rows import TrainRow, Untrainable

pytestmark = pytest.mark.slow

# Invented categories whose names say nothing, so that only learning can tell them apart.
TEXTS = {"a": "Account 17", "b": "Account 23", "c": "Account 31", "d": "Account 48"}
WORDS = {
    "a": ["Delta flight", "United airfare", "Lufthansa ticket", "Ryanair", "Air France", "KLM"],
    "b": ["Marriott hotel", "Hilton room", "Airbnb stay", "Hyatt", "Holiday Inn", "Premier Inn"],
    "c": ["AWS compute", "Azure hosting", "Google Cloud", "Linode", "Hetzner server", "OVH"],
    "d": ["Lawyer fees", "Notary", "Legal counsel", "Court fee", "Patent attorney", "Solicitor"],
}
TRAIN = tuple(TrainRow(text, name) for name, texts in WORDS.items() for text in texts[:4])
TEST = tuple(TrainRow(text, name) for name, texts in WORDS.items() for text in texts[4:])


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> FinetuneRequest:
    return FinetuneRequest(
        base_model=resolve_model("all-MiniLM-L6-v2").path,
        output_dir=tmp_path_factory.mktemp("tuned") / "model",
        category_texts=TEXTS,
        train_rows=TRAIN,
        test_rows=TEST,
        recipe=Recipe(epochs=3, batch_size=4, learning_rate=2e-4),
        device="cpu",
    )


@pytest.fixture(scope="module")
def steps() -> list[TrainProgress]:
    return []


@pytest.fixture(scope="module")
def result(request_: FinetuneRequest, steps: list[TrainProgress]) -> FinetuneResult:
    return finetune(request_, steps.append)


def _weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_training_learns(result: FinetuneResult) -> None:
    assert result.epochs[0].epoch == 0
    assert [epoch.epoch for epoch in result.epochs] == [0, 1, 2, 3]
    best = result.epochs[result.best_epoch]
    assert best.mrr > result.epochs[0].mrr + 0.2
    assert best.recall_at_1 > result.epochs[0].recall_at_1
    assert result.triplet_accuracy_before is not None
    assert result.triplet_accuracy_after is not None
    assert result.triplet_accuracy_after > result.triplet_accuracy_before
    assert result.losses[-1] < result.losses[0]


def test_progress_counts_every_step(result: FinetuneResult, steps: list[TrainProgress]) -> None:
    assert [step.step for step in steps] == list(range(1, 13))
    assert {step.total_steps for step in steps} == {12}
    assert steps[-1].epoch == pytest.approx(3)
    assert result.steps == 12
    assert [step.loss for step in steps] == list(result.losses)


def test_the_result_loads_with_plain_sentence_transformers(result: FinetuneResult) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(result.model_dir), device="cpu", local_files_only=True)
    queries = model.encode([row.text for row in TEST], normalize_embeddings=True)
    names = sorted(TEXTS)
    similarity = queries @ model.encode([TEXTS[name] for name in names], normalize_embeddings=True).T
    hits = [names[best] == row.category_id for best, row in zip(similarity.argmax(axis=1), TEST, strict=True)]
    assert np.mean(hits) == pytest.approx(result.epochs[result.best_epoch].recall_at_1)


def test_no_training_text_is_left_beside_the_weights(result: FinetuneResult) -> None:
    files = {path.name for path in result.model_dir.rglob("*") if path.is_file()}
    assert "model.safetensors" in files
    assert not files & {"README.md", "training_args.bin", "pytorch_model.bin"}


def test_the_same_request_gives_the_same_weights(
    request_: FinetuneRequest, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = (
        finetune(replace(request_, base_model=small, output_dir=tmp_path / name), lambda _: None)
        for name in ("one", "two")
    )
    assert again.losses == first.losses
    assert again.epochs == first.epochs
    assert _weights(again.model_dir) == _weights(first.model_dir) != _weights(small)
    assert capsys.readouterr().out == ""


def test_semi_hard_triplets_without_test_rows_keep_the_last_epoch(
    request_: FinetuneRequest, small: Path, tmp_path: Path
) -> None:
    result = finetune(
        replace(
            request_,
            base_model=small,
            recipe=Recipe(loss="batch_semi_hard_triplet", epochs=2, batch_size=8),
            test_rows=(),
            output_dir=tmp_path / "model",
        ),
        lambda _: None,
    )
    assert result.best_epoch == 2
    assert all(math.isnan(epoch.mrr) for epoch in result.epochs)
    assert result.triplet_accuracy_before is None
    assert all(0 < loss < 1 for loss in result.losses)
    assert (result.model_dir / "model.safetensors").is_file()


def test_transactions_as_positives(request_: FinetuneRequest, small: Path, tmp_path: Path) -> None:
    result = finetune(
        replace(
            request_,
            base_model=small,
            recipe=Recipe(transaction_share=1.0, epochs=1, batch_size=4),
            output_dir=tmp_path / "model",
        ),
        lambda _: None,
    )
    assert result.steps == 4


@pytest.mark.parametrize("loss", ["mnrl", "batch_semi_hard_triplet"])
def test_one_category_cannot_be_trained_on(request_: FinetuneRequest, loss: str, tmp_path: Path) -> None:
    recipe = Recipe(loss=loss)
    request = replace(request_, train_rows=TRAIN[:4], recipe=recipe, output_dir=tmp_path / "model")
    with pytest.raises(Untrainable):
        finetune(request, lambda _: None)


def test_what_the_callback_raises_ends_the_training(request_: FinetuneRequest, tmp_path: Path) -> None:
    def cancel(progress: TrainProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(replace(request_, output_dir=tmp_path / "model"), cancel)
    assert not (tmp_path / "model" / "model.safetensors").exists()
