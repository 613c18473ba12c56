"""What Prometheus reads at a worker and at the relay: real processes, asked over HTTP."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from devtools.processes import Processes, processes_over
from devtools.waiting import eventually
from shared.kit.settings import Settings
from tests.factories import OrganizationClient, new_category

pytestmark = pytest.mark.slow


@pytest.fixture
def processes(settings: Settings, tmp_path: Path) -> Iterator[Processes]:
    with processes_over(settings, tmp_path, OUTLAY_METRICS_PORT="0") as running:
        yield running


def port_of(log: Path) -> int:
    """The port that the process says it serves its metrics on."""

    def said() -> int:
        for line in log.read_text().splitlines():
            if "metrics served" in line:
                return int(json.loads(line)["port"])
        return 0

    return eventually(said)


def scrape(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_worker_and_the_relay_show_what_they_did(
    processes: Processes, engine: Engine, organization: OrganizationClient
) -> None:
    [base] = organization.get("/v1/models").json()["data"]
    new_category(organization)
    organization.post(f"/v1/models/{base['id']}/activate")
    relay, worker = port_of(processes.start_relay().log), port_of(processes.start_worker().log)

    def ended(kind: str) -> float:
        key = "outlay_job_duration_seconds_count", frozenset({"kind": kind, "status": "succeeded"}.items())
        return scrape(worker).get(key, 0)

    eventually(lambda: ended("activate") == 1 and ended("reindex") == 1, every_s=0.1)
    samples = scrape(worker)
    assert samples["outlay_encode_texts_sum", frozenset()] >= 1
    assert samples["outlay_heartbeats_missed_total", frozenset()] == 0
    assert samples["process_resident_memory_bytes", frozenset()] > 0
    assert scrape(relay)["outlay_relay_published_total", frozenset()] >= 3


def test_a_port_that_is_taken_stops_nobody(processes: Processes) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        log = processes.start_relay(OUTLAY_METRICS_PORT=str(taken.getsockname()[1])).log
        eventually(lambda: "relay started" in log.read_text())
    assert "metrics not served" in log.read_text()
