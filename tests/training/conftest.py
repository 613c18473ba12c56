"""What a trainer needs."""

import os
import uuid
from pathlib import Path

import pytest

from shared.engines.encoder import resolve_model
from shared.kit.settings import Settings
from shared.resources import Resources
from tests.factories import OrganizationClient
from tests.training.trainings import WORDS, freeze, label_rows

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a trainer's process reads its settings from."""
    assert settings.edge_authkey is not None
    values = {
        "DATABASE_URL": settings.database_url,
        "EDGE_SOCKET": str(settings.edge_socket),
        "EDGE_AUTHKEY": settings.edge_authkey.get_secret_value(),
        "ARTIFACTS_DIR": str(settings.artifacts_dir),
        "DEVICE": "cpu",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"OUTLAY_{name}", value)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def dataset_id(organization: OrganizationClient, resources: Resources) -> uuid.UUID:
    """Nine rows to learn from and three to watch."""
    label_rows(organization, WORDS)
    return freeze(organization, resources)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of one narrow layer that has learnt nothing, with the packaged model's words."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("small")
    words = AutoTokenizer.from_pretrained(resolve_model("all-MiniLM-L6-v2").path, local_files_only=True)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder / "body")
    words.save_pretrained(folder / "body")
    body = Transformer(str(folder / "body"))
    model = SentenceTransformer(modules=[body, Pooling(32)], device="cpu")
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"
