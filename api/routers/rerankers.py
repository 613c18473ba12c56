"""Rerankers: a second stage that puts the first few categories in order again."""

from fastapi import APIRouter, Response

from api.deps import JobRoom, Reader, RequestId, Resources, Session, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.responses import accepted, problems
from api.schemas.jobs import JobOut
from api.schemas.models import ModelOut
from api.schemas.rerankers import HostedRerankerIn, RerankerTrainingIn, RerankingIn, RerankingOut
from shared.engines.reranker import hosted_model
from shared.registry import service as registry
from shared.registry.serving import find_active, switch_reranker
from shared.training.cross_encoder import service as cross_encoder

router = APIRouter(route_class=OnceRoute, prefix="/v1", tags=["rerankers"])


@router.get("/reranking")
def get_reranking(reader: Reader, session: Session) -> RerankingOut:
    """The reranker that is on, if any."""
    active = find_active(session, reader.organization_id)
    return RerankingOut.of(active.reranking if active else None)


@router.put("/reranking", responses=problems(403, 404, 409, 422))
def set_reranking(body: RerankingIn, writer: Writer, session: Session) -> RerankingOut:
    """Switch a reranker on behind whichever model is active, or off; the next request is answered so.

    It has a say in the order of the first `top_n` categories. While a hosted one does not answer, the first
    stage's order stands, and the answer's `reason` says so.
    """
    serving = switch_reranker(session, writer.organization_id, body.reranker_version_id, body.top_n)
    return RerankingOut.of(serving.reranking)


@router.post("/rerankers", status_code=201, responses=problems(403, 409, 422))
def register_hosted_reranker(
    body: HostedRerankerIn, writer: Writer, session: WriterOnce, resources: Resources
) -> ModelOut:
    """Register the hosted reranker that the settings name, so that it can be switched on and evaluated.

    Texts of transactions and categories are sent to it whenever it is asked.
    """
    model = hosted_model(resources.settings)
    version = registry.add_hosted_reranker(session, writer.organization_id, body.name, model)
    return ModelOut.of(version, None)


@router.post(
    "/trainings/rerankers",
    status_code=202,
    dependencies=[JobRoom],
    responses=problems(403, 404, 409, 422),
)
def train_reranker(
    body: RerankerTrainingIn, writer: Writer, session: WriterOnce, request_id: RequestId, response: Response
) -> JobOut:
    """Train a reranker on a train split, with a bi-encoder's hard negatives; the result names the model."""
    job = cross_encoder.submit(session, writer.organization_id, body.model_dump(), request_id=request_id)
    return accepted(job, response)
