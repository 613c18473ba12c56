"""What a generation starts from, read in one transaction."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from shared.candidates import service as candidates
from shared.candidates import store as candidate_store
from shared.candidates.tables import Candidate
from shared.categories import store as category_store
from shared.categories.tables import Category
from shared.categorization import habits
from shared.categorization.habits import Habits
from shared.generation import weaknesses
from shared.generation.batch_plan import Batch, Need, plan
from shared.generation.budget import Tally
from shared.generation.candidate_writer import candidate_id
from shared.generation.rows import Chart
from shared.generation.weaknesses import Confusion
from shared.jobs import service as jobs
from shared.jobs.kinds import GenerationParams
from shared.jobs.run import Run
from shared.registry.serving import Serving, find_active

MOST_EXAMPLES = 500
MOST_REMEMBERED = 2000


@dataclass(frozen=True)
class GenerationContext:
    """The chart, the model that serves, earlier candidates, and the batches that are left to request."""

    chart: Chart
    serving: Serving | None
    confusions: Sequence[Confusion]
    examples: Sequence[dict[str, Any]]
    before: Sequence[Candidate]
    habits: Habits
    tally: Tally
    batches: Sequence[Batch]


def read(session: Session, run: Run, params: GenerationParams) -> GenerationContext:
    """Everything that the job needs to know; there are no batches where every category was archived."""
    organization_id = run.organization_id
    live = category_store.all_live(session, organization_id)
    chart = Chart(live)
    ids = [category.id for category in chosen_categories(live, params)]
    needs = weaknesses.needs(session, organization_id, ids) if params.choice == "by_need" else None
    is_adversarial = params.style == "adversarial"
    approved = candidate_store.list_approved(session, organization_id, ids, MOST_EXAMPLES)
    tally = Tally.of_json((jobs.get_any(session, run.job_id).result or {}).get("resume"))
    return GenerationContext(
        chart=chart,
        serving=find_active(session, organization_id),
        confusions=(weaknesses.confusions(session, organization_id) or ()) if is_adversarial else (),
        examples=[_example(chart, candidate) for candidate in approved],
        before=candidate_store.list_newest(session, organization_id, MOST_REMEMBERED),
        habits=habits.count(session, organization_id),
        tally=tally,
        batches=_remaining_batches(session, run, params, ids, needs, tally),
    )


def chosen_categories(live: Sequence[Category], params: GenerationParams) -> list[Category]:
    """The live categories to generate for."""
    chosen = set(params.category_ids)
    return [category for category in live if not chosen or category.id in chosen]


def _remaining_batches(
    session: Session,
    run: Run,
    params: GenerationParams,
    ids: Sequence[uuid.UUID],
    needs: Mapping[uuid.UUID, Need] | None,
    tally: Tally,
) -> list[Batch]:
    """The batches that no attempt has done. A retried job has lost its tally, not its candidates."""
    if not ids:
        return []
    existing = candidate_store.ids_of_job(session, run.organization_id, run.job_id)
    return [
        batch
        for batch in plan(ids, params.count, params.seed, needs)
        if batch.number not in tally.done and candidate_id(run.job_id, batch.number, 0) not in existing
    ]


def _example(chart: Chart, candidate: Candidate) -> dict[str, Any]:
    return {"category": chart.key(candidate.category_id), **candidates.fields_of(candidate).as_json()}
