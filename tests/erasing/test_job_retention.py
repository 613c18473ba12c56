"""Ended jobs go by age, with their children, unless something still names them."""

import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from shared.datasets.tables import Dataset
from shared.erasing import job_retention
from shared.jobs.kinds import KINDS
from shared.jobs.tables import Job
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.registry.tables import Evaluation, ModelVersion
from tests.factories import OrganizationClient, new_candidates

KEPT = dict.fromkeys(KINDS, dt.timedelta(days=10))


def add_job(session: Session, organization: OrganizationClient, kind: str, **values: Any) -> uuid.UUID:
    """An ended job, eleven days old but for what `values` say."""
    ended = {"status": "succeeded", "finished_at": func.now() - dt.timedelta(days=11), **values}
    job = Job(
        **{"organization_id": organization.id, "kind": kind, "queue": "default", "priority": 3},
        **{"max_attempts": 3, "params": {}},
        **ended,
    )
    session.add(job)
    session.flush()
    return job.id


def jobs_left(engine: Engine, organization: OrganizationClient) -> set[uuid.UUID]:
    with transaction(engine) as session:
        return set(session.scalars(select(Job.id).where(Job.organization_id == organization.id)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_every_kind_goes_by_age(
    engine: Engine, organization: OrganizationClient, kind: str, status: str
) -> None:
    with transaction(engine) as session:
        for _ in range(5):
            add_job(session, organization, kind, status=status)
        young = add_job(
            session, organization, kind, status=status, finished_at=func.now() - dt.timedelta(days=9)
        )
        queued = add_job(session, organization, kind, status="queued", finished_at=None)
    assert job_retention.sweep_jobs(engine, KEPT, batch=2) == 5
    assert jobs_left(engine, organization) == {young, queued}


def test_a_search_goes_with_its_trials_and_a_trial_never_alone(
    engine: Engine, organization: OrganizationClient
) -> None:
    with transaction(engine) as session:
        old = add_job(session, organization, "search")
        add_job(session, organization, "trial", parent_id=old)
        young = add_job(session, organization, "search", finished_at=func.now())
        its_trial = add_job(session, organization, "trial", parent_id=young)
    assert job_retention.sweep_jobs(engine, KEPT, batch=100) == 2
    assert jobs_left(engine, organization) == {young, its_trial}


def test_what_something_names_stays_however_old(engine: Engine, organization: OrganizationClient) -> None:
    base = uuid.UUID(organization.get("/v1/models").json()["data"][0]["id"])
    with transaction(engine) as session:
        frozen, evaluated, trained, generated, search = (
            add_job(session, organization, kind)
            for kind in ("freeze_dataset", "evaluate", "train", "generate", "search")
        )
        winner = add_job(session, organization, "train", parent_id=search)
        nobodys = add_job(session, organization, "train")
        dataset = Dataset(
            **{"organization_id": organization.id, "name": "d", "seed": 0, "parameters": {}, "counts": {}},
            **{"categories": {}, "job_id": frozen, "frozen_at": func.now()},
        )
        session.add(dataset)
        session.flush()
        session.add(
            Evaluation(
                **{"organization_id": organization.id, "dataset_id": dataset.id, "model_version_id": base},
                **{"split": "eval", "metrics": {}, "per_category": {}, "job_id": evaluated},
            )
        )
        for job_id in (trained, winner):
            session.add(
                ModelVersion(
                    **{"organization_id": organization.id, "name": str(job_id), "kind": "fine_tuned"},
                    **{"base_model": "b", "fingerprint": "f", "parameters": {}, "metrics": {}},
                    job_id=job_id,
                )
            )
    new_candidates(engine, organization, 1, job_id=generated)
    assert job_retention.sweep_jobs(engine, KEPT, batch=2) == 1
    left = jobs_left(engine, organization)
    assert {frozen, evaluated, trained, generated, search, winner} <= left
    assert nobodys not in left


def test_each_kind_has_an_age_in_the_settings() -> None:
    settings = Settings(
        _env_file=None, ended_jobs_kept_days=3, ended_index_jobs_kept_days=1, ended_searches_kept_days=2
    )
    kept = job_retention.kept_for(settings)
    assert set(kept) == set(KINDS)
    days = {kind: age.days for kind, age in kept.items()}
    assert (days["sync_index"], days["reindex"], days["search"], days["import"]) == (1, 1, 2, 3)
