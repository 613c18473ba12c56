"""A large CSV import: rows per second, peak memory of the process that imports, and the lines it reports.

    python -m benchmarks.imports ../shared/data/purchase_cards --rows 100000 --broken 20

The folder holds `transactions.csv.gz` (id, date, merchant_name, amount, currency, directorate, gl_code, ...).
Starts embedded servers in a temporary folder and imports in a process of its own, as a worker does. Ends with
an error where the reported lines are not exactly the broken ones. `--json` writes the figures.
"""

import argparse
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

MAPPING = {
    "external_id": "id",
    "occurred_on": "date",
    "merchant_name": "merchant_name",
    "amount": "amount",
    "currency": "currency",
    "department": "directorate",
    "category": "gl_code",
}
UPLOAD = "uploads/benchmark"


def write_csv(source: Path, target: Path, rows: int, broken: int, seed: int) -> list[int]:
    """The first `rows` rows, `broken` of them spoilt in four ways: the lines of the spoilt ones."""
    lines = sorted(random.Random(seed).sample(range(2, rows + 2), broken))
    kinds = dict(zip(lines, range(broken), strict=True))
    with gzip.open(source, "rt", encoding="utf-8") as reader, target.open("w", encoding="utf-8") as writer:
        for line, text in enumerate(reader, start=1):
            if line > rows + 1:
                break
            writer.write(_spoil(text, kinds[line]) if line in kinds else text)
    return lines


def _spoil(text: str, kind: int) -> str:
    """An open quote, a column too many, no amount, or no date."""
    cells = text.rstrip("\n").split(",")
    if kind % 4 == 0:
        cells[2] = '"' + cells[2]
    elif kind % 4 == 1:
        cells.append("more")
    elif kind % 4 == 2:
        cells[3] = "a lot"
    else:
        cells[1] = "yesterday"
    return ",".join(cells) + "\n"


def work(artifacts_dir: Path) -> dict[str, Any]:
    """Import the upload in this process; the figures."""
    from shared.engines.artifacts import Artifacts
    from shared.importing.service import import_rows
    from shared.jobs import service as jobs
    from shared.jobs import store as job_store
    from shared.jobs.kinds import ImportParams
    from shared.jobs.run import Lease, execute
    from shared.kit.db import create_db_engine
    from shared.kit.unit_of_work import transaction
    from shared.organizations import service as organizations

    engine = create_db_engine(os.environ["OUTLAY_DATABASE_URL"], pool_size=5)
    params = ImportParams(upload=UPLOAD, format="csv", mapping=MAPPING, create_categories=True)
    with transaction(engine) as session:
        organization_id: uuid.UUID = organizations.create(session, "Benchmark")[0].id
        job_id = jobs.submit(session, organization_id, params).id
    resources: Any = SimpleNamespace(artifacts=Artifacts(artifacts_dir))  # all that an import needs
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = time.perf_counter(), time.process_time()
    status = execute(
        engine, job_id, lambda _: lambda run, given: import_rows(run, given, resources), Lease(60, 10)
    )
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    with transaction(engine) as session:
        job = job_store.get(session, organization_id, job_id)
    assert status == "succeeded", job.error
    assert job.result is not None
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    engine.dispose()
    # ru_maxrss is in KiB on Linux.
    memory = {"peak_mib": after / 1024, "peak_mib_before": before / 1024}
    return {"seconds": seconds, "cpu_seconds": cpu, **memory, **job.result}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Servers, the file, the import in its own process: the figures and the lines that were broken."""
    from alembic import command
    from alembic.config import Config

    from cli.servers import Servers

    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as name, Servers(Path(name) / "servers") as servers:
        config = Config(root / "alembic.ini")
        config.attributes["database_url"] = servers.database_url
        command.upgrade(config, "head")
        upload = Path(name) / "artifacts" / UPLOAD
        upload.parent.mkdir(parents=True)
        source = options.folder / "transactions.csv.gz"
        broken = write_csv(source, upload, options.rows, options.broken, options.seed)
        worker = [sys.executable, "-m", "benchmarks.imports", "--work", str(Path(name) / "artifacts")]
        environment = os.environ | servers.environment()
        done = subprocess.run(worker, cwd=root, env=environment, stdout=subprocess.PIPE, check=True)
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return {**figures, "file_mib": upload.stat().st_size / 2**20, "broken": broken}


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--broken", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        print(json.dumps(work(options.work)))
        return
    if options.folder is None:
        parser.error("name the folder with transactions.csv.gz")
    figures = measure(options)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1), "utf-8")
    print(f"rows        {figures['rows']:,} in {figures['file_mib']:.1f} MiB, {figures['seconds']:.1f} s")
    speed, share = figures["rows"] / figures["seconds"], figures["cpu_seconds"] / figures["seconds"]
    print(f"speed       {speed:,.0f} rows/s, the importing process computing {share:.0%} of the time")
    print(f"peak memory {figures['peak_mib']:.0f} MiB ({figures['peak_mib_before']:.0f} before the import)")
    print(f"created     {figures['created']:,}, labelled {figures['labelled']:,}, failed {figures['failed']}")
    reported = sorted({error["line"] for error in figures["errors"]})
    print(f"broken      {figures['broken']}\nreported    {reported}")
    if reported != figures["broken"]:
        raise SystemExit("the reported lines are not the broken ones")


if __name__ == "__main__":
    main()
