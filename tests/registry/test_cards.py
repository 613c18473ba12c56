"""A model card's evaluations: what they cost, and what the comparison with the parent model says."""

import uuid

import numpy as np
import pytest
from sqlalchemy import Engine

from shared.kit.intervals import figure
from shared.kit.unit_of_work import transaction
from shared.registry import cards, store
from shared.registry.tables import ModelVersion
from tests.api.lab_rows import new_dataset, new_evaluation, new_item, rank
from tests.factories import OrganizationClient
from tests.statements import recorded

BEFORE = (1, 2, 5, 7, None, 3, 12, 9)
AFTER = (1, 1, 6, 9, 4, None, 10, 9)


@pytest.fixture
def tuned(engine: Engine, organization: OrganizationClient) -> uuid.UUID:
    """A model that was fine-tuned from the base model."""
    [base] = organization.get("/v1/models").json()["data"]
    with transaction(engine) as session:
        version = ModelVersion(
            organization_id=organization.id,
            name="tuned",
            kind="fine_tuned",
            base_model="all-MiniLM-L6-v2",
            fingerprint=uuid.uuid4().hex * 2,
            parameters={"base_model_version_id": base["id"]},
            metrics={},
        )
        return store.add(session, version).id


def evaluate_both(
    engine: Engine, organization: OrganizationClient, tuned: uuid.UUID, splits: int, times: int
) -> None:
    """Evaluate the base model and the tuned one on some datasets, some times each."""
    for number in range(splits):
        dataset_id = new_dataset(engine, organization, f"Dataset {number}")
        items = [new_item(engine, organization, dataset_id, "Merchant") for _ in BEFORE]
        for _ in range(times):
            before = new_evaluation(engine, organization, dataset_id)
            rank(engine, organization, before, dict(zip(items, BEFORE, strict=True)))
            after = new_evaluation(engine, organization, dataset_id, model_version_id=tuned)
            rank(engine, organization, after, dict(zip(items, AFTER, strict=True)))


def test_a_card_costs_as_many_statements_whatever_the_number_of_evaluations(
    engine: Engine, organization: OrganizationClient, tuned: uuid.UUID
) -> None:
    path = f"/v1/models/{tuned}/card"
    evaluate_both(engine, organization, tuned, splits=1, times=1)
    with recorded(engine) as few:
        assert organization.get(path).status_code == 200
    evaluate_both(engine, organization, tuned, splits=4, times=5)
    with recorded(engine) as many:
        card = organization.get(path).text
    assert card.count("| this one |") == 20
    print(f"card: {len(many)} statements with 20 evaluations")
    assert len(many) == len(few) <= 8, "\n".join(many)
    assert not any("report" in statement for statement in many)


def test_intervals_are_computed_after_the_transaction(
    engine: Engine, organization: OrganizationClient, tuned: uuid.UUID
) -> None:
    evaluate_both(engine, organization, tuned, splits=2, times=2)
    with transaction(engine) as session:
        data = cards.read(session, organization.id, tuned)
    with recorded(engine) as statements:
        data.markdown()
    assert statements == []


def test_a_comparison_is_that_of_the_rows_themselves(
    engine: Engine, organization: OrganizationClient, tuned: uuid.UUID
) -> None:
    evaluate_both(engine, organization, tuned, splits=1, times=1)
    card = organization.get(f"/v1/models/{tuned}/card").text

    def reciprocals(ranks: tuple[int | None, ...]) -> list[float]:
        return [1 / place if place is not None and place <= 5 else 0.0 for place in ranks]

    def shown(values: list[float]) -> str:
        mean = figure(values)
        return f"{mean.value:+.3f} ({mean.low:+.3f} to {mean.high:+.3f})"

    hits = [float(new == 1) - float(old == 1) for old, new in zip(BEFORE, AFTER, strict=True)]
    gains = list(np.subtract(reciprocals(AFTER), reciprocals(BEFORE)))
    # Ranks 7 to 9 are further down, and 12 to 10 further up, though MRR@5 counts none of them.
    assert f"| Dataset 0 | eval | 8 | {shown(hits)} | {shown(gains)} | 3 | 3 |" in card


def test_the_newest_evaluation_of_each_split_is_compared(
    engine: Engine, organization: OrganizationClient, tuned: uuid.UUID
) -> None:
    evaluate_both(engine, organization, tuned, splits=7, times=2)
    table = organization.get(f"/v1/models/{tuned}/card").text.partition("Against the model")[2]
    compared = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| Dataset ")]
    assert compared == [f"Dataset {number}" for number in (6, 5, 4, 3, 2)]
