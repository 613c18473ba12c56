"""How long a model's vectors may be, from its import over its variants to the hub."""

import re
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from shared.engines.artifacts import CARD
from shared.engines.hub import Hub
from shared.kit.unit_of_work import transaction
from shared.registry import store as model_store
from shared.registry.matryoshka import dimension_of
from shared.registry.serving import model_of
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from tests.factories import OrganizationClient
from tests.publishing.scripted_hub import ScriptedHub
from tests.publishing.test_service import (
    REPOSITORY,
    code_of,
    fetch,
    models_dir,
    push,
    run_job,
    version_of,
)

# huggingface_hub's own, of the way in which it uses its HTTP library.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(opened: Resources, small_model: Path) -> str:
    """The name of a folder with a model of 32 dimensions that may be imported."""
    (models_dir(opened) / "small").symlink_to(small_model, target_is_directory=True)
    return "small"


def imported(
    resources: Resources, organization: OrganizationClient, folder: str, **fields: Any
) -> ModelVersion:
    """The version that an import of the folder makes."""
    return version_of(
        resources.engine, organization, run_job(resources, fetch(organization, folder, **fields), Hub(None))
    )


def cut(organization: OrganizationClient, version_id: Any, dimension: int) -> Any:
    body = {"name": f"cut to {dimension}", "dimension": dimension}
    return organization.post(f"/v1/models/{version_id}/variants", body)


def test_an_import_notes_how_long_the_vectors_are_and_no_other_length_is_taken(
    opened: Resources,
    caller: OrganizationClient,
    folder: str,
) -> None:
    version = imported(opened, caller, folder)
    assert version.metrics == {"dimensions": [32]}
    card = caller.get(f"/v1/models/{version.id}/card").text
    assert "Each vector has 32 numbers." in card
    assert "## Training" not in card
    refused = cut(caller, version.id, 16)
    assert (refused.status_code, refused.json()["code"]) == (422, "dimension-not-trained")
    assert dimension_of(version) == 32  # so that a recipe which asks for more is refused at the door


def test_an_import_takes_the_lengths_that_its_publisher_trained(
    opened: Resources,
    caller: OrganizationClient,
    folder: str,
) -> None:
    version = imported(opened, caller, folder, matryoshka_dimensions=[32, 16, 8])
    assert version.metrics == {"dimensions": [32, 16, 8]}
    assert "cut to the first of them: 16, 8." in caller.get(f"/v1/models/{version.id}/card").text
    assert cut(caller, version.id, 16).status_code == 201
    assert cut(caller, version.id, 12).json()["code"] == "dimension-not-trained"
    longer = fetch(caller, folder, name="longer", matryoshka_dimensions=[64, 16])
    assert code_of(run_job(opened, longer, Hub(None))) == "dimension-too-long"


@pytest.mark.parametrize(
    "fields",
    [
        {"matryoshka_dimensions": [8, 16]},
        {"matryoshka_dimensions": [16, 16]},
        {"matryoshka_dimensions": [0]},
        {"matryoshka_dimensions": [16], "kind": "reranker"},
    ],
    ids=repr,
)
def test_lengths_that_make_no_sense_are_a_422(
    caller: OrganizationClient,
    fields: dict[str, Any],
) -> None:
    assert fetch(caller, "small", **fields).status_code == 422


def test_a_variant_is_pushed_with_the_files_of_the_whole_and_a_card_that_cuts_them(
    opened: Resources,
    caller: OrganizationClient,
    folder: str,
    hub: ScriptedHub,
    tmp_path: Path,
) -> None:
    whole = imported(opened, caller, folder, matryoshka_dimensions=[16])
    variant_id = uuid.UUID(cut(caller, whole.id, 16).json()["id"])
    card = caller.get(f"/v1/models/{variant_id}/card")
    assert card.status_code == 200
    assert "keeps the first 16 of each vector's 32 numbers" in card.text
    pushed = run_job(opened, push(caller, variant_id), Hub(SecretStr(hub.token), endpoint=hub.url))
    assert pushed.status == "succeeded", pushed.error
    there = hub.repositories[REPOSITORY].files
    assert there[CARD].decode() == card.text
    assert whole.artifact is not None
    weights = opened.artifacts.path(whole.artifact) / "model.safetensors"
    assert there["model.safetensors"] == weights.read_bytes()

    # Whoever fetches it and does as the card says has the vectors that are served here.
    fetched = tmp_path / "fetched"
    for name, content in there.items():
        (fetched / name).parent.mkdir(parents=True, exist_ok=True)
        (fetched / name).write_bytes(content)
    [code] = re.findall(r"```python\n(.*?)```", card.text, re.DOTALL)
    names: dict[str, Any] = {"path": str(fetched)}
    exec(code, names)
    texts = [text for text in re.findall(r"'(.*?)'", code) if text]
    with transaction(opened.engine) as session:
        model = model_of(model_store.get(session, caller.id, variant_id))
    served = opened.encoders.get(model).encode(texts)
    assert served.shape == (2, 16)
    assert np.allclose(names["vectors"], served, atol=1e-5)
