"""What the lab's pages cost: a bounded number of statements, and no report that is not shown."""

import uuid

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from tests.api.lab_rows import new_dataset, new_evaluation, new_item, rank
from tests.api.signing_in import sign_in
from tests.factories import OrganizationClient
from tests.statements import recorded

PATHS = (
    "/console/evaluations",
    "/console/evaluations/charts.json",
    "/console/evaluations/tables/leaderboard.csv",
    "/console/evaluations/{evaluation_id}",
    "/console/evaluations/{evaluation_id}/charts.json",
    "/console/evaluations/{evaluation_id}/tables/slices.csv",
    "/console/compare?baseline={evaluation_id}&candidate={other_id}",
    "/console/compare/charts.json?baseline={evaluation_id}&candidate={other_id}",
    "/console/compare/tables/rows.csv?baseline={evaluation_id}&candidate={other_id}",
)
MOST = 16


def evaluations_of(engine: Engine, organization: OrganizationClient, datasets: int) -> list[uuid.UUID]:
    """Two evaluations on each of some new datasets: of the newest one."""
    for number in range(datasets):
        dataset_id = new_dataset(engine, organization, f"Dataset {number}")
        item_id = new_item(engine, organization, dataset_id, "Merchant")
        evaluation_ids = [new_evaluation(engine, organization, dataset_id) for _ in range(2)]
        for evaluation_id in evaluation_ids:
            rank(engine, organization, evaluation_id, {item_id: 1})
    return evaluation_ids


@pytest.mark.parametrize("path", PATHS)
def test_a_page_costs_as_many_statements_whatever_the_number_of_evaluations(
    client: TestClient, engine: Engine, organization: OrganizationClient, path: str
) -> None:
    client.cookies.clear()
    sign_in(client, organization)
    costs = []
    for datasets in (1, 6):
        evaluation_id, other_id = evaluations_of(engine, organization, datasets)
        with recorded(engine) as statements:
            answer = client.get(path.format(evaluation_id=evaluation_id, other_id=other_id))
        assert answer.status_code == 200, answer.text
        costs.append(len(statements))
    print(f"{path.partition('?')[0]}: {costs[1]} statements")
    assert costs[0] == costs[1] <= MOST, "\n".join(statements)


def test_a_leaderboard_reads_no_reports(
    client: TestClient, engine: Engine, organization: OrganizationClient
) -> None:
    client.cookies.clear()
    sign_in(client, organization)
    evaluations_of(engine, organization, 1)
    with recorded(engine) as statements:
        client.get("/console/evaluations")
    [leaderboard] = [statement for statement in statements if "evaluations.metrics" in statement]
    assert "evaluations.report," not in leaderboard
    assert "per_category" not in leaderboard
