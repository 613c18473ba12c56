"""Two models of one name: the second is refused by the constraint, however close together they come."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from devtools.waiting import eventually
from shared.jobs import service as jobs
from shared.jobs.kinds import ReindexParams
from shared.jobs.run import Effects, Run
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.tables import ModelVersion
from tests.factories import OrganizationClient
from tests.jobs.works import run_work


def new_version(organization: OrganizationClient, name: str) -> ModelVersion:
    return ModelVersion(
        **{"organization_id": organization.id, "name": name, "kind": "fine_tuned", "base_model": "b"},
        **{"fingerprint": "f" * 64, "parameters": {}, "metrics": {}},
    )


def while_another_adds(
    engine: Engine, organization: OrganizationClient, name: str, work: Callable[[], Any]
) -> Any:
    """What `work` returns, which meets a model of this name that is not committed yet when it begins."""
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as session:
            model_store.add(session, new_version(organization, name))
            late = pool.submit(work)
            with engine.connect() as watching:
                eventually(lambda: watching.scalar(waits) > 0 or late.done())
        return late.result(30)


def test_a_request_that_comes_second_is_a_conflict(engine: Engine, organization: OrganizationClient) -> None:
    base = organization.get("/v1/models").json()["data"][0]["id"]
    with transaction(engine) as session:
        session.execute(
            text("UPDATE model_versions SET parameters = '{\"matryoshka_dimensions\": [64]}' WHERE id = :id"),
            {"id": base},
        )
    answer = while_another_adds(
        engine,
        organization,
        "same",
        lambda: organization.post(f"/v1/models/{base}/variants", {"name": "same", "dimension": 64}),
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "model-name-taken")


def test_a_job_whose_models_name_was_taken_meanwhile_says_so(
    engine: Engine, organization: OrganizationClient
) -> None:
    with transaction(engine) as session:
        job_id = jobs.submit(session, organization.id, ReindexParams(model_version_id=uuid.uuid4())).id

    def work(run: Run, params: Any) -> Effects:
        def apply_effects(session: Session) -> dict[str, Any]:
            model_store.add(session, new_version(organization, "tuned"))
            return {}

        return apply_effects

    status = while_another_adds(engine, organization, "tuned", lambda: run_work(engine, job_id, work))
    assert status == "failed"
    error = organization.get(f"/v1/jobs/{job_id}").json()["error"]
    assert error == model_store.ModelNameTaken().as_dict()


def test_the_name_is_checked_before_any_work(engine: Engine, organization: OrganizationClient) -> None:
    with transaction(engine) as session:
        model_store.add(session, new_version(organization, "tuned"))
        with pytest.raises(model_store.ModelNameTaken):
            registry.check_name(session, organization.id, "tuned")
