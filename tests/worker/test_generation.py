"""A generation in a real worker process, which is killed half-way."""

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from sqlalchemy import Engine

from devtools.scripted_llm import OK, Action, ScriptedLLM, always
from devtools.waiting import eventually
from shared.jobs import service as jobs
from shared.jobs.tables import Job
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient
from tests.generation.working import candidates_of, chart, llm_settings, submit

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def job_of(engine: Engine, job_id: uuid.UUID) -> Job:
    with transaction(engine) as session:
        return jobs.get_any(session, job_id)


def test_a_killed_worker_s_batches_stay_and_only_the_others_are_asked_again(
    organization: OrganizationClient, resources: Resources, settings: Settings, tmp_path: Path
) -> None:
    chart(organization)
    engine = resources.engine
    running: list[subprocess.Popen[bytes]] = []

    def start(*module: str) -> subprocess.Popen[bytes]:
        assert settings.edge_authkey is not None
        environment = {
            "OUTLAY_DATABASE_URL": settings.database_url,
            "OUTLAY_REDIS_URL": settings.redis_url,
            "OUTLAY_EDGE_SOCKET": str(settings.edge_socket),
            "OUTLAY_EDGE_AUTHKEY": settings.edge_authkey.get_secret_value(),
            "OUTLAY_ARTIFACTS_DIR": str(settings.artifacts_dir),
            "OUTLAY_LLM_BASE_URL": server.url,
            "OUTLAY_LLM_MODEL": "scripted",
            "OUTLAY_LLM_CONCURRENCY": "2",
            "OUTLAY_JOB_LEASE_SECONDS": "3",
            "OUTLAY_JOB_HEARTBEAT_SECONDS": "0.5",
            "OUTLAY_RELAY_POLL_SECONDS": "0.2",
            "HF_HUB_OFFLINE": "1",
        }
        with (tmp_path / f"{len(running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running.append(process)
        return process

    def start_worker() -> subprocess.Popen[bytes]:
        options = ("-Q", "llm", "-c", "1", "--without-gossip", "--without-mingle")
        return start("celery", "-A", "worker.app", "worker", *options)

    with ScriptedLLM(script=lambda number: OK if number <= 3 else Action("hang")) as server:
        try:
            start("worker.relay")
            worker = start_worker()
            job_id = submit(engine, organization, llm_settings(settings, server), count=80)
            kept = eventually(
                lambda: server.kinds.count("hang") and candidates_of(engine, organization), every_s=0.1
            )
            eventually(lambda: len((job_of(engine, job_id).result or {})["resume"]["done"]) == 3)
            kept = candidates_of(engine, organization)
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
            server.script = always(OK)
            calls = len(server.requests)
            start_worker()
            ended = eventually(
                lambda: job if (job := job_of(engine, job_id)).finished_at else None, every_s=0.1
            )
        finally:
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    assert ended.result is not None, ended.error
    assert (ended.status, ended.attempt, ended.result["asked"]) == ("succeeded", 2, 80)
    after = candidates_of(engine, organization)
    assert {candidate.id for candidate in kept} < {candidate.id for candidate in after}
    assert len(after) == ended.result["valid"]
    assert len(server.requests) - calls == 5
