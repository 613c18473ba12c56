"""Model versions, and which of them answers."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import orm
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse

from api.deps import Connections, Id, JobRoom, Reader, RequestId, Resources, Session, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.responses import accepted, problems
from api.schemas.common import PageOut, PageQuery
from api.schemas.jobs import JobOut
from api.schemas.models import ModelOut, VariantIn
from api.schemas.publishing import ModelImportIn, ModelPushIn
from shared.publishing import service as publishing
from shared.registry import cards, matryoshka
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.serving import find_active

router = APIRouter(route_class=OnceRoute, tags=["models"])


class MarkdownResponse(PlainTextResponse):
    """Markdown as it is written, for whoever shows it."""

    media_type = "text/markdown"


def _active_id(session: orm.Session, organization_id: uuid.UUID) -> uuid.UUID | None:
    active = find_active(session, organization_id)
    return None if active is None else active.version_id


@router.get("/v1/models")
def list_models(query: Annotated[PageQuery, Query()], reader: Reader, session: Session) -> PageOut[ModelOut]:
    """The model versions, newest first; `is_active` marks the one that answers."""
    page = model_store.list_(session, reader.organization_id, query.paging())
    active_id = _active_id(session, reader.organization_id)
    return PageOut[ModelOut].of([ModelOut.of(row, active_id) for row in page.rows], page.next)


@router.get("/v1/models/{model_version_id}", responses=problems(404))
def get_model(model_version_id: Id, reader: Reader, session: Session) -> ModelOut:
    """One model version: where it comes from and what its training found."""
    version = model_store.get(session, reader.organization_id, model_version_id)
    return ModelOut.of(version, _active_id(session, reader.organization_id))


@router.get("/v1/models/{model_version_id}/card", response_class=MarkdownResponse, responses=problems(404))
async def get_card(model_version_id: Id, reader: Reader, connections: Connections) -> MarkdownResponse:
    """The model's card as of now, in Markdown: its data, parameters, figures and limits, no transaction."""
    card = await connections.run(
        lambda session: cards.read(session, reader.organization_id, model_version_id)
    )
    # Intervals take a moment to compute; no transaction waits for them.
    return MarkdownResponse(await run_in_threadpool(card.markdown))


@router.post(
    "/v1/models/{model_version_id}/variants", status_code=201, responses=problems(403, 404, 409, 422)
)
def add_variant(model_version_id: Id, body: VariantIn, writer: Writer, session: WriterOnce) -> ModelOut:
    """Register the same weights with shorter vectors, to evaluate and activate like any other version.

    Only for lengths that the model was trained for: its index is smaller and its search faster.
    """
    version = matryoshka.add_variant(
        session, writer.organization_id, model_version_id, name=body.name, dimension=body.dimension
    )
    return ModelOut.of(version, None)


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


@router.post("/v1/models/import", status_code=202, dependencies=[JobRoom], responses=problems(403, 409, 422))
def import_model(
    body: ModelImportIn,
    writer: Writer,
    session: WriterOnce,
    resources: Resources,
    request_id: RequestId,
    response: Response,
) -> JobOut:
    """Fetch a model from the hub at a commit, or from a folder the operator opened; only safetensors come."""
    job = publishing.submit_import(
        session,
        writer.organization_id,
        body.params(),
        models_dir=resources.settings.models_dir,
        request_id=request_id,
    )
    return accepted(job, response)


@router.post(
    "/v1/models/{model_version_id}/push",
    status_code=202,
    dependencies=[JobRoom],
    responses=problems(403, 404, 409, 422),
)
def push_model(
    model_version_id: Id,
    body: ModelPushIn,
    writer: Writer,
    session: WriterOnce,
    resources: Resources,
    request_id: RequestId,
    response: Response,
) -> JobOut:
    """Send the model's files and its card of now to a repository of the hub, with the operator's token."""
    job = publishing.submit_push(
        session,
        writer.organization_id,
        body.params(model_version_id),
        has_token=resources.settings.hub_token is not None,
        request_id=request_id,
    )
    return accepted(job, response)
