"""Tiny trainings of rerankers from the packaged model, for real."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.engines.encoder import resolve_model
from shared.engines.reranker import CrossEncoderReranker, RerankQuery
from shared.training.cross_encoder.lists import Example
from shared.training.cross_encoder.spec import RerankerRequest, RerankerResult
from shared.training.cross_encoder.trainer import train_reranker
from shared.training.library_trainer import TrainProgress
from shared.training.rows import TrainRow, Untrainable

pytestmark = pytest.mark.slow

# Invented categories whose names say nothing, so that only learning can tell them apart.
TEXTS = {"a": "Account 17", "b": "Account 23", "c": "Account 31"}
WORDS = {
    "a": ["Delta flight", "United airfare flight", "Lufthansa flight", "Ryanair flight", "KLM flight"],
    "b": ["Marriott hotel", "Hilton hotel room", "Hyatt hotel", "Holiday Inn hotel", "Premier Inn hotel"],
    "c": ["AWS cloud server", "Azure cloud", "Google cloud", "Linode cloud server", "OVH cloud"],
}
TRAIN = tuple(TrainRow(text, name) for name, texts in WORDS.items() for text in texts[:4])
TEST = tuple(TrainRow(text, name) for name, texts in WORDS.items() for text in texts[4:])


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> RerankerRequest:
    base = resolve_model("all-MiniLM-L6-v2").path
    return RerankerRequest(
        base_model=base,
        miner=base,
        output_dir=tmp_path_factory.mktemp("reranker") / "model",
        category_texts=TEXTS,
        train_rows=TRAIN,
        test_rows=TEST,
        examples=(Example("Car hire at the airport, flight included", "a", "Account 17"),),
        epochs=5,
        batch_size=4,
        learning_rate=3e-4,
        negatives_per_row=2,
        device="cpu",
    )


@pytest.fixture(scope="module")
def steps() -> list[TrainProgress]:
    return []


@pytest.fixture(scope="module")
def result(request_: RerankerRequest, steps: list[TrainProgress]) -> RerankerResult:
    return train_reranker(request_, steps.append)


def _weights(folder: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.safetensors"))]


def test_training_learns_and_counts_its_steps(result: RerankerResult, steps: list[TrainProgress]) -> None:
    assert [epoch.epoch for epoch in result.epochs] == list(range(6))
    assert result.epochs[result.best_epoch].mrr == 1 > result.epochs[0].mrr
    assert result.losses[-1] < result.losses[0] / 2
    assert [step.step for step in steps] == list(range(1, 21))
    assert {step.total_steps for step in steps} == {20}
    assert result.steps == 20
    assert len(result.first_stage) == len(TEST)


def test_the_result_loads_with_plain_sentence_transformers_and_as_a_reranker(result: RerankerResult) -> None:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(result.model_dir), device="cpu", local_files_only=True)
    pairs = [(row.text, text) for row in TEST for text in TEXTS.values()]
    scores = model.predict(pairs).reshape(len(TEST), len(TEXTS))
    assert [list(TEXTS)[best] for best in scores.argmax(axis=1)] == [row.category_id for row in TEST]
    queries = [RerankQuery(row.text, list(TEXTS.values())) for row in TEST]
    ours = np.array(CrossEncoderReranker(result.model_dir, device="cpu").score(queries))
    assert 1 / (1 + np.exp(-ours)) == pytest.approx(scores, abs=1e-4)


def test_no_training_text_is_left_beside_the_weights(result: RerankerResult) -> None:
    files = {path.name for path in result.model_dir.rglob("*") if path.is_file()}
    assert "model.safetensors" in files
    assert not files & {"README.md", "training_args.bin", "pytorch_model.bin"}
    written = b"".join(path.read_bytes() for path in result.model_dir.rglob("*.json"))
    assert b"Lufthansa flight" not in written


def test_the_same_request_gives_the_same_weights_and_a_reranker_can_be_trained_further(
    request_: RerankerRequest, small: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    short = replace(request_, base_model=small, miner=small, epochs=1, test_rows=(), learning_rate=1e-2)
    results = [
        train_reranker(replace(short, output_dir=tmp_path / name), lambda _: None) for name in ("one", "two")
    ]
    assert results[0].losses == results[1].losses
    assert _weights(results[0].model_dir) == _weights(results[1].model_dir)
    further = replace(short, base_model=results[0].model_dir, output_dir=tmp_path / "further")
    again = train_reranker(further, lambda _: None)
    assert again.losses[0] < results[0].losses[0]
    assert again.best_epoch == 1
    assert capfd.readouterr().out == ""


def test_one_category_cannot_be_trained_on(request_: RerankerRequest, tmp_path: Path) -> None:
    request = replace(request_, train_rows=TRAIN[:4], output_dir=tmp_path / "model")
    with pytest.raises(Untrainable):
        train_reranker(request, lambda _: None)


def test_what_the_callback_raises_ends_the_training(request_: RerankerRequest, tmp_path: Path) -> None:
    def cancel(progress: TrainProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_reranker(replace(request_, output_dir=tmp_path / "model"), cancel)
    assert not (tmp_path / "model" / "model.safetensors").exists()
