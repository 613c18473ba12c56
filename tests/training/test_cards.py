"""A trained model's card: what it tells, what it never tells, and that its own code loads the model."""

import re
import secrets
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from shared.engines.artifacts import CARD
from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.registry.serving import serving_of
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_labelled, run_jobs
from tests.training.trainings import run_job, trained_here

TEXTS = ("merchant_name", "merchant_descriptor", "memo", "department", "trip_name")


class Canaries:
    """Words that occur nowhere else; with one beginning, so that weights are searched once for all."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._mark = secrets.token_hex(6)

    def new(self, beginning: str) -> str:
        self.words.append(self._mark + secrets.token_hex(2))
        return f"{beginning} {self.words[-1]}"

    def found_in(self, content: bytes) -> list[str]:
        lowered = content.lower()
        if self._mark.encode() not in lowered:
            return []
        return [word for word in self.words if word.encode() in lowered]


def label_canaries(organization: OrganizationClient, canaries: Canaries) -> None:
    """Twelve labelled rows of two categories, every text of theirs a canary."""
    for name in ("Travel", "Software"):
        category = new_category(
            organization,
            name=canaries.new(name),
            description=canaries.new("What"),
            examples=[canaries.new("Such as")],
        )
        rows = [
            {
                "merchant_category": [canaries.new("Kind")],
                **{field: canaries.new(name) for field in TEXTS},
            }
            for _ in range(6)
        ]
        new_labelled(organization, category["id"], rows)


def run_training(
    resources: Resources, organization: OrganizationClient, dataset_id: str, folder: Path
) -> uuid.UUID:
    """The id of the model version that was made, with `folder` in between."""
    body = {"dataset_id": dataset_id, "name": "Tuned | in *May*", "epochs": 1, "batch_size": 4, "seed": 5}
    answer = organization.post("/v1/trainings", body)
    assert answer.status_code == 202, answer.text
    job_id = uuid.UUID(answer.json()["id"])
    assert run_job(resources, job_id, trained_here(resources, job_id, folder)).status == "succeeded"
    return job_id


def test_a_card_tells_all_but_the_rows_and_its_code_loads_the_model(
    organization: OrganizationClient, resources: Resources, tmp_path: Path
) -> None:
    canaries = Canaries()
    label_canaries(organization, canaries)
    ratios = {"train": 0.5, "test": 0.25, "eval": 0.25}
    organization.post("/v1/datasets", {"name": "All of May", "ratios": ratios, "seed": 7})
    run_jobs(resources, organization)
    [dataset] = organization.get("/v1/datasets").json()["data"]
    version_id = run_training(resources, organization, dataset["id"], tmp_path / "model")
    with transaction(resources.engine) as session:
        version = model_store.get(session, organization.id, version_id)
    assert version.artifact is not None
    folder = resources.artifacts.path(version.artifact)
    leaks = {file.name: canaries.found_in(file.read_bytes()) for file in folder.rglob("*") if file.is_file()}
    assert leaks.pop(CARD) == []
    assert not any(leaks.values())

    card = (folder / CARD).read_text()
    _, front, text = card.split("---\n", 2)
    header = yaml.safe_load(front)
    assert header["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert (header["library_name"], header["pipeline_tag"]) == (
        "sentence-transformers",
        "sentence-similarity",
    )
    assert header["license"] == "apache-2.0"
    assert r"# Tuned \| in \*May\*" in text
    counts = [f"| {split} rows | {count} |" for split, count in dataset["counts"].items()]
    for row in ("| dataset | All of May |", "| split by | stratified |", "| seed | 7 |", *counts):
        assert row in text
    for row in ("| seed | 5 |", "| epochs | 1 |", "| loss | mnrl |", r"| batch\_size | 4 |"):
        assert row in text
    assert re.search(r"\| recall@1 \| [\d.]+ \([\d.]+ to [\d.]+\) \| .* \| [+-][\d.]+ \(", text)

    body = {"dataset_id": dataset["id"], "split": "eval"}
    for model_id in (version.parameters["base_model_version_id"], str(version_id)):
        assert organization.post("/v1/evaluations", {**body, "model_version_id": model_id}).status_code == 202
    assert run_jobs(resources, organization)["evaluate"] == ["succeeded"] * 2
    answer = organization.get(f"/v1/models/{version_id}/card")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert re.search(r"\| All of May \| eval \| \d+ \| this one \| [\d.]+ \(", answer.text)
    assert re.search(r"\| All of May \| eval \| \d+ \| [+-][\d.]+ \(", answer.text)
    assert "## Evaluations" not in card
    assert canaries.found_in(answer.content) == []

    [code] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    names: dict[str, Any] = {"path": str(folder)}
    exec(compile(code, CARD, "exec"), names)
    texts = re.findall(r"\"\]|'(.*?)'", code)
    served = resources.encoders.get(serving_of(version).model).encode([text for text in texts if text])
    assert np.allclose(names["vectors"], served, atol=1e-5)
