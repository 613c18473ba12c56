"""A collection that is lost, or whose points drift, comes back for everybody who is served from it."""

import pytest
from sqlalchemy import text

from shared.indexing import daily_reindex
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_organization, run_jobs
from tests.indexing.checks import activate, held, labelled, serving, truth, tuned

# Only the in-memory mode says so, once a process; a server and Edge have these indexes.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Payload indexes have no effect in the local Qdrant:UserWarning"
)


@pytest.fixture
def other(served: OrganizationClient, machines: Resources) -> OrganizationClient:
    """A second organisation on the same model."""
    newcomer = new_organization(served.client)
    labelled(newcomer, new_category(newcomer)["id"])
    activate(newcomer, machines)
    return newcomer


def queued(organization: OrganizationClient) -> list[str]:
    return [job["kind"] for job in organization.get("/v1/jobs?status=queued").json()["data"]]


def test_one_organizations_change_mends_the_others_too(
    served: OrganizationClient, other: OrganizationClient, machines: Resources
) -> None:
    bystander = new_organization(served.client)
    new_category(bystander)
    activate(bystander, machines, tuned(machines.engine, bystander, "another model"))
    machines.index.drop_collection(serving(machines, served).collection)
    labelled(other, new_category(other)["id"])
    run_jobs(machines, other)
    assert held(machines, served) == {}
    assert queued(served) == ["reindex"]
    assert queued(bystander) == []
    run_jobs(machines, served)
    for organization in (served, other):
        assert held(machines, organization) == truth(machines, organization) != {}


def test_a_reindex_that_waits_already_is_enough(
    served: OrganizationClient, other: OrganizationClient, machines: Resources
) -> None:
    machines.index.drop_collection(serving(machines, served).collection)
    assert served.post("/v1/reindex", {}).status_code == 202
    new_category(other)
    run_jobs(machines, other)
    assert queued(served) == ["reindex"]
    run_jobs(machines, served)
    assert held(machines, served) == truth(machines, served)
    assert queued(other) == []


def test_drift_is_mended_once_a_day(served: OrganizationClient, machines: Resources) -> None:
    lost, *_ = held(machines, served)
    machines.index.delete(serving(machines, served).collection, [lost])
    assert held(machines, served) != truth(machines, served)
    with transaction(machines.engine) as session:
        daily_reindex.submit_due(session, calls_a_day=1)
    assert queued(served) == []  # the activation has just compared everything
    make_older(machines, served)
    for _ in range(2):
        with transaction(machines.engine) as session:
            daily_reindex.submit_due(session, calls_a_day=1)
    [job] = served.get("/v1/jobs?status=queued").json()["data"]
    assert (job["kind"], job["params"]["rebuild"]) == ("reindex", False)
    run_jobs(machines, served)
    assert held(machines, served) == truth(machines, served)


def test_what_is_due_together_is_spread_over_the_day(
    served: OrganizationClient, other: OrganizationClient, machines: Resources
) -> None:
    make_older(machines, served)
    make_older(machines, other)
    before = len(queued(served)) + len(queued(other))
    with transaction(machines.engine) as session:
        assert daily_reindex.submit_due(session, calls_a_day=10_000) == 1
    assert len(queued(served)) + len(queued(other)) <= before + 1


def make_older(machines: Resources, organization: OrganizationClient) -> None:
    """As if all its jobs had been submitted two days ago."""
    statement = "UPDATE jobs SET created_at = created_at - interval '2 days' WHERE organization_id = :owner"
    with transaction(machines.engine) as session:
        session.execute(text(statement), {"owner": organization.id})
