"""The three steps of categorising, one after the other, as a request takes them."""

import uuid
from collections.abc import Sequence

from shared.categorization.context import TransactionInput, read_context
from shared.categorization.habits import HabitsCache
from shared.categorization.service import Answer, build_answers, compute_rankings
from shared.kit.unit_of_work import transaction
from shared.resources import Resources


def categorize(
    resources: Resources, organization_id: uuid.UUID, inputs: Sequence[TransactionInput], top_k: int
) -> list[Answer]:
    """An answer for each input."""
    with transaction(resources.engine) as session:
        context = read_context(session, organization_id, HabitsCache(), inputs)
    rankings = compute_rankings(
        context,
        top_k,
        index=resources.index,
        encoders=resources.encoders,
        rerankers=resources.rerankers,
    )
    with transaction(resources.engine) as session:
        return build_answers(session, context, rankings)
