"""A small model in a folder, a hub, and an installation that may use both."""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from api.main import create_app
from shared.engines.encoder import resolve_model
from shared.resources import Resources
from tests.factories import OrganizationClient, new_organization
from tests.publishing.scripted_hub import ScriptedHub, serving

TOKEN = SecretStr("only its being there counts at the door")


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model's tokenizer with weights of 32 dimensions made of nothing: 4 MB, quickly loaded."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import BertConfig, BertModel

    packaged, folder = resolve_model("all-MiniLM-L6-v2").path, tmp_path_factory.mktemp("models") / "small"
    shutil.copytree(packaged, folder, ignore=shutil.ignore_patterns("*.safetensors", "README.md"))
    torch.manual_seed(0)
    config = BertConfig.from_pretrained(folder)
    config.hidden_size, config.num_hidden_layers, config.num_attention_heads = 32, 1, 2
    config.intermediate_size = 64
    BertModel(config).save_pretrained(folder)
    pooling = folder / "1_Pooling" / "config.json"
    pooling.write_text(pooling.read_text().replace("384", "32"))
    saved = folder.with_name("saved")
    SentenceTransformer(str(folder), device="cpu").save_pretrained(str(saved), create_model_card=False)
    return saved


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedHub]:
    """A hub, and a client that sends large files to it by LFS and not by its other protocol, Xet."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with serving(f"hf_{secrets.token_hex(16)}") as running:
        yield running


@pytest.fixture(scope="module")
def opened(resources: Resources, tmp_path_factory: pytest.TempPathFactory) -> Resources:
    """Resources of an installation that has a folder of models, and a token."""
    models = tmp_path_factory.mktemp("opened")
    update = {"models_dir": models, "hub_token": TOKEN}
    return replace(resources, settings=resources.settings.model_copy(update=update))


@pytest.fixture(scope="module")
def door(opened: Resources) -> Iterator[TestClient]:
    """Its API."""
    with TestClient(create_app(resources=opened)) as running:
        yield running


@pytest.fixture
def caller(door: TestClient) -> OrganizationClient:
    """A new organisation there."""
    return new_organization(door)
