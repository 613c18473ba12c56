"""What a long history of jobs costs: `python -m benchmarks.ended_jobs [rows]`.

Fills a database of its own with ended jobs of twenty organisations over thirty days, and prints how long the
figures of /metrics and the first pages of the job list take: the median and the slowest of eleven calls.
"""

import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url
from starlette.testclient import TestClient

from cli.connectivity import ROOT
from cli.servers import Servers
from shared.kit.settings import Settings

ROOT_KEY = "root-key-of-a-benchmark"
CALLS = 11
FILL = """
INSERT INTO jobs (id, organization_id, kind, queue, priority, status, params, result, attempt, max_attempts,
                  leases_lost, cancel_requested, created_at, started_at, finished_at)
SELECT gen_random_uuid(), (SELECT id FROM organizations ORDER BY id OFFSET mod(n, 20) LIMIT 1),
       CASE WHEN mod(n, 100) < 90 THEN 'sync_index' WHEN mod(n, 100) < 97 THEN 'reindex'
            WHEN mod(n, 100) < 99 THEN 'import' ELSE 'evaluate' END,
       'embedding', 3, CASE WHEN mod(n, 500) = 0 THEN 'failed' ELSE 'succeeded' END,
       '{"rebuild": false}', '{"written": 0, "removed": 0}', 1, 3, (mod(n, 1000) = 0)::int, false,
       at, at, at
FROM (SELECT n, now() - random() * interval '30 days' AS at FROM generate_series(1, %s) AS n)
"""
PAGES = (
    "",
    "?status=succeeded",
    "?status=failed",
    "?status=queued",
    "?kind=train",
    "?kind=import&status=failed",
)


def main() -> None:
    """Fill, measure, print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder), durable=False) as servers:
        config = Config(ROOT / "alembic.ini")
        config.attributes["database_url"] = servers.database_url
        command.upgrade(config, "head")
        settings = Settings(
            _env_file=None,
            root_key=ROOT_KEY,
            database_url=servers.database_url,
            redis_url=servers.redis_url,
            edge_socket=servers.edge_socket,
            edge_authkey=servers.edge_authkey,
            artifacts_dir=Path(folder) / "artifacts",
            device="cpu",
            rate_limit=None,
        )
        _measure(settings, rows)


def _measure(settings: Settings, rows: int) -> None:
    from api.main import create_app
    from shared import bootstrap
    from shared.jobs.stats import measure
    from shared.kit.unit_of_work import transaction

    resources = bootstrap.build(settings)
    with TestClient(create_app(resources=resources)) as client:
        keys = [_new_organization(client) for _ in range(20)]
        url = make_url(settings.database_url).set(drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(FILL, (rows,))
            connection.execute("VACUUM ANALYZE jobs")

        def measure_jobs() -> None:
            with transaction(resources.engine) as session:
                measure(session)

        print(f"{rows:,} ended jobs; milliseconds, median and slowest of {CALLS}")
        _print("measure()", measure_jobs)
        _print("GET /metrics", partial(_get, client, "/metrics"))
        for query in PAGES:
            _print(f"GET /v1/jobs{query}", partial(_get, client, f"/v1/jobs{query}", keys[7]))
    resources.close()


def _new_organization(client: TestClient) -> str:
    answer = client.post(
        "/v1/organizations",
        json={"name": f"Organisation {uuid.uuid4()}"},
        headers={"Authorization": f"Bearer {ROOT_KEY}"},
    )
    key: str = answer.json()["api_key"]["key"]
    return key


def _get(client: TestClient, path: str, key: str = "") -> None:
    answer = client.get(path, headers={"Authorization": f"Bearer {key}"} if key else {})
    if answer.status_code != 200 or "outlay_database_up 0" in answer.text:
        raise SystemExit(f"{path}: {answer.status_code} {answer.text[:200]}")


def _print(name: str, call: Callable[[], None]) -> None:
    milliseconds = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        milliseconds.append((time.perf_counter() - started) * 1000)
    print(f"{name:40} {statistics.median(milliseconds):9.1f} {max(milliseconds):9.1f}", flush=True)


if __name__ == "__main__":
    main()
