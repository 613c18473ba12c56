"""Imports: whole files of transactions."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy import orm
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from api.deps import JobRoom, RequestId, Resources, Session, Writer
from api.idempotency import IdempotencyKey, OnceRoute, claim
from api.responses import accepted, problems
from api.schemas.imports import FORM_SCHEMA, MAX_FIELD_BYTES, ImportIn
from api.schemas.jobs import JobOut
from shared.engines.artifacts import StoredFile
from shared.jobs import service as jobs
from shared.kit.errors import FieldError, Invalid, Unavailable
from shared.kit.ids import new_id
from shared.organizations.service import Principal

router = APIRouter(route_class=OnceRoute, prefix="/v1/imports", tags=["imports"])


@dataclass
class StoredUpload:
    """An upload whose file is stored; `is_submitted` once its job is in the transaction."""

    writer: Principal
    says: ImportIn
    file: StoredFile
    is_submitted: bool = False


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
            errors = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
            raise RequestValidationError(errors) from error
        yield Upload(writer, says, file)


async def store_upload(
    upload: Annotated[Upload, Depends(read_form)], resources: Resources
) -> AsyncIterator[StoredUpload]:
    """The stored file, before a transaction begins; removed when the request fails or was answered before.

    It stays where the database was lost after the job had been written: the job may be committed.
    """
    artifacts, limit = resources.artifacts, resources.settings.max_upload_bytes
    name = f"uploads/{upload.writer.organization_id}/{new_id()}"
    file = await run_in_threadpool(artifacts.store, name, upload.file.file, max_bytes=limit)
    stored = StoredUpload(upload.writer, upload.says, file)
    try:
        yield stored
    except BaseException as error:
        if not (stored.is_submitted and isinstance(error, Unavailable)):
            artifacts.delete(name)
        raise


Stored = Annotated[StoredUpload, Depends(store_upload, scope="function")]


async def once(
    request: Request, stored: Stored, session: Session, _key: IdempotencyKey = None
) -> orm.Session:
    """The request's session, in which a key that it may have is claimed for these fields and this file."""
    said = f"{stored.says.model_dump_json()} {stored.file.sha256}"
    await claim(request, session, stored.writer, hashlib.sha256(said.encode()).digest())
    return session


ImportOnce = Annotated[orm.Session, Depends(once)]


@router.post(
    "",
    status_code=202,
    dependencies=[JobRoom],
    responses=problems(403, 413, 415, 422),
    openapi_extra=FORM_SCHEMA,
)
def import_file(stored: Stored, session: ImportOnce, request_id: RequestId, response: Response) -> JobOut:
    """Store a CSV or JSONL file, and turn its rows into transactions in a job.

    `mapping` says which column is which field. Good rows are kept, bad ones reported by line in the job's
    result; rows with a known `external_id` overwrite. A category named by a row labels it.
    """
    params = stored.says.params(stored.file.name)
    job = jobs.submit(session, stored.writer.organization_id, params, request_id=request_id)
    stored.is_submitted = True
    return accepted(job, response)
