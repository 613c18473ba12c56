"""Evaluations: what a model version scores."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.answers import accepted, problems
from api.deps import Id, JobRoom, Reader, RequestId, Session, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.schemas.common import PageOut, PageQuery
from api.schemas.jobs import JobOut
from api.schemas.models import EvaluationIn, EvaluationOut, EvaluationQuery, EvaluationRowOut
from shared.evaluation import service as evaluation
from shared.registry import service as registry

router = APIRouter(route_class=OnceRoute, prefix="/v1/evaluations", tags=["evaluations"])


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
    """The evaluations, newest first."""
    page = registry.list_evaluations(
        session, reader.organization_id, query.paging(), model_version_id=query.model_version_id
    )
    return PageOut[EvaluationOut].of_page(page)


@router.get("/{evaluation_id}", responses=problems(404))
def get_evaluation(evaluation_id: Id, reader: Reader, session: Session) -> EvaluationOut:
    """One evaluation: metrics overall and by category."""
    found = registry.get_evaluation(session, reader.organization_id, evaluation_id)
    return EvaluationOut.model_validate(found)


@router.get("/{evaluation_id}/rows", responses=problems(404))
def list_evaluation_rows(
    evaluation_id: Id, query: Annotated[PageQuery, Query()], reader: Reader, session: Session
) -> PageOut[EvaluationRowOut]:
    """The rank of each row's right category."""
    page = registry.list_evaluation_rows(session, reader.organization_id, evaluation_id, query.paging())
    return PageOut[EvaluationRowOut].of_page(page)
