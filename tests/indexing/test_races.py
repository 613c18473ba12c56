"""The index while rows change under it and models are switched."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.jobs import service as jobs
from shared.jobs.handlers import bind, load_handlers
from shared.jobs.run import Lease, execute
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient, run_jobs
from tests.indexing.checks import (
    ChangingRows,
    Interrupted,
    chart,
    held,
    label,
    labelled,
    run_sync,
    run_through,
    serving,
    submit_sync,
    truth,
    tuned,
)

# Qdrant's client without a server says that it needs no payload indexes.
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


@pytest.mark.parametrize("change", ["relabel", "delete", "archive"])
def test_of_two_syncs_at_once_the_late_one_leaves_the_truth(
    served: OrganizationClient, machines: Resources, change: str
) -> None:
    lodging, software = chart(served)
    row = labelled(served, lodging, merchant_name="Airbnb")

    def meanwhile() -> None:  # the first one holds what is about to be wrong
        if change == "relabel":
            label(served, row, software)
        elif change == "delete":
            assert served.delete(f"/v1/transactions/{row}").status_code == 204
        else:
            assert served.delete(f"/v1/categories/{lodging}").status_code == 204
        run_jobs(machines, served)

    index = Interrupted(machines.index, meanwhile)
    assert run_sync(machines, served, index, transaction_ids=[uuid.UUID(row)]) == "succeeded"
    assert held(machines, served) == truth(machines, served)


def test_rows_that_never_stop_changing_cost_an_attempt_and_fail_the_job_at_last(
    served: OrganizationClient, machines: Resources, engine: Engine
) -> None:
    lodging, software = chart(served)
    row = labelled(served, lodging, merchant_name="Airbnb")
    run_jobs(machines, served)
    index = ChangingRows(machines.index, lambda round_: label(served, row, (lodging, software)[round_ % 2]))
    job_id = submit_sync(machines, served, transaction_ids=[uuid.UUID(row)])
    statuses = [run_through(machines, job_id, index) for _ in range(3)]
    with transaction(engine) as session:
        job = jobs.get_any(session, job_id)
    assert (statuses, job.attempt) == (["queued", "queued", "failed"], 3)
    assert job.error is not None
    assert job.error["code"] == "index-not-converging"
    run_jobs(machines, served)  # the changes' own jobs
    assert held(machines, served) == truth(machines, served)


def test_a_change_during_an_activation_is_in_the_new_collection(
    served: OrganizationClient, machines: Resources, engine: Engine
) -> None:
    lodging = chart(served)[0]
    known = served.get("/v1/transactions").json()["data"][0]["id"]
    version = tuned(engine, served, "tuned")
    before = serving(machines, served)
    changed: list[str] = []

    def meanwhile() -> None:
        assert serving(machines, served) == before  # still served while the new one is built
        changed.append(labelled(served, lodging, merchant_name="Ibis"))
        label(served, known, lodging)

    job_id = uuid.UUID(served.post(f"/v1/models/{version}/activate").json()["id"])
    interrupted: Any = Interrupted(machines.index, meanwhile)
    work_of = bind(load_handlers(), replace(machines, index=interrupted))
    assert execute(engine, job_id, work_of, Lease(60, 10)) == "succeeded"
    now = serving(machines, served)
    assert (str(now.version_id), now.counter) == (version, before.counter + 1)
    assert now.collection != before.collection
    assert run_jobs(machines, served)["reindex"] == ["succeeded"]
    assert changed
    assert held(machines, served) == truth(machines, served)
    assert len(held(machines, served)) == 5


def test_only_the_first_of_two_activations_switches_and_rollback_goes_back(
    served: OrganizationClient, machines: Resources, engine: Engine
) -> None:
    base = serving(machines, served)
    versions = [tuned(engine, served, name) for name in ("one", "two")]
    jobs = [served.post(f"/v1/models/{version}/activate").json()["id"] for version in versions]
    assert run_jobs(machines, served)["activate"] == ["succeeded", "failed"]
    assert served.get(f"/v1/jobs/{jobs[1]}").json()["error"]["code"] == "switched-meanwhile"
    assert str(serving(machines, served).version_id) == versions[0]
    assert served.post("/v1/models/rollback").status_code == 202
    run_jobs(machines, served)
    now = serving(machines, served)
    assert (now.version_id, now.counter) == (base.version_id, base.counter + 2)
    assert held(machines, served) == truth(machines, served)
