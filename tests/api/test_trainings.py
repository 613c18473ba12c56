"""What a training may be asked for, over HTTP."""

import uuid
from typing import Any

import pytest
from sqlalchemy import Engine

from api.schemas.trainings import TrainingIn
from shared.jobs.kinds import Recipe, TrainingParams
from tests.api.isolation import ROWS, a_dataset
from tests.factories import OrganizationClient

NESTED = {
    "matryoshka_dimensions": [384, 64],
    "negatives": "hard",
    "negatives_per_pair": 3,
    "loss": "cached_mnrl",
}


def test_the_door_takes_every_field_of_a_recipe_with_its_default() -> None:
    shown = TrainingIn.model_validate({"dataset_id": str(uuid.uuid4()), "name": "tuned"}).model_dump()
    assert Recipe.model_fields.keys() <= shown.keys()
    assert {**shown, "base_model_version_id": None}.keys() == TrainingParams.model_fields.keys()
    assert Recipe(**{name: shown[name] for name in Recipe.model_fields}) == Recipe()


def test_a_whole_recipe_reaches_the_job(organization: OrganizationClient, frozen: uuid.UUID) -> None:
    more = {"field_dropout": 0.2, "has_amount_band": True, "category_text": "name", "precision": "float32"}
    answer = organization.post(
        "/v1/trainings", {"dataset_id": str(frozen), "name": "tuned", **NESTED, **more}
    )
    assert answer.status_code == 202, answer.text
    assert (NESTED | more).items() <= answer.json()["params"].items()


@pytest.mark.parametrize(
    ("recipe", "pointer"),
    [
        ({"matryoshka_dimensions": [64, 128]}, "/matryoshka_dimensions"),
        ({"matryoshka_dimensions": [64, 64]}, "/matryoshka_dimensions"),
        ({"matryoshka_dimensions": [768, 64]}, "/matryoshka_dimensions"),
        ({"matryoshka_dimensions": [0]}, "/matryoshka_dimensions/0"),
        ({"loss": "batch_all_triplet", "batch_size": 7}, "/batch_size"),
        ({"loss": "batch_hard_triplet", "batch_size": 2}, "/batch_size"),
        ({"loss": "batch_hard_triplet", "negatives": "hard"}, "/negatives"),
        ({"loss": "triplet", "negatives_per_pair": 2}, "/negatives_per_pair"),
        ({"loss": "margin_mse"}, "/teacher_version_id"),
        ({"loss": "arcface"}, "/loss"),
        ({"negative_margin": -0.1}, "/negative_margin"),
        ({"field_dropout": 1}, "/field_dropout"),
        ({"averaged_runs": 0}, "/averaged_runs"),
        ({"precision": "int8"}, "/precision"),
        ({"category_text": "all"}, "/category_text"),
    ],
    ids=repr,
)
def test_what_cannot_be_trained_is_a_422_that_says_why(
    organization: OrganizationClient, frozen: uuid.UUID, recipe: dict[str, Any], pointer: str
) -> None:
    answer = organization.post("/v1/trainings", {"dataset_id": str(frozen), "name": "tuned", **recipe})
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_a_teacher_is_for_its_own_loss_only(
    organization: OrganizationClient, engine: Engine, frozen: uuid.UUID
) -> None:
    teacher = str(ROWS["teacher_version_id"](organization, engine))
    body = {"dataset_id": str(frozen), "name": "tuned", "teacher_version_id": teacher}
    refused = organization.post("/v1/trainings", body)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/teacher_version_id"]


@pytest.fixture
def frozen(organization: OrganizationClient, engine: Engine) -> uuid.UUID:
    """A dataset of two categories."""
    from shared.categories.frozen import FrozenCategory
    from shared.datasets.tables import Dataset
    from shared.kit.unit_of_work import transaction

    dataset_id = a_dataset(organization, engine)
    with transaction(engine) as session:
        dataset = session.get(Dataset, dataset_id)
        assert dataset is not None
        dataset.categories = {
            str(uuid.uuid4()): FrozenCategory(name=name, text=name) for name in ("Travel", "Meals")
        }
    return dataset_id
