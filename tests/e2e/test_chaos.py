"""The chaos program in small, on the real processes of one stack: nothing lost, doubled or broken."""

from collections.abc import Iterator

import pytest

from devtools.chaos import dependencies, jobs, models, single
from devtools.chaos.material import Tenant, tenant
from devtools.chaos.scenario import Options
from devtools.chaos.stack import Stack

pytestmark = pytest.mark.slow

LEASE_S = 4.0
FIRST, *OTHERS = jobs.WORKERS


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything, with three workers and short leases; a commit is on disk, for Postgres is killed, too."""
    with Stack(
        tmp_path_factory.mktemp("chaos"),
        workers=dict.fromkeys(jobs.WORKERS, "default,embedding"),
        settings=single.leases(LEASE_S) | {"rate_limit": "", "relay_poll_seconds": "0.2"},
    ) as running:
        yield running


@pytest.fixture(scope="module")
def alone(stack: Stack) -> Stack:
    """The first worker alone."""
    for name in OTHERS:
        stack.kill(name)
    return stack


@pytest.fixture(scope="module")
def material(stack: Stack) -> Tenant:
    """An organisation whose rows take a while to freeze."""
    return tenant(stack, rows=single.FREEZE_ROWS)


def test_jobs_under_kills_and_a_forgetful_broker_have_one_effect_each(stack: Stack) -> None:
    result = jobs.run(stack, Options(jobs=24, flush_at=1, broker_kill_at=2))
    assert (result.tried, result.lost, result.figures["doubled"]) == (24, 0, 0), str(result.figures)
    assert result.figures["worker kills"] >= 3


def test_a_thawed_worker_writes_nothing(alone: Stack, material: Tenant) -> None:
    result = single.run_frozen(alone, material, LEASE_S, FIRST, OTHERS[0])
    assert result.figures["broken"] == []


def test_a_poison_job_stops_after_three_attempts(alone: Stack, material: Tenant) -> None:
    result = single.run_poison(alone, material, FIRST)
    assert result.figures["broken"] == []


def test_a_lost_dependency_is_said_and_no_job_is_lost(alone: Stack) -> None:
    with dependencies.loaded(alone, rows=30) as (load, accepted):
        figures = dependencies.away(alone, load, "postgres", "killed", away_s=0.5)
    assert figures["never"] == []
    assert figures["/livez"]["answers"].keys() == {"200"}
    assert figures["/categorize"]["answers"].keys() <= {"200", "503"}
    assert accepted
    assert dependencies.lost_jobs(alone, accepted) == 0


def test_no_answer_mixes_two_models(alone: Stack) -> None:
    result = models.run_switches(alone, 4)
    assert result.lost == 0, result.figures
