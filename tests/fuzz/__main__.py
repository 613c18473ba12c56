"""`make fuzz`: `python -m tests.fuzz --cases 20000 --seed 1`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from starlette.testclient import TestClient

from cli.servers import Servers
from shared import bootstrap
from shared.kit.logging import configure
from shared.kit.settings import Settings
from tests.factories import ROOT_KEY
from tests.fuzz.fuzzing import SPEAKERS, Findings, fuzz, table
from tests.fuzz.target import ROOT, Target, serving

# Who sees the most is asked the most; the others show that nothing but their scope makes a difference.
EXAMPLES = {"all": 60, "read": 10, "write": 10, "admin": 5, "nobody": 5}
# A stateful run needs to read what it wrote.
PHASES = {"all": "examples,coverage,fuzzing,stateful"}


def main() -> int:
    """Fuzz until enough cases were sent; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="how many requests at least")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    configure("ERROR", service="fuzz")
    findings, started = Findings(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="outlay-fuzz-") as name:
        folder = Path(name)
        with Servers(folder / "data", durable=False) as servers:
            _fuzz(servers, folder, options.cases, options.seed, findings)
        log = (folder / "api.log").read_text()
    print("\n".join(findings.failures))
    print(table(findings, time.monotonic() - started))
    if "Traceback" in log:
        print("The API's log has a traceback:", log[log.index("Traceback") :][:3000], sep="\n")
        return 1
    return 1 if findings.failures or findings.faults else 0


def _fuzz(servers: Servers, folder: Path, cases: int, seed: int, findings: Findings) -> None:
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = servers.database_url
    command.upgrade(config, "head")
    assert servers.edge_socket is not None
    settings = Settings(
        _env_file=None,
        environment="test",
        root_key=ROOT_KEY,
        rate_limit=None,
        database_url=servers.database_url,
        redis_url=servers.redis_url,
        edge_socket=servers.edge_socket,
        edge_authkey=servers.edge_authkey,
        artifacts_dir=folder / "artifacts",
        device="cpu",
    )
    from api.main import create_app

    resources = bootstrap.build(settings)
    try:
        with (
            TestClient(create_app(resources=resources)) as client,
            serving(settings, resources, client, folder / "api.log") as target,
        ):
            _rounds(target, folder, cases, seed, findings)
    finally:
        resources.close()


def _rounds(target: Target, folder: Path, cases: int, seed: int, findings: Findings) -> None:
    """Each speaker once, then rounds with every scope and other seeds until there are enough cases."""
    for speaker in SPEAKERS:
        phases = PHASES.get(speaker, "examples,coverage,fuzzing")
        fuzz(target, folder, speaker, seed, findings, examples=EXAMPLES[speaker], phases=phases)
        print(
            f"as {speaker}: {findings.cases} cases, {len(findings.failures)} failed",
            file=sys.stderr,
            flush=True,
        )
    while findings.cases < cases:
        seed += 1
        fuzz(target, folder, "all", seed, findings, examples=100, phases="fuzzing,stateful")
        print(f"seed {seed}: {findings.cases} cases", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
