"""Makes up transactions, or other names for categories, that people then review; nothing else is written."""

import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Any

from sqlalchemy.orm import Session

from shared.candidates.service import Origin
from shared.categories import store as category_store
from shared.categorization.service import choices_of
from shared.engines.encoder_cache import Encoders
from shared.engines.llm import LLM, LLMUnavailable, check_configured
from shared.engines.llm_openai import OpenAILLM
from shared.engines.vectors import VectorIndex
from shared.generation import context as grounds
from shared.generation import prompts, row_sources, weaknesses
from shared.generation.budget import Budget, Prices, Tally
from shared.generation.candidate_writer import CandidateWriter
from shared.generation.context import GenerationContext
from shared.generation.difficulty import DifficultyScorer, metrics_of
from shared.generation.llm_pool import LLMPool
from shared.jobs import service as jobs
from shared.jobs.kinds import GenerationParams
from shared.jobs.run import Finish, Run
from shared.jobs.tables import Job
from shared.kit.errors import AppError, Conflict, FieldError
from shared.kit.settings import Settings
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
        row_sources.check_bundled(grounds.wanted_of(live, params))
    if params.style == "adversarial" and weaknesses.confusions(session, organization_id) is None:
        raise NeverEvaluated
    return jobs.submit(session, organization_id, params, request_id=request_id)


def generate(
    run: Run,
    params: GenerationParams,
    settings: Settings,
    index: VectorIndex,
    encoders: Encoders,
    connect: Callable[[Settings], LLM] = OpenAILLM,
) -> Finish:
    """Ask for the rows in batches; each batch's good rows become candidates as soon as it is there.

    What was kept stays, whatever comes after: a cancel, a cap, an endpoint that goes away half-way. A further
    attempt goes on with the batches that are not there yet, and its caps count what the others spent. Where
    the endpoint does not answer, the job is put off `PATIENCE` - 1 times and then ends with what there is.

    Raises:
        LLMUnavailable: put off.
        LLMRefused: the endpoint does not want the request.
        EndpointGone: nothing was made in all attempts.
    """
    with run.reading() as session:
        ground = grounds.read(session, run, params)
    work = _Work(run, params, settings, ground, _judge(ground, index, encoders))
    stopped_by = work.offline() if params.style == row_sources.OFFLINE else work.ask(connect)
    if stopped_by == "endpoint":
        _wait_or_give_up(run, ground.tally)
    return lambda _: work.result(stopped_by)


class _Work:
    """One attempt's work."""

    def __init__(
        self,
        run: Run,
        params: GenerationParams,
        settings: Settings,
        ground: GenerationContext,
        judge: DifficultyScorer | None,
    ) -> None:
        self._run, self._params, self._settings, self._ground = run, params, settings, ground
        self._prices = Prices(settings.llm_input_price, settings.llm_output_price)
        self._origin = _origin(run, params, settings)
        self._tally = ground.tally
        is_paraphrase = params.style == "paraphrase"
        self._keeper = CandidateWriter(
            run, ground.chart, self._origin, self._tally, judge, is_paraphrase=is_paraphrase
        )
        self._keeper.remember(ground.before)

    def offline(self) -> str | None:
        """Take the rows from the bundled generator; nothing stops it before the end."""
        for reply in row_sources.make_offline(self._ground.batches, self._ground.chart, self._params.seed):
            self._look()
            self._keeper.keep(reply, self._so_far)
        return None

    def ask(self, connect: Callable[[Settings], LLM]) -> str | None:
        """Take the rows from the LLM; what stopped it before the end, if anything did."""
        params, ground = self._params, self._ground
        maker = row_sources.PromptMaker(
            params.style, ground.chart, params.seed, ground.examples, ground.confusions
        )
        budget = Budget(
            self._prices, self._tally.usage, max_tokens=params.max_tokens, max_cost=params.max_cost
        )
        asking = LLMPool(
            connect(self._settings), budget, ground.batches, maker, self._settings.llm_concurrency
        )
        # Closed at once when keeping fails: its threads would go on spending.
        with closing(asking.replies(self._look)) as replies:
            for reply in replies:
                if reply.is_failed:
                    self._tally.batches_failed += 1
                else:
                    self._keeper.keep(reply, self._so_far)
        return asking.stopped_by

    def result(self, stopped_by: str | None) -> dict[str, Any]:
        """What the job's row says in the end."""
        tally, origin, serving = self._tally, self._origin, self._ground.serving
        used = tally.usage
        return {
            "asked": tally.asked,
            "received": tally.received,
            "valid": tally.valid,
            "refused": dict(tally.refused),
            "answers_refused": dict(tally.answers_refused),
            "batches_failed": tally.batches_failed,
            "usage": vars(used),
            "cost": round(self._prices.cost(used.prompt_tokens, used.completion_tokens), 6),
            "stopped_by": stopped_by,
            "style": origin.style,
            "prompt_version": origin.prompt_version,
            "llm": origin.llm,
            "model_version_id": None if serving is None else str(serving.version_id),
            "difficulty": metrics_of(tally.ranks),
        }

    def _so_far(self, tally: Tally) -> dict[str, Any]:
        """The same while it runs, so that a cancelled job says it, too, and a further attempt goes on."""
        return {**self.result(None), "resume": tally.as_json()}

    def _look(self) -> None:
        # Reported anew each time: that is what lets the heartbeat look for a cancel every half second.
        self._run.progress(self._tally.asked, self._params.count, f"{self._tally.valid:,} candidates")


def _wait_or_give_up(run: Run, tally: Tally) -> None:
    """Return where what there is has to do."""
    if run.attempt % PATIENCE:
        raise LLMUnavailable
    if not tally.valid:
        raise EndpointGone


def _judge(ground: GenerationContext, index: VectorIndex, encoders: Encoders) -> DifficultyScorer | None:
    """The active model, found able to answer before any money is spent; None where none is active."""
    if ground.serving is None:
        return None
    choices = choices_of(ground.chart.by_id.values(), ground.serving)
    judge = DifficultyScorer(
        ground.serving, encoders.get(ground.serving.model), index, choices, ground.habits
    )
    judge.check()
    return judge


def _origin(run: Run, params: GenerationParams, settings: Settings) -> Origin:
    if params.style == row_sources.OFFLINE:
        return Origin(run.job_id, params.style, row_sources.OFFLINE_VERSION, row_sources.OFFLINE)
    return Origin(run.job_id, params.style, prompts.version(params.style), settings.llm_model or "")
