"""Rows that the lab's pages show and only jobs can make, and a look at the pages' files."""

import csv
import datetime as dt
import io
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.categories.frozen import FrozenCategory
from shared.datasets.tables import Dataset, DatasetItem
from shared.kit.unit_of_work import transaction
from shared.registry.tables import Evaluation, EvaluationRow
from tests.api import lab_examples as example
from tests.api.isolation import add_row
from tests.factories import OrganizationClient

NAME = "May <b>2026</b> & more"


def new_dataset(engine: Engine, organization: OrganizationClient, name: str = NAME) -> uuid.UUID:
    """A frozen dataset with the examples' categories, and no rows."""
    dataset = Dataset(
        organization_id=organization.id,
        name=name,
        seed=0,
        parameters={},
        counts={"eval": 66},
        categories={id_: FrozenCategory(name=name, text=name) for id_, name in example.NAMES.items()},
        job_id=uuid.uuid4(),
        frozen_at=dt.datetime.now(dt.UTC),
    )
    return add_row(engine, dataset)


def new_evaluation(
    engine: Engine, organization: OrganizationClient, dataset_id: uuid.UUID, **values: Any
) -> uuid.UUID:
    """An evaluation of the base model, or what `values` says."""
    models = organization.get("/v1/models").json()["data"]
    [base] = [model for model in models if model["kind"] == "base"]
    defaults = {
        **{"method": "model", "model_version_id": uuid.UUID(base["id"]), "split": "eval"},
        **{"metrics": example.metrics(), "per_category": example.per_category(), "report": example.report()},
        **values,
    }
    evaluation = Evaluation(
        organization_id=organization.id, dataset_id=dataset_id, job_id=uuid.uuid4(), **defaults
    )
    return add_row(engine, evaluation)


def new_item(
    engine: Engine, organization: OrganizationClient, dataset_id: uuid.UUID, merchant_name: str
) -> uuid.UUID:
    """A row of the dataset; its category is Meals."""
    item = DatasetItem(
        organization_id=organization.id,
        dataset_id=dataset_id,
        transaction_id=uuid.uuid4(),
        category_id=uuid.UUID(example.MEALS),
        split="eval",
        fields={"merchant_name": merchant_name},
    )
    return add_row(engine, item)


def rank(
    engine: Engine,
    organization: OrganizationClient,
    evaluation_id: uuid.UUID,
    ranks: Mapping[uuid.UUID, int | None],
) -> None:
    """Let the evaluation have found these ranks."""
    with transaction(engine) as session:
        session.add_all(
            EvaluationRow(
                evaluation_id=evaluation_id,
                dataset_item_id=item_id,
                organization_id=organization.id,
                rank=rank,
                suggested_category_id=uuid.UUID(example.MEALS if rank == 1 else example.TRAVEL),
            )
            for item_id, rank in ranks.items()
        )


def read_csv(browser: TestClient, path: str) -> list[dict[str, str]]:
    """The file's rows."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))
