"""The encoder on the packaged model, and what is refused."""

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from shared.engines import packaged_model
from shared.engines.encoder import (
    CorruptModel,
    Encoder,
    SentenceTransformerEncoder,
    UnknownModel,
    UnsafeModel,
    resolve_model,
)

pytestmark = pytest.mark.slow  # torch alone takes seconds to load

TEXTS = [
    "Hotels, Marriott",
    "Airlines, Delta",
    "Hotels, Marriott",
    "x",
    "a far longer text about office rent",
]


@pytest.fixture(scope="module")
def encoder() -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder(resolve_model("all-MiniLM-L6-v2").path, device="cpu")


def test_rows_are_unit_vectors_in_the_order_given(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (5, encoder.dimension) == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=1e-5)


def test_equal_texts_reach_the_device_once(
    encoder: SentenceTransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    inner = encoder._on_device

    def spy(texts: list[str]) -> np.ndarray:
        seen.append(texts)
        return inner(texts)

    monkeypatch.setattr(encoder, "_on_device", spy)
    vectors = encoder.encode(TEXTS)
    assert seen == [[TEXTS[0], TEXTS[1], TEXTS[3], TEXTS[4]]]
    assert (vectors[0] == vectors[2]).all()


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_similar_texts_are_nearer(encoder: Encoder) -> None:
    hotel, flight, inn = encoder.encode(["Hotels, Marriott", "Airlines, Delta", "Lodging, Holiday Inn"])
    assert hotel @ inn > hotel @ flight


def test_threads_share_one_encoder() -> None:
    shared = SentenceTransformerEncoder(resolve_model("all-MiniLM-L6-v2").path, device="cpu")
    expected = SentenceTransformerEncoder(shared.path, device="cpu").encode(TEXTS)
    results: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: results.append(shared.encode(TEXTS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_bfloat16_stays_near_float32(encoder: Encoder) -> None:
    path = resolve_model("all-MiniLM-L6-v2").path
    rough = SentenceTransformerEncoder(path, device="cpu", precision="bfloat16").encode(TEXTS)
    assert ((rough * encoder.encode(TEXTS)).sum(axis=1) > 0.99).all()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The packaged model's small files, without weights."""
    source = resolve_model("all-MiniLM-L6-v2").path
    return Path(shutil.copytree(source, tmp_path / "model", ignore=shutil.ignore_patterns("*.safetensors")))


def test_a_local_folder_of_safetensors_is_a_model(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    assert resolve_model(str(folder)).path == folder.resolve()


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UnsafeModel):
        resolve_model(str(folder))
    with pytest.raises(UnsafeModel):
        SentenceTransformerEncoder(folder, device="cpu").encode(["x"])


def test_a_module_with_pickled_weights_beside_safe_ones_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UnsafeModel):
        resolve_model(str(folder))


def test_a_model_with_code_of_its_own_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "modeling.Evil"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(UnsafeModel):
        resolve_model(str(folder))


@pytest.mark.parametrize(
    ("name", "revision"),
    [
        ("no-such-model", None),
        ("https://example.com/model", None),
        ("some/model", None),
        ("some/model", "main"),
        ("../..", "0" * 39),
    ],
)
def test_an_unknown_or_unpinned_name_is_refused(name: str, revision: str | None) -> None:
    with pytest.raises(UnknownModel):
        resolve_model(name, revision)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="holds no model"):
        resolve_model(str(tmp_path))


def test_a_hub_model_that_cannot_be_had_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UnknownModel, match="cannot be reached"):
        resolve_model("some/model", "0" * 40)


def test_changed_weights_of_the_packaged_model_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged_model, "SHA256", "0" * 64)
    with pytest.raises(CorruptModel):
        resolve_model("all-MiniLM-L6-v2")
