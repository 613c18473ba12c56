"""Datasets: labelled transactions, frozen and split."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from api.deps import Connections, Id, JobRoom, Reader, RequestId, Session, Writer
from api.exports import dataset_lines
from api.idempotency import OnceRoute, WriterOnce
from api.responses import Responses, accepted, problems
from api.schemas.common import PageOut, PageQuery
from api.schemas.datasets import DatasetIn, DatasetItemOut, DatasetOut, ExportQuery, ItemQuery
from api.schemas.evaluations import BaselinesIn
from api.schemas.jobs import JobOut
from shared.datasets import exports
from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.evaluation import baselines_job

router = APIRouter(route_class=OnceRoute, prefix="/v1/datasets", tags=["datasets"])

EXPORTED: Responses = {
    200: {"description": "The file.", "content": {"application/jsonl": {}, "text/csv": {}}},
}


@router.post("", status_code=202, dependencies=[JobRoom], responses=problems(403, 422))
def create_dataset(
    body: DatasetIn, writer: Writer, session: WriterOnce, request_id: RequestId, response: Response
) -> JobOut:
    """Freeze all that is labelled now into train, test and eval; the job's result names the dataset."""
    job = datasets.submit(session, writer.organization_id, body.params(), request_id=request_id)
    return accepted(job, response)


@router.get("")
def list_datasets(
    query: Annotated[PageQuery, Query()], reader: Reader, session: Session
) -> PageOut[DatasetOut]:
    """The frozen datasets, newest first."""
    page = dataset_store.list_(session, reader.organization_id, query.paging())
    return PageOut[DatasetOut].of([DatasetOut.of(row) for row in page.rows], page.next)


@router.get("/{dataset_id}", responses=problems(404))
def get_dataset(dataset_id: Id, reader: Reader, session: Session) -> DatasetOut:
    """One dataset: its parameters and how many rows each split has."""
    return DatasetOut.of(dataset_store.get(session, reader.organization_id, dataset_id))


@router.get("/{dataset_id}/items", responses=problems(404))
def list_dataset_items(
    dataset_id: Id, query: Annotated[ItemQuery, Query()], reader: Reader, session: Session
) -> PageOut[DatasetItemOut]:
    """The dataset's rows, of one split or of all."""
    page = datasets.list_items(session, reader.organization_id, dataset_id, query.paging(), split=query.split)
    return PageOut[DatasetItemOut].of_page(page)


@router.post("/{dataset_id}/check", status_code=202, dependencies=[JobRoom], responses=problems(403, 404))
def check_dataset(
    dataset_id: Id, writer: Writer, session: WriterOnce, request_id: RequestId, response: Response
) -> JobOut:
    """Compare how hard the splits are for the base model; the report's `parity` flags what is not chance."""
    job = datasets.submit_check(session, writer.organization_id, dataset_id, request_id=request_id)
    return accepted(job, response)


@router.post(
    "/{dataset_id}/baselines", status_code=202, dependencies=[JobRoom], responses=problems(403, 404, 422)
)
def measure_baselines(
    dataset_id: Id,
    body: BaselinesIn,
    writer: Writer,
    session: WriterOnce,
    request_id: RequestId,
    response: Response,
) -> JobOut:
    """Measure what needs no model on one split; the job's result names an evaluation for each method."""
    params = body.params(dataset_id)
    job = baselines_job.submit(session, writer.organization_id, params, request_id=request_id)
    return accepted(job, response)


@router.get("/{dataset_id}/export", response_class=StreamingResponse, responses=EXPORTED | problems(404))
async def export_dataset(
    dataset_id: Id, query: Annotated[ExportQuery, Query()], reader: Reader, connections: Connections
) -> StreamingResponse:
    """The rows as a file, in the order of their ids."""
    first = await dataset_lines(connections, reader.organization_id, dataset_id, query)
    return StreamingResponse(first, media_type=exports.MEDIA_TYPES[query.format])
