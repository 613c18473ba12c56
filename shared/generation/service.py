"""Generates transactions, or other names for categories, as candidates for review; writes nothing else."""

import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from shared.candidates.service import Origin
from shared.categories import store as category_store
from shared.categorization.service import choices_of
from shared.engines.llm import LLM, LLMUnavailable, Usage, check_configured
from shared.engines.llm_openai import OpenAILLM
from shared.generation import prompts, row_sources, weaknesses
from shared.generation.budget import Budget, Prices, Tally
from shared.generation.candidate_writer import CandidateWriter
from shared.generation.context import GenerationContext, chosen_categories
from shared.generation.context import read as read_context
from shared.generation.difficulty import DifficultyMetrics, DifficultyScorer, metrics_of
from shared.generation.llm_pool import LLMPool
from shared.jobs import service as jobs
from shared.jobs.kinds import GenerationParams
from shared.jobs.run import Effects, Run
from shared.jobs.tables import Job
from shared.kit.errors import AppError, Conflict, FieldError
from shared.kit.pydantic_json import JSONModel
from shared.kit.settings import Settings
from shared.resources import Resources
from shared.transactions.service import UnknownCategory

PATIENCE = 6  # attempts of a job where the endpoint is away, a minute in all; the last one ends it


class NoCategories(Conflict):
    code = "no-categories"
    message = "There is no category to generate for. Create some with POST /v1/categories, or sync a chart."


class NeverEvaluated(Conflict):
    code = "never-evaluated"
    message = "The style 'adversarial' needs an evaluation of the active model: POST /v1/evaluations."


class EndpointGone(AppError):
    code = "llm-gone"
    message = (
        "The LLM's endpoint did not answer in several attempts, and nothing was made. Retry the job later."
    )


def submit(
    session: Session,
    organization_id: uuid.UUID,
    params: GenerationParams,
    settings: Settings,
    *,
    request_id: str | None = None,
) -> Job:
    """Queue a generation.

    Raises:
        LLMNotConfigured: the style needs an LLM and the settings name none.
        UnknownCategory, NoCategories: nothing to generate for.
        NotInTheBundledChart: the style is 'offline', which knows only the bundled sample's categories.
        NeverEvaluated: the style is 'adversarial' and nothing is known of the active model's mistakes.
    """
    if params.style != row_sources.OFFLINE:
        check_configured(settings)
    live = category_store.all_live(session, organization_id)
    if not set(params.category_ids) <= {category.id for category in live}:
        error = FieldError("/category_ids", "unknown-category", "Not a live category of this organisation.")
        raise UnknownCategory(errors=(error,))
    if not live:
        raise NoCategories
    if params.style == row_sources.OFFLINE:
        row_sources.check_bundled(chosen_categories(live, params))
    if params.style == "adversarial" and weaknesses.confusions(session, organization_id) is None:
        raise NeverEvaluated
    return jobs.submit(session, organization_id, params, request_id=request_id)


def generate(
    run: Run,
    params: GenerationParams,
    resources: Resources,
    connect: Callable[[Settings], LLM] = OpenAILLM,
) -> Effects:
    """Request the rows in batches; each batch's good rows become candidates as soon as its reply arrives.

    Candidates stay, whatever comes later: a cancel, a cap, an endpoint that stops answering. A further
    attempt goes on with the batches that are missing, and its caps count what the others spent. Where the
    endpoint does not answer, the job is put off `PATIENCE` - 1 times and then ends with the candidates there
    are.

    Raises:
        LLMUnavailable: the job is put off.
        LLMRefused: the endpoint rejects the request.
        EndpointGone: no attempt made anything.
    """
    with run.reading() as session:
        context = read_context(session, run, params)
    generation = _Generation(run, params, resources.settings, context, _scorer(context, resources))
    stopped_by = (
        generation.from_sample() if params.style == row_sources.OFFLINE else generation.from_llm(connect)
    )
    if stopped_by == "endpoint":
        _put_off_or_give_up(run, context.tally)
    return lambda _: generation.result(stopped_by)


class GenerationResult(JSONModel):
    """The result of a job of kind `generate`; while it runs, what it has done so far."""

    asked: int = Field(description="Rows in the requests that were answered.")
    received: int
    valid: int = Field(description="Rows that became candidates.")
    refused: dict[str, int] = Field(description="Rows by the reason they were refused for.")
    answers_refused: dict[str, int] = Field(description="Whole answers by reason.")
    batches_failed: int = Field(description="Batches that the endpoint did not answer.")
    usage: Usage
    cost: float = Field(description="By the prices in the settings.")
    stopped_by: str | None = Field(
        description="`cap`, `useless-answers` or `endpoint`; null: every batch was requested."
    )
    style: str
    prompt_version: str
    llm: str
    model_version_id: uuid.UUID | None = Field(description="The model version that ranked the candidates.")
    difficulty: DifficultyMetrics | None


class _Generation:
    """The work of one attempt."""

    def __init__(
        self,
        run: Run,
        params: GenerationParams,
        settings: Settings,
        context: GenerationContext,
        scorer: DifficultyScorer | None,
    ) -> None:
        self._run, self._params, self._settings, self._context = run, params, settings, context
        self._prices = Prices(settings.llm_input_price, settings.llm_output_price)
        self._origin = _origin(run, params, settings)
        self._tally = context.tally
        is_paraphrase = params.style == "paraphrase"
        self._writer = CandidateWriter(
            run, context.chart, self._origin, self._tally, scorer, is_paraphrase=is_paraphrase
        )
        self._writer.remember(context.before)

    def from_sample(self) -> str | None:
        """Take the rows from the bundled generator; nothing stops it before the end."""
        context = self._context
        for reply in row_sources.offline_replies(context.batches, context.chart, self._params.seed):
            self._check()
            self._writer.write(reply, self._result_so_far)
        return None

    def from_llm(self, connect: Callable[[Settings], LLM]) -> str | None:
        """Take the rows from the LLM; what stopped it before the end, if anything did."""
        params, context = self._params, self._context
        builder = row_sources.PromptBuilder(
            params.style, context.chart, params.seed, context.examples, context.confusions
        )
        budget = Budget(
            self._prices, self._tally.usage, max_tokens=params.max_tokens, max_cost=params.max_cost
        )
        pool = LLMPool(
            connect(self._settings), budget, context.batches, builder, self._settings.llm_concurrency
        )
        # Closed at once when keeping fails: its threads would go on spending.
        with closing(pool.replies(self._check)) as replies:
            for reply in replies:
                if reply.is_failed:
                    self._tally.batches_failed += 1
                else:
                    self._writer.write(reply, self._result_so_far)
        return pool.stopped_by

    def result(self, stopped_by: str | None) -> dict[str, Any]:
        """The result of the job's row, as JSON."""
        tally, origin, serving = self._tally, self._origin, self._context.serving
        used = tally.usage
        result = GenerationResult(
            asked=tally.asked,
            received=tally.received,
            valid=tally.valid,
            refused=dict(tally.refused),
            answers_refused=dict(tally.answers_refused),
            batches_failed=tally.batches_failed,
            usage=used,
            cost=round(self._prices.cost(used.prompt_tokens, used.completion_tokens), 6),
            stopped_by=stopped_by,
            style=origin.style,
            prompt_version=origin.prompt_version,
            llm=origin.llm,
            model_version_id=None if serving is None else serving.version_id,
            difficulty=metrics_of(tally.ranks),
        )
        return result.model_dump(mode="json")

    def _result_so_far(self, tally: Tally) -> dict[str, Any]:
        """The result while the job runs: a cancelled job keeps it, and a further attempt resumes from it."""
        return {**self.result(None), "resume": tally.as_json()}

    def _check(self) -> None:
        # Reported anew each time: that is what lets the heartbeat look for a cancel every half second.
        self._run.progress(self._tally.asked, self._params.count, f"{self._tally.valid:,} candidates")


def _put_off_or_give_up(run: Run, tally: Tally) -> None:
    """Put the job off, or end it with the candidates there are."""
    if run.attempt % PATIENCE:
        raise LLMUnavailable
    if not tally.valid:
        raise EndpointGone


def _scorer(context: GenerationContext, resources: Resources) -> DifficultyScorer | None:
    """The active model, checked before any money is spent; None where none is active."""
    if context.serving is None:
        return None
    choices = choices_of(context.chart.by_id.values(), context.serving)
    scorer = DifficultyScorer(
        context.serving,
        resources.encoders.get(context.serving.model),
        resources.index,
        choices,
        context.habits,
    )
    scorer.check()
    return scorer


def _origin(run: Run, params: GenerationParams, settings: Settings) -> Origin:
    if params.style == row_sources.OFFLINE:
        return Origin(run.job_id, params.style, row_sources.OFFLINE_VERSION, row_sources.OFFLINE)
    return Origin(run.job_id, params.style, prompts.version(params.style), settings.llm_model or "")
