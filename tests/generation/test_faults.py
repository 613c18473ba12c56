"""What a generation does when its endpoint fails, limits, hangs, or answers nonsense."""

import uuid

import pytest
from sqlalchemy import update

from devtools.scripted_llm import OK, Action, ScriptedLLM, always, first, sometimes
from shared.generation.service import PATIENCE
from shared.jobs.tables import Job
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient
from tests.generation.working import attempt, candidates_of, chart, generate, look, submit


def make_due(resources: Resources, job_id: uuid.UUID) -> None:
    """A job that was put off is tried now."""
    with transaction(resources.engine) as session:
        session.execute(update(Job).where(Job.id == job_id).values(status="queued"))


def test_thirty_percent_errors_lose_no_batch(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    chart(organization)
    server.script = sometimes(0.3, Action("error"), seed=1)
    job = generate(resources, organization, configured, count=100)
    assert job.result is not None, job.error
    assert (job.status, job.result["asked"], job.result["stopped_by"]) == ("succeeded", 100, None)
    assert server.kinds.count("error") >= 2
    assert job.result["batches_failed"] == 0
    assert len(candidates_of(resources.engine, organization)) == job.result["valid"]


def test_a_rate_limit_is_waited_out(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    chart(organization)
    server.script = first(1, Action("rate-limit", retry_after="1"))
    job = generate(resources, organization, configured, count=20)
    assert job.result is not None
    assert (job.status, job.result["asked"]) == ("succeeded", 20)


def test_a_hanging_call_is_given_up_and_made_again(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    chart(organization)
    server.script = first(1, Action("hang"))
    settings = configured.model_copy(update={"llm_timeout_seconds": 0.5})
    job = generate(resources, organization, settings, count=20)
    assert job.result is not None
    assert (job.status, job.result["asked"], server.kinds.count("hang")) == ("succeeded", 20, 1)


@pytest.mark.parametrize("kind", ["malformed", "cut-short", "declined"])
def test_a_useless_answer_costs_its_batch_and_no_more(
    organization: OrganizationClient,
    resources: Resources,
    configured: Settings,
    server: ScriptedLLM,
    kind: str,
) -> None:
    chart(organization)
    server.script = first(1, Action(kind))
    job = generate(resources, organization, configured, count=30)
    assert job.result is not None
    assert job.status == "succeeded"
    assert job.result["answers_refused"] == {kind: 1}
    assert (job.result["received"], len(server.requests)) == (20, 3)
    assert job.result["usage"]["completion_tokens"] == server.completion_tokens  # it was paid all the same


def test_answers_that_are_all_useless_are_not_paid_for_ever(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    chart(organization)
    server.script = always(Action("malformed"))
    job = generate(resources, organization, configured, count=500)
    assert job.result is not None
    assert (job.status, job.result["stopped_by"], job.result["valid"]) == ("succeeded", "useless-answers", 0)
    assert len(server.requests) <= 6


def test_a_wrong_key_fails_at_once(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    chart(organization)
    server.script = always(Action("error", status=401))
    job = generate(resources, organization, configured, count=500)
    assert job.error is not None
    assert (job.status, job.error["code"]) == ("failed", "llm-refused")
    assert len(server.requests) <= 2


def test_an_endpoint_that_goes_away_half_way_puts_the_job_off_and_keeps_what_there_is(
    organization: OrganizationClient, resources: Resources, configured: Settings, server: ScriptedLLM
) -> None:
    chart(organization)
    server.script = lambda number: OK if number <= 3 else Action("error")
    job_id = submit(resources.engine, organization, configured, count=80)
    job = attempt(resources, job_id, configured)
    kept = {candidate.id for candidate in candidates_of(resources.engine, organization)}
    assert (job.status, job.max_attempts - job.attempt) == ("queued", 3)  # it cost no attempt
    assert kept
    before = server.prompt_tokens

    server.script = always(OK)
    asked_before = len(server.requests)
    job = attempt(resources, job_id, configured)
    assert job.result is not None, job.error
    after = {candidate.id for candidate in candidates_of(resources.engine, organization)}
    assert kept < after
    assert (job.status, len(after), job.result["asked"]) == ("succeeded", job.result["valid"], 80)
    assert len(server.requests) - asked_before == 5  # only the batches that were not there
    assert job.result["usage"]["prompt_tokens"] == server.prompt_tokens > before  # both attempts' counted
    assert "resume" not in job.result


@pytest.mark.parametrize(("answered", "status"), [(0, "failed"), (2, "succeeded")])
def test_patience_ends(
    organization: OrganizationClient,
    resources: Resources,
    configured: Settings,
    server: ScriptedLLM,
    answered: int,
    status: str,
) -> None:
    chart(organization)
    server.script = lambda number: OK if number <= answered else Action("error")
    job_id = submit(resources.engine, organization, configured, count=80)
    ended = []
    for _ in range(PATIENCE):
        ended.append(attempt(resources, job_id, configured).status)
        if ended[-1] == "queued":
            make_due(resources, job_id)
    assert ended == ["queued"] * (PATIENCE - 1) + [status]
    job = look(resources.engine, job_id)
    if status == "failed":
        assert job.error is not None
        assert job.error["code"] == "llm-gone"
    else:
        assert job.result is not None
        assert job.result["stopped_by"] == "endpoint"
        assert len(candidates_of(resources.engine, organization)) == job.result["valid"] > 0
