"""A stack for `benchmarks.console`: embedded servers, an API process, an organisation with candidates."""

import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cli.demo_data import read, without_label, write_sample
from cli.ports import HOST, free_port
from cli.servers import Servers

SEED = 42


@dataclass(frozen=True)
class Served:
    """A running API, and the key of an organisation with candidates."""

    url: str
    key: str
    candidates: int


@contextmanager
def serve(folder: Path, candidates: int) -> Iterator[Served]:
    """The stack without workers: an active model, the sample's chart, so many candidates."""
    from alembic import command
    from alembic.config import Config

    with Servers(folder / "servers") as servers:
        config = Config(Path(__file__).parents[1] / "alembic.ini")
        config.attributes["database_url"] = servers.database_url
        command.upgrade(config, "head")
        os.environ |= servers.environment() | {
            "OUTLAY_ROOT_KEY": uuid.uuid4().hex,
            "OUTLAY_ARTIFACTS_DIR": str(folder / "artifacts"),
            "OUTLAY_DEVICE": "cpu",
            "HF_HUB_OFFLINE": "1",
        }
        port = free_port()
        api = ("uvicorn", "api.main:create_app", "--factory", "--host", HOST, "--port", str(port))
        with (folder / "api.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", *api], stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=120) as http:
                yield Served(str(http.base_url), _prepare(http, folder, candidates), candidates)
        finally:
            process.terminate()
            process.wait()


def _prepare(http: httpx.Client, folder: Path, number: int) -> str:
    """An organisation with the sample; its key."""
    _until_ready(http)
    root = {"Authorization": f"Bearer {os.environ['OUTLAY_ROOT_KEY']}"}
    organization = http.post("/v1/organizations", json={"name": "Northwind GmbH"}, headers=root).json()
    http.headers["Authorization"] = f"Bearer {organization['api_key']['key']}"
    material = read(write_sample(folder / "sample"))
    http.put("/v1/categories", json={"categories": material.categories}).raise_for_status()
    rows = [without_label(row) for row in material.labelled[-60:]]
    http.post("/v1/transactions/batch", json={"transactions": rows}).raise_for_status()
    [model] = http.get("/v1/models").json()["data"]
    http.post(f"/v1/models/{model['id']}/activate").raise_for_status()
    ids = {
        category["name"]: category["id"] for category in http.get("/v1/categories?limit=200").json()["data"]
    }
    drawn = random.Random(SEED).choices(material.labelled, k=number)
    _add(uuid.UUID(organization["id"]), [(row, uuid.UUID(ids[row["expense_category"]])) for row in drawn])
    http.post("/categorize", json={"transaction": rows[0]}).raise_for_status()  # the encoder is loaded
    return str(organization["api_key"]["key"])


def _until_ready(http: httpx.Client) -> None:
    for _ in range(600):
        try:
            if http.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the API did not come up")


def _add(organization_id: uuid.UUID, drawn: list[tuple[dict[str, Any], uuid.UUID]]) -> None:
    """Activate the model in this process, and put candidates where a generation would."""
    from api.schemas.transactions import TransactionIn
    from shared import bootstrap
    from shared.candidates import service as candidates
    from shared.jobs import run
    from shared.jobs import service as jobs
    from shared.jobs.handlers import bind, load_handlers
    from shared.kit.paging import Paging
    from shared.kit.settings import get_settings
    from shared.kit.unit_of_work import transaction

    draw = random.Random(SEED)
    resources = bootstrap.build(get_settings())
    with transaction(resources.engine) as session:
        waiting = jobs.list_(session, organization_id, Paging(limit=200)).rows
        queued = [job.id for job in waiting if job.kind == "activate"]
        origin = candidates.Origin(uuid.uuid4(), style="ambiguous", prompt_version="1", llm="scripted")
        new = []
        for row, category_id in drawn:
            request = TransactionIn.model_validate(
                {name: v for name, v in without_label(row).items() if name != "external_id"}
            )
            difficulty = candidates.Difficulty(
                draw.randint(1, 9), round(draw.uniform(-0.3, 0.2), 3), uuid.uuid4()
            )
            new.append(
                candidates.NewCandidate(
                    category_id, request.fields(), request.occurred_on, difficulty=difficulty
                )
            )
        candidates.add(session, organization_id, origin, new)
    for job_id in queued:
        lease = run.Lease(60, 10)
        run.execute(resources.engine, job_id, bind(load_handlers(), resources), lease)
    resources.close()
