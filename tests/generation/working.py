"""Generation jobs in this process: the real endpoint over HTTP, the real database, index and model."""

import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine

from devtools.scripted_llm import ScriptedLLM
from shared.candidates import store as candidate_store
from shared.candidates.tables import Candidate
from shared.generation import service as generation
from shared.jobs import service as jobs
from shared.jobs.kinds import GenerationParams
from shared.jobs.run import Lease, execute
from shared.jobs.tables import Job
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, run_jobs

NAMES = ("Lodging", "Ground Transport", "Software Licences", "Client Entertainment")
LEASE = Lease(60, 10)


def llm_settings(settings: Settings, server: ScriptedLLM, **values: Any) -> Settings:
    """Settings that name the scripted endpoint."""
    given = {"llm_base_url": server.url, "llm_model": "scripted", "llm_timeout_seconds": 20.0, **values}
    return settings.model_copy(update=given)


def chart(organization: OrganizationClient) -> dict[str, str]:
    """Four categories: id by name."""
    return {name: str(new_category(organization, name=name)["id"]) for name in NAMES}


def activate(organization: OrganizationClient, resources: Resources) -> None:
    """Let the base model serve."""
    [base] = organization.get("/v1/models").json()["data"]
    assert organization.post(f"/v1/models/{base['id']}/activate").status_code == 202
    run_jobs(resources, organization)


def submit(engine: Engine, organization: OrganizationClient, settings: Settings, **values: Any) -> uuid.UUID:
    """A queued generation."""
    params = GenerationParams(**{"style": "plain", "count": 20, **values})
    with transaction(engine) as session:
        return generation.submit(session, organization.id, params, settings).id


def attempt(resources: Resources, job_id: uuid.UUID, settings: Settings, lease: Lease = LEASE) -> Job:
    """One attempt at the job, and the job after it."""

    def work(run: Any, params: Any) -> Any:
        return generation.generate(run, params, replace(resources, settings=settings))

    execute(resources.engine, job_id, lambda _: work, lease)
    return look(resources.engine, job_id)


def generate(
    resources: Resources, organization: OrganizationClient, settings: Settings, **values: Any
) -> Job:
    """A generation, submitted and tried once."""
    return attempt(resources, submit(resources.engine, organization, settings, **values), settings)


def look(engine: Engine, job_id: uuid.UUID) -> Job:
    """The job as it is now."""
    with transaction(engine) as session:
        return jobs.get_any(session, job_id)


def candidates_of(engine: Engine, organization: OrganizationClient) -> list[Candidate]:
    """The organisation's candidates, newest first."""
    with transaction(engine) as session:
        return list(candidate_store.list_newest(session, organization.id, 10_000))


def result_of(job: Job) -> dict[str, Any]:
    """What the job found; it must have succeeded."""
    assert job.status == "succeeded", job.error
    assert job.result is not None
    result: dict[str, Any] = job.result
    return result
