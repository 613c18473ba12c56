"""The main route: which category fits this transaction?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.categorize_adapter import Categorizer
from api.deps import Connections, Reader, Resources
from api.responses import problems
from api.schemas.categorize import CategorizeBatchIn, CategorizeBatchOut, CategorizeIn, CategorizeOut

router = APIRouter(tags=["categorize"], responses=problems(403, 404, 409, 422))


async def get_categorizer(request: Request, resources: Resources, connections: Connections) -> Categorizer:
    """Answers this request."""
    state = request.app.state
    return Categorizer(resources, state.habits, connections, state.compute_threads, state.warm_up)


CategorizerDependency = Annotated[Categorizer, Depends(get_categorizer)]


@router.post("/categorize")
@router.post("/v1/categorize")
async def categorize(body: CategorizeIn, reader: Reader, categorizer: CategorizerDependency) -> CategorizeOut:
    """The categories that fit a transaction, best first, with the labelled transactions that speak for them.

    The transaction is sent along and not stored, or named by `transaction_id`. 409 until a model is active.
    """
    return CategorizeOut.model_validate(await categorizer.categorize(body, reader.organization_id))


@router.post("/categorize/batch")
@router.post("/v1/categorize/batch")
async def categorize_batch(
    body: CategorizeBatchIn, reader: Reader, categorizer: CategorizerDependency
) -> CategorizeBatchOut:
    """The same for up to 1,000 transactions, in their order; those that are wrong are reported one by one."""
    return await categorizer.categorize_batch(body, reader.organization_id)
