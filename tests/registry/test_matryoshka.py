"""Versions of the same weights with shorter vectors, and versions that read other texts."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from shared.engines.vectors import Search
from shared.erasing.garbage_collection import sweep_models
from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.registry.serving import get_active
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_labelled, new_organization, run_jobs


def trained(
    resources: Resources,
    organization: OrganizationClient,
    name: str,
    parameters: dict[str, Any],
    *,
    artifact: str | None = None,
) -> str:
    """The id of a version as a training leaves it, but that its weights are the packaged model's."""
    with transaction(resources.engine) as session:
        version = ModelVersion(
            organization_id=organization.id,
            name=name,
            kind="fine_tuned",
            base_model="all-MiniLM-L6-v2",
            fingerprint=uuid.uuid4().hex * 2,
            artifact=artifact,
            parameters=parameters,
            metrics={"dimensions": [384, 128, 64]},
        )
        model_store.add(session, version)
        return str(version.id)


NESTED = {"matryoshka_dimensions": [384, 128, 64]}


def activate(resources: Resources, organization: OrganizationClient, model_id: str) -> None:
    """Let the model answer."""
    assert organization.post(f"/v1/models/{model_id}/activate").status_code == 202
    assert set(run_jobs(resources, organization)["activate"]) == {"succeeded"}


def answer(organization: OrganizationClient, merchant_name: str) -> dict[str, Any]:
    """What the service says to a merchant."""
    response = organization.post("/categorize", {"transaction": {"merchant_name": merchant_name}})
    assert response.status_code == 200, response.text
    said: dict[str, Any] = response.json()
    return said


def best(organization: OrganizationClient, merchant_name: str) -> str:
    """The category that comes first."""
    name: str = answer(organization, merchant_name)["suggestions"][0]["category"]["name"]
    return name


def frozen(resources: Resources, organization: OrganizationClient) -> str:
    """A dataset of two categories, all of it to be measured."""
    for name, merchants in {"Lodging": ("Marriott hotel", "Hilton"), "Software": ("GitHub", "Figma")}.items():
        category = new_category(organization, name=name)["id"]
        new_labelled(organization, category, ({"merchant_name": merchant} for merchant in merchants))
    body = {"name": "May", "ratios": {"train": 1, "test": 0, "eval": 0}}
    assert organization.post("/v1/datasets", body).status_code == 202
    assert run_jobs(resources, organization)["freeze_dataset"] == ["succeeded"]
    dataset_id: str = organization.get("/v1/datasets").json()["data"][0]["id"]
    return dataset_id


def test_a_variant_is_evaluated_and_serves(organization: OrganizationClient, resources: Resources) -> None:
    dataset_id = frozen(resources, organization)
    whole = trained(resources, organization, "nested", NESTED)
    response = organization.post(f"/v1/models/{whole}/variants", {"name": "nested, 64", "dimension": 64})
    assert response.status_code == 201, response.text
    variant = response.json()
    assert (variant["dimension"], variant["kind"], variant["is_active"]) == (64, "fine_tuned", False)
    assert variant["parameters"] == {**NESTED, "variant_of": whole}
    assert organization.get(f"/v1/models/{variant['id']}").json() == variant
    assert organization.get(f"/v1/models/{variant['id']}/card").status_code == 200

    body = {"dataset_id": dataset_id, "model_version_id": variant["id"], "split": "train"}
    assert organization.post("/v1/evaluations", body).status_code == 202
    assert run_jobs(resources, organization)["evaluate"] == ["succeeded"]
    [evaluation] = organization.get(f"/v1/evaluations?model_version_id={variant['id']}").json()["data"]
    assert evaluation["metrics"]["n"] == 4

    servings = []
    for model_id in (whole, variant["id"]):
        activate(resources, organization, model_id)
        assert best(organization, "Hyatt hotel") == "Lodging"
        assert answer(organization, "Hyatt hotel")["model_version_id"] == model_id
        with transaction(resources.engine) as session:
            servings.append(get_active(session, organization.id))
    long, short = servings
    assert long.collection != short.collection
    assert (resources.encoders.get(long.model).dimension, resources.encoders.get(short.model).dimension) == (
        384,
        64,
    )
    search = Search(
        organization.id, "transaction", resources.encoders.get(short.model).encode(["Hilton"])[0], 1
    )
    assert search.vector.shape == (64,)
    assert resources.index.search(short.collection, [search])[0][0].score == pytest.approx(1, abs=1e-3)


def test_a_variant_keeps_the_files_it_shares(
    organization: OrganizationClient, resources: Resources, tmp_path: Path
) -> None:
    (tmp_path / "weights").touch()
    artifact = f"models/{uuid.uuid4()}-1"
    resources.artifacts.save(artifact, tmp_path)
    folder = resources.artifacts.path(artifact)
    os.utime(folder, (0, 0))
    whole = trained(resources, organization, "kept", NESTED, artifact=artifact)
    variant = organization.post(f"/v1/models/{whole}/variants", {"name": "cut", "dimension": 128}).json()
    for model_id, is_kept in ((whole, True), (variant["id"], False)):
        with transaction(resources.engine) as session:
            session.delete(model_store.get(session, organization.id, uuid.UUID(model_id)))
        sweep_models(resources.engine, resources.artifacts)
        assert folder.exists() is is_kept


@pytest.mark.parametrize(
    ("parameters", "dimension", "code"),
    [
        (NESTED, 100, "dimension-not-trained"),
        (NESTED, 384, "dimension-not-trained"),
        ({}, 64, "dimension-not-trained"),
        (NESTED, 0, "invalid"),
    ],
)
def test_only_what_was_trained_for_is_cut_to(
    organization: OrganizationClient,
    resources: Resources,
    parameters: dict[str, Any],
    dimension: int,
    code: str,
) -> None:
    whole = trained(resources, organization, "whole", parameters)
    refused = organization.post(f"/v1/models/{whole}/variants", {"name": "cut", "dimension": dimension})
    assert (refused.status_code, refused.json()["code"]) == (422, code)


def test_a_variant_needs_a_name_of_its_own_and_a_model_of_the_organization(
    organization: OrganizationClient, resources: Resources
) -> None:
    whole = trained(resources, organization, "whole", NESTED)
    cut = {"name": "whole", "dimension": 64}
    taken = organization.post(f"/v1/models/{whole}/variants", cut)
    assert (taken.status_code, taken.json()["code"]) == (409, "model-name-taken")
    stranger = new_organization(organization.client)
    assert stranger.post(f"/v1/models/{whole}/variants", cut).status_code == 404
    [base] = [model for model in organization.get("/v1/models").json()["data"] if model["kind"] == "base"]
    assert organization.post(f"/v1/models/{base['id']}/variants", cut).status_code == 422


def test_a_variant_of_a_variant_is_shorter_still(
    organization: OrganizationClient, resources: Resources
) -> None:
    whole = trained(resources, organization, "whole", NESTED)
    middle = organization.post(f"/v1/models/{whole}/variants", {"name": "128", "dimension": 128}).json()
    path = f"/v1/models/{middle['id']}/variants"
    assert organization.post(path, {"name": "again", "dimension": 128}).status_code == 422
    assert organization.post(path, {"name": "64", "dimension": 64}).status_code == 201


def test_a_model_ranks_by_the_texts_that_it_has_learnt_to_read(
    organization: OrganizationClient, resources: Resources
) -> None:
    new_category(organization, name="Lodging", examples=["GitHub", "Figma subscription"])
    new_category(organization, name="Software", examples=["Marriott hotel", "Hilton hotel"])
    texts = {"category": "name", "has_amount_band": False, "is_cleaned": True}
    by_name = trained(resources, organization, "by name", {"texts": texts})
    by_examples = trained(resources, organization, "by examples", {})
    activate(resources, organization, by_examples)
    assert best(organization, "Marriott hotel") == "Software"
    activate(resources, organization, by_name)
    assert best(organization, "Marriott hotel") == "Lodging"

    wrong = {
        category["name"]: category["id"] for category in organization.get("/v1/categories").json()["data"]
    }["Software"]
    new_labelled(organization, wrong, [{"merchant_name": "Marriott hotel"}, {}, {}])
    body = {"name": "one", "ratios": {"train": 1, "test": 0, "eval": 0}}
    organization.post("/v1/datasets", body)
    run_jobs(resources, organization)
    dataset_id = organization.get("/v1/datasets").json()["data"][0]["id"]
    ranks = {}
    for model_id in (by_name, by_examples):
        wanted = {"dataset_id": dataset_id, "model_version_id": model_id, "split": "train"}
        assert organization.post("/v1/evaluations", wanted).status_code == 202
        run_jobs(resources, organization)
        [evaluation] = organization.get(f"/v1/evaluations?model_version_id={model_id}").json()["data"]
        rows = organization.get(f"/v1/evaluations/{evaluation['id']}/rows").json()["data"]
        items = organization.get(f"/v1/datasets/{dataset_id}/items").json()["data"]
        [item] = [item["id"] for item in items if "Marriott" in json.dumps(item)]
        [ranks[model_id]] = [row["rank"] for row in rows if row["dataset_item_id"] == item]
    assert ranks == {by_name: 2, by_examples: 1}
