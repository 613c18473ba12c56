"""The main job: which category fits this transaction?"""

from fastapi import APIRouter

from api.categorize_adapter import answer, batch_out, question_of, questions_of
from api.deps import Connections, Reader, Resources
from api.responses import problems
from api.schemas.categorize import CategorizeBatchIn, CategorizeBatchOut, CategorizeIn, CategorizeOut

router = APIRouter(tags=["categorize"], responses=problems(403, 404, 409, 422))


@router.post("/categorize")
@router.post("/v1/categorize")
async def categorize(
    body: CategorizeIn, reader: Reader, resources: Resources, connections: Connections
) -> CategorizeOut:
    """The categories that fit a transaction, best first, with the labelled transactions that speak for them.

    The transaction is sent along and not stored, or named by `transaction_id`. 409 until a model is active.
    """
    question = await question_of(body, connections, reader.organization_id)
    [found] = await answer(resources, connections, reader.organization_id, [question], body.top_k)
    return CategorizeOut.model_validate(found)


@router.post("/categorize/batch")
@router.post("/v1/categorize/batch")
async def categorize_batch(
    body: CategorizeBatchIn, reader: Reader, resources: Resources, connections: Connections
) -> CategorizeBatchOut:
    """The same for up to 1,000 transactions, in their order; those that are wrong are reported one by one."""
    asked = await questions_of(body, connections, reader.organization_id)
    questions = [item.question for item in asked if item.question is not None]
    answers = await answer(resources, connections, reader.organization_id, questions, body.top_k)
    return batch_out(asked, answers)
