"""Fine-tuning."""

from fastapi import APIRouter, Response

from api.deps import JobRoom, RequestId, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.responses import accepted, problems
from api.schemas.jobs import JobOut
from api.schemas.trainings import TrainingIn
from shared.training.bi_encoder import service as bi_encoder

router = APIRouter(route_class=OnceRoute, prefix="/v1/trainings", tags=["trainings"])


@router.post("", status_code=202, dependencies=[JobRoom], responses=problems(403, 404, 409, 422))
def start_training(
    body: TrainingIn, writer: Writer, session: WriterOnce, request_id: RequestId, response: Response
) -> JobOut:
    """Fine-tune a model on a train split; the job's progress shows the loss, its result the model."""
    job = bi_encoder.submit(session, writer.organization_id, body.model_dump(), request_id=request_id)
    return accepted(job, response)
