"""Attempts at a job, with works of the tests' own."""

import uuid
from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import Engine, text, update
from sqlalchemy.orm import Session

from shared.categories import service as categories
from shared.categories import store as category_store
from shared.categories.service import CategoryFields
from shared.jobs import store
from shared.jobs.exceptions import WorkerLost
from shared.jobs.handlers import Handler
from shared.jobs.run import Effects, Lease, Run, Work, execute
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient

LEASE = Lease(60, 10)
SOON = Lease(60, 0.02)


def without_resources(handler: Handler) -> Work:
    """The work of a handler that uses none of the resources."""
    return lambda run, params: handler(run, params, cast(Resources, None))


def nothing(run: Run, params: Any) -> Effects:
    """Work without effects."""
    return lambda _: {}


def named(name: str) -> Callable[[Session, Run], dict[str, Any]]:
    """An effect: a category of this name."""

    def effect(session: Session, run: Run) -> dict[str, Any]:
        category = categories.create(session, run.organization_id, CategoryFields(name=name))
        return {"category_id": str(category.id)}

    return effect


def with_effect(name: str, before_end: Callable[[], object] = lambda: None) -> Work:
    """Work that ends with a category made, after `before_end`."""

    def work(run: Run, params: Any) -> Effects:
        before_end()
        return lambda session: named(name)(session, run)

    return work


def raising(error: Exception) -> Work:
    """Work that ends with the error."""

    def work(run: Run, params: Any) -> Effects:
        raise error

    return work


def names(engine: Engine, organization: OrganizationClient) -> list[str]:
    """Names of the organisation's categories."""
    with transaction(engine) as session:
        return [row.name for row in category_store.all_live(session, organization.id)]


def run_work(engine: Engine, job_id: uuid.UUID, work: Work, lease: Lease = LEASE) -> str | None:
    """One attempt."""
    return execute(engine, job_id, lambda _: work, lease)


def expire(engine: Engine, job_id: uuid.UUID) -> None:
    """What the relay does once the lease has run out, at once."""
    with transaction(engine) as session:
        past = text("now() - interval '1 second'")
        session.execute(update(Job).where(Job.id == job_id).values(lease_until=past))
        assert job_id in {row[0] for row in store.expire_leases(session, WorkerLost().as_dict())}
