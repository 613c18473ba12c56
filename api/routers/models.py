"""Model versions, and which of them answers."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import orm

from api.answers import accepted, problems
from api.deps import Id, JobRoom, Reader, RequestId, Session, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.schemas.common import PageOut, PageQuery
from api.schemas.jobs import JobOut
from api.schemas.models import ModelOut
from shared.registry import service as registry

router = APIRouter(route_class=OnceRoute, tags=["models"])


def _active_id(session: orm.Session, organization_id: uuid.UUID) -> uuid.UUID | None:
    active = registry.find_active(session, organization_id)
    return None if active is None else active.version_id


@router.get("/v1/models")
def list_models(query: Annotated[PageQuery, Query()], reader: Reader, session: Session) -> PageOut[ModelOut]:
    """The model versions, newest first; `is_active` marks the one that answers."""
    page = registry.list_(session, reader.organization_id, query.paging())
    active_id = _active_id(session, reader.organization_id)
    return PageOut[ModelOut].of([ModelOut.of(row, active_id) for row in page.rows], page.next)


@router.get("/v1/models/{model_version_id}", responses=problems(404))
def get_model(model_version_id: Id, reader: Reader, session: Session) -> ModelOut:
    """One model version: where it comes from and what its training found."""
    version = registry.get(session, reader.organization_id, model_version_id)
    return ModelOut.of(version, _active_id(session, reader.organization_id))


@router.post(
    "/v1/models/{model_version_id}/activate",
    status_code=202,
    dependencies=[JobRoom],
    responses=problems(403, 404, 409),
)
def activate_model(
    model_version_id: Id, writer: Writer, session: WriterOnce, request_id: RequestId, response: Response
) -> JobOut:
    """Build the index of this model beside the present one, then switch to it at once for every request."""
    job = registry.submit_activation(session, writer.organization_id, model_version_id, request_id=request_id)
    return accepted(job, response)


@router.post("/v1/models/rollback", status_code=202, dependencies=[JobRoom], responses=problems(403, 409))
def roll_back(writer: Writer, session: WriterOnce, request_id: RequestId, response: Response) -> JobOut:
    """Activate the model that was active before the present one."""
    job = registry.submit_rollback(session, writer.organization_id, request_id=request_id)
    return accepted(job, response)
