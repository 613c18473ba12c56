"""Evaluations: what a model version or a baseline scores, and how two of them differ."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from api.deps import Comparisons, Connections, Id, JobRoom, Reader, RequestId, Session, Writer
from api.evaluation_exports import MEDIA_TYPES, evaluation_lines
from api.idempotency import OnceRoute, WriterOnce
from api.responses import Responses, accepted, problems
from api.schemas.common import PageOut, PageQuery
from api.schemas.evaluations import (
    ComparisonOut,
    ComparisonQuery,
    EvaluationExportQuery,
    EvaluationIn,
    EvaluationOut,
    EvaluationQuery,
    EvaluationReportOut,
    EvaluationRowOut,
)
from api.schemas.jobs import JobOut
from shared.evaluation import service as evaluation
from shared.registry import service as registry
from shared.registry import store as model_store

router = APIRouter(route_class=OnceRoute, prefix="/v1/evaluations", tags=["evaluations"])

EXPORTED: Responses = {
    200: {"description": "The file.", "content": {"text/csv": {}, "application/json": {}}},
}


@router.post("", status_code=202, dependencies=[JobRoom], responses=problems(403, 404, 422))
def start_evaluation(
    body: EvaluationIn, writer: Writer, session: WriterOnce, request_id: RequestId, response: Response
) -> JobOut:
    """Measure a model version on one split; the job's result names the evaluation."""
    job = evaluation.submit(session, writer.organization_id, body.params(), request_id=request_id)
    return accepted(job, response)


@router.get("")
def list_evaluations(
    query: Annotated[EvaluationQuery, Query()], reader: Reader, session: Session
) -> PageOut[EvaluationOut]:
    """The evaluations, newest first; of one dataset and split, baselines and models in one table."""
    wanted = query.model_dump(exclude={"limit", "cursor"})
    page = registry.list_evaluations(session, reader.organization_id, query.paging(), **wanted)
    return PageOut[EvaluationOut].of_page(page)


@router.get("/compare", responses=problems(404, 422))
async def compare_evaluations(
    query: Annotated[ComparisonQuery, Query()], reader: Reader, comparisons: Comparisons
) -> ComparisonOut:
    """How the candidate differs from the baseline on the rows that both have, and which rows changed."""
    result = await comparisons.get(reader.organization_id, query.baseline, query.candidate)
    return ComparisonOut.model_validate(result)


@router.get("/{evaluation_id}", responses=problems(404))
def get_evaluation(evaluation_id: Id, reader: Reader, session: Session) -> EvaluationReportOut:
    """One evaluation: metrics overall and by category, and its report."""
    evaluation = model_store.get_evaluation(session, reader.organization_id, evaluation_id)
    return EvaluationReportOut.model_validate(evaluation)


@router.get("/{evaluation_id}/rows", responses=problems(404))
def list_evaluation_rows(
    evaluation_id: Id, query: Annotated[PageQuery, Query()], reader: Reader, session: Session
) -> PageOut[EvaluationRowOut]:
    """The rank of each row's right category."""
    page = registry.list_evaluation_rows(session, reader.organization_id, evaluation_id, query.paging())
    return PageOut[EvaluationRowOut].of_page(page)


@router.get("/{evaluation_id}/export", response_class=StreamingResponse, responses=EXPORTED | problems(404))
async def export_evaluation(
    evaluation_id: Id,
    query: Annotated[EvaluationExportQuery, Query()],
    reader: Reader,
    connections: Connections,
) -> StreamingResponse:
    """The evaluation as a file: its rows with ranks, categories and what came first."""
    lines = await evaluation_lines(connections, reader.organization_id, evaluation_id, query.format)
    return StreamingResponse(lines, media_type=MEDIA_TYPES[query.format])
