"""The schema at /openapi.json, and the pages that show it."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, Response

from api import openapi_postprocess

STATIC = Path(__file__).parent / "static"

DESCRIPTION = """
Outlay suggests the right expense category for a transaction, learns from every correction, and fine-tunes a
model on them.

**Keys.** Send `Authorization: Bearer ol_…`. The key names the organisation; a row of another organisation is
a 404. Scopes: `read`, `write`, `admin`.

**Lists** answer `{"data": […], "page": {"next": …}}`; hand `next` back as `cursor`.

**Long work** answers 202 with a job and its `Location`; watch it at `/v1/jobs/{id}` or `…/events`.

**Safe retries.** Send an `Idempotency-Key`, a new UUID for each POST that creates or starts something. When
its answer is lost, send the same request with the same key again: for 24 hours it has no second effect and
gets the first answer, with `Idempotent-Replayed: true`. Another request under the key is a 422; while the
first is being worked on it is a 409 with `Retry-After`. Errors are not kept: a retry after one runs anew.

**Errors** are `application/problem+json` (RFC 9457); `code` is for programs, `detail` says what to do next.
"""

TAGS = [
    {"name": "categorize", "description": "The main job: the right category for a transaction."},
    {"name": "organizations", "description": "Customers and their API keys."},
    {"name": "categories", "description": "An organisation's chart of accounts."},
    {"name": "transactions", "description": "What was spent."},
    {"name": "labels", "description": "What people and imports decided; history is kept."},
    {"name": "imports", "description": "Whole files of transactions, with or without labels."},
    {"name": "generations", "description": "Transactions that an LLM makes up, to be reviewed."},
    {"name": "candidates", "description": "Made-up transactions, reviewed by people."},
    {"name": "datasets", "description": "Labelled transactions, frozen and split by seed."},
    {"name": "evaluations", "description": "recall@k and MRR@k of a model on a dataset."},
    {"name": "trainings", "description": "Fine-tuning: a dataset and a model make a better model."},
    {"name": "models", "description": "Model versions, and which of them answers."},
    {"name": "rerankers", "description": "A second stage that puts the first few categories in order again."},
    {"name": "jobs", "description": "Long work: status, progress, result."},
    {"name": "operations", "description": "Liveness, readiness, metrics."},
]

# Scripts, styles and requests of this host only; no inline script, no frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

docs = APIRouter(include_in_schema=False)


@docs.get("/docs")
async def show_docs() -> Response:
    """Swagger UI with the assets that are shipped with Outlay; it works offline."""
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
    return FileResponse(STATIC / "docs.html", headers=headers, media_type="text/html")


class OutlayAPI(FastAPI):
    """FastAPI whose schema says all that can come."""

    def openapi(self) -> dict[str, Any]:
        """The schema, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi_postprocess.complete(super().openapi())
        return self.openapi_schema
