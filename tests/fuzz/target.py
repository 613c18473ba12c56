"""What is fuzzed: a running Outlay, with an organisation that has rows of every kind and an active model."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import Engine
from starlette.testclient import TestClient

from devtools.waiting import eventually
from shared.kit.settings import Settings
from tests.api.isolation import a_candidate, a_model, a_reranker
from tests.factories import (
    ROOT_KEY,
    OrganizationClient,
    new_category,
    new_organization,
    new_transaction,
    run_jobs,
)

if TYPE_CHECKING:
    from shared.resources import Resources

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
BI_ENCODERS = ("model_version_id", "base_model_version_id", "teacher_version_id", "miner_version_id")


@dataclass(frozen=True)
class Target:
    """Where a running API is, and how organisations for it are made."""

    url: str
    client: TestClient
    resources: "Resources"
    log: Path

    def organization(self) -> OrganizationClient:
        """A new organisation with categories, labels, a dataset, an evaluation and an active model."""
        organization = new_organization(self.client)
        for name in ("Travel: lodging", "Software"):
            category = new_category(organization, name=name)["id"]
            for number in range(3):
                row = new_transaction(
                    organization, merchant_name=f"{name} {number}", external_id=f"{name} {number}"
                )
                organization.put(f"/v1/transactions/{row['id']}/label", {"category_id": category})
        [base] = organization.get("/v1/models").json()["data"]
        organization.post(f"/v1/models/{base['id']}/activate")
        organization.post("/v1/datasets", {"name": "frozen"})
        run_jobs(self.resources, organization)
        [dataset] = organization.get("/v1/datasets").json()["data"]
        organization.post("/v1/evaluations", {"dataset_id": dataset["id"], "model_version_id": base["id"]})
        run_jobs(self.resources, organization)
        assert len(organization.get("/v1/evaluations").json()["data"]) == 1
        return organization


@contextlib.contextmanager
def serving(settings: Settings, resources: "Resources", client: TestClient, log: Path) -> Iterator[Target]:
    """The API on a socket of its own, in a process of its own; no workers, so that jobs stay queued."""
    assert settings.edge_authkey is not None
    port = _free_port()
    environment = {
        "OUTLAY_ENVIRONMENT": "test",
        "OUTLAY_ROOT_KEY": ROOT_KEY,
        "OUTLAY_DATABASE_URL": settings.database_url,
        "OUTLAY_REDIS_URL": settings.redis_url,
        "OUTLAY_EDGE_SOCKET": str(settings.edge_socket),
        "OUTLAY_EDGE_AUTHKEY": settings.edge_authkey.get_secret_value(),
        "OUTLAY_ARTIFACTS_DIR": str(settings.artifacts_dir),
        "OUTLAY_DEVICE": "cpu",
        # Fuzzing is what rate limits and caps are there to stop.
        "OUTLAY_RATE_LIMIT": "",
        "OUTLAY_MAX_QUEUED_JOBS": "1000000",
        "OUTLAY_MAX_BODY_BYTES": str(256 * 1024),
        "HF_HUB_OFFLINE": "1",
    }
    command = (sys.executable, "-m", "uvicorn", "api.main:create_app", "--factory")
    options = ("--host", HOST, "--port", str(port), "--no-access-log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            (*command, *options), cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output
        )
    try:
        url = f"http://{HOST}:{port}"
        eventually(lambda: process.poll() is not None or _is_ready(url), every_s=0.1)
        assert process.poll() is None, log.read_text()[-2000:]
        yield Target(url, client, resources, log)
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def row_ids(organization: OrganizationClient, engine: Engine) -> dict[str, str]:
    """Parameter or field -> the id of such a row of the organisation."""

    def first(path: str) -> str:
        row_id: str = organization.get(f"/v1/{path}").json()["data"][0]["id"]
        return row_id

    model, evaluation = str(a_model(organization, engine)), first("evaluations")
    return {
        **dict.fromkeys(BI_ENCODERS, model),
        **dict.fromkeys(("evaluation_id", "baseline", "candidate"), evaluation),
        "reranker_version_id": str(a_reranker(organization, engine)),
        "candidate_id": str(a_candidate(organization, engine)),
        "dataset_id": first("datasets"),
    }
