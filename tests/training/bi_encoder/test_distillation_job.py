"""A reranker teaches a bi-encoder in a job: asked for over HTTP, trained by the trainer's own process."""

import shutil
import uuid
from pathlib import Path

import numpy as np
import pytest

from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.engines.encoder import resolve_model
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.serving import serving_of
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from tests.factories import OrganizationClient
from tests.training.trainings import freeze, label_rows, run_job

WORDS = {
    "Flights and airlines": ("Delta flight", "KLM airfare", "Ryanair"),
    "Hotels and lodging": ("Marriott hotel", "Hilton room", "Hyatt"),
}


@pytest.fixture(scope="module")
def indifferent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of one small layer made of nothing, to which all pairs are worth the same."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    packaged = resolve_model("all-MiniLM-L6-v2").path
    folder = tmp_path_factory.mktemp("models") / "reranker"
    left_out = shutil.ignore_patterns(
        "*.safetensors", "README.md", "1_Pooling", "*modules.json", "*sentence*"
    )
    shutil.copytree(packaged, folder, ignore=left_out)
    config = BertConfig.from_pretrained(folder)
    config.hidden_size, config.num_hidden_layers, config.num_attention_heads = 32, 1, 2
    config.intermediate_size, config.num_labels = 64, 1
    model = BertForSequenceClassification(config)
    torch.nn.init.zeros_(model.classifier.weight)
    model.save_pretrained(folder)
    return folder


def add_reranker(resources: Resources, organization: OrganizationClient, folder: Path) -> str:
    """The id of a version with these files."""
    name = f"models/{uuid.uuid4()}-1"
    version = ModelVersion(
        organization_id=organization.id,
        name="teacher",
        kind="reranker",
        base_model="all-MiniLM-L6-v2",
        fingerprint=resources.artifacts.save(name, folder),
        artifact=name,
        parameters={},
        metrics={},
    )
    with transaction(resources.engine) as session:
        return str(model_store.add(session, version).id)


def margins(resources: Resources, version: ModelVersion, dataset_id: uuid.UUID) -> list[float]:
    """By how much each training row is nearer to its own category than to the other, to this version."""
    serving = serving_of(version)
    with transaction(resources.engine) as session:
        dataset = dataset_store.get(session, version.organization_id, dataset_id)
        items = datasets.items(session, version.organization_id, dataset_id, "train")
    texts = {
        category_id: serving.texts.of_frozen(category) for category_id, category in dataset.categories.items()
    }
    encoder = resources.encoders.get(serving.model)
    queries = encoder.encode([serving.texts.of_transaction(item.fields) for item in items])
    similarity = queries @ encoder.encode(list(texts.values())).T
    own = np.array([list(texts).index(str(item.category_id)) for item in items])
    rows = np.arange(len(items))
    return [float(margin) for margin in similarity[rows, own] - similarity[rows, 1 - own]]


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_a_reranker_teaches_a_bi_encoder(
    organization: OrganizationClient, resources: Resources, indifferent: Path
) -> None:
    label_rows(organization, WORDS)
    dataset_id = freeze(organization, resources)
    teacher_id = add_reranker(resources, organization, indifferent)
    body = {"dataset_id": str(dataset_id), "name": "taught", "epochs": 4, "batch_size": 3, "seed": 5}
    body |= {"loss": "margin_mse", "learning_rate": 2e-4, "negatives_per_pair": 1}
    refused = organization.post("/v1/trainings", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/teacher_version_id")
    response = organization.post("/v1/trainings", body | {"teacher_version_id": teacher_id})
    assert response.status_code == 202, response.text
    job = run_job(resources, uuid.UUID(response.json()["id"]))
    assert job.status == "succeeded", job.error
    with transaction(resources.engine) as session:
        student = model_store.get(session, organization.id, job.id)
        base = registry.get_base(session, organization.id)
    assert (student.parameters["loss"], student.parameters["teacher_version_id"]) == (
        "margin_mse",
        teacher_id,
    )
    assert student.metrics["rows"] == 4 * 9
    # The rows would teach it to tell the two apart; its teacher sees no difference, and so it learns.
    told_apart = [np.mean(np.abs(margins(resources, version, dataset_id))) for version in (base, student)]
    assert told_apart[1] < told_apart[0] / 3
    card = organization.get(f"/v1/models/{student.id}/card").text
    assert r"| loss | margin\_mse |" in card
