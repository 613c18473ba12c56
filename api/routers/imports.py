"""Imports: whole files of transactions."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from api.answers import accepted, problems
from api.deps import Connections, JobRoom, RequestId, Resources, Writer
from api.schemas.imports import FORM_SCHEMA, MAX_FIELD_BYTES, ImportIn
from api.schemas.jobs import JobOut
from shared.jobs import service as jobs
from shared.kit.errors import FieldError, Invalid
from shared.kit.ids import new_id
from shared.organizations.service import Principal

router = APIRouter(prefix="/v1/imports", tags=["imports"])


@dataclass(frozen=True)
class Upload:
    """A form that was read: what it says, and the file, spooled to disk when it is large."""

    writer: Principal
    says: ImportIn
    file: UploadFile


async def read_form(request: Request, writer: Writer) -> AsyncIterator[Upload]:
    """The form, which nobody reads before the key is known to be good."""
    async with request.form(max_files=1, max_fields=8, max_part_size=MAX_FIELD_BYTES) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Invalid(errors=(FieldError("/file", "missing", "Send the file under this name."),))
        fields = {name: value for name, value in form.items() if name != "file"}
        try:
            says = ImportIn.model_validate(fields)
        except ValidationError as error:
            found = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
            raise RequestValidationError(found) from error
        yield Upload(writer, says, file)


@router.post(
    "",
    status_code=202,
    dependencies=[JobRoom],
    responses=problems(403, 413, 415, 422),
    openapi_extra=FORM_SCHEMA,
)
async def import_file(
    upload: Annotated[Upload, Depends(read_form)],
    resources: Resources,
    connections: Connections,
    request_id: RequestId,
    response: Response,
) -> JobOut:
    """Store a CSV or JSONL file, and turn its rows into transactions in a job.

    `mapping` says which column is which field. Good rows are kept, bad ones reported by line in the job's
    result; rows with a known `external_id` overwrite. A category named by a row labels it.
    """
    name = f"uploads/{upload.writer.organization_id}/{new_id()}"
    limit = resources.settings.max_upload_bytes
    await run_in_threadpool(resources.artifacts.store, name, upload.file.file, max_bytes=limit)
    params = upload.says.params(name)
    job = await connections.run(
        lambda session: jobs.submit(
            session, upload.writer.organization_id, "import", params, request_id=request_id
        )
    )
    return accepted(job, response)
