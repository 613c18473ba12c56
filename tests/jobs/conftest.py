"""A job to attempt."""

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from shared.jobs import service as jobs
from shared.jobs.kinds import ReindexParams
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient


@pytest.fixture
def job_id(engine: Engine, organization: OrganizationClient) -> uuid.UUID:
    """A queued job."""
    with transaction(engine) as session:
        params = ReindexParams(model_version_id=uuid.uuid4())
        return jobs.submit(session, organization.id, params).id


@pytest.fixture
def read(engine: Engine, job_id: uuid.UUID) -> Callable[[], Job]:
    """The job's row as it is now."""

    def get() -> Job:
        with transaction(engine) as session:
            return jobs.get_any(session, job_id)

    return get
