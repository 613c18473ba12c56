"""Schemathesis over the live schema, once for each kind of speaker, and what it found as a table."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.factories import ROOT_KEY
from tests.fuzz.target import Target, row_ids

HOOKS = Path(__file__).with_name("hooks.py")
SPEAKERS: dict[str, tuple[str, ...] | None] = {
    "all": ("read", "write", "admin"),
    "read": ("read",),
    "write": ("write",),
    "admin": ("admin",),
    "nobody": None,
}

# Where a rule of schemathesis is wrong about Outlay, and why.
EXCLUDED_CHECKS = {
    # What the schema allows may still name an unknown category or be worth nothing (a zero-width name, three
    # decimals of a currency with two): 404, 409 and 422 are right then, and JSON Schema cannot say when.
    "positive_data_acceptance",
}
# Items of a batch are looked at one by one: those that are wrong are reported in a 200.
BATCHES = (
    "POST /v1/transactions/batch",
    "POST /v1/categorize/batch",
    "POST /categorize/batch",
)
REJECTED = [400, 401, 403, 404, 405, 409, 413, 415, 422]


@dataclass
class Findings:
    """What some runs came to."""

    operations: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    links: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """Requests that were sent."""
        return sum(self.operations.values())

    def add(self, counts: dict[str, dict[str, int]]) -> None:
        """Add the counts of one run."""
        for name, values in counts.items():
            getattr(self, name).update(values)


def fuzz(
    target: Target, folder: Path, speaker: str, seed: int, findings: Findings, *, examples: int, phases: str
) -> None:
    """One run of schemathesis; adds what came of it to `found`."""
    organization = target.organization()
    scopes = SPEAKERS[speaker]
    speaking = None if scopes is None else organization.with_key(*scopes)
    kept = {organization.id, organization.key_id} | ({speaking.key_id} if speaking else set())
    counts, events = folder / "counts.json", folder / "events.ndjson"
    counts.unlink(missing_ok=True)
    config = folder / "schemathesis.toml"
    config.write_text(_config(speaking.key if speaking else None))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
        *(f"{target.url}/openapi.json", "--seed", str(seed), "-n", str(examples), "--phases", phases),
        *("--no-color", "--generation-database", "none", "--continue-on-failure"),
        *("--report", "ndjson", "--report-ndjson-path", str(events), "--suppress-health-check", "all"),
        *("--exclude-checks", ",".join(sorted(EXCLUDED_CHECKS)), "--request-timeout", "60"),
    ]
    environment = {
        "OUTLAY_FUZZ_COUNTS": str(counts),
        "OUTLAY_FUZZ_KEPT": " ".join(map(str, kept)),
        "OUTLAY_FUZZ_ROWS": json.dumps(row_ids(organization, target.resources.engine)),
    }
    ended = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, cwd=folder)
    if counts.exists():
        findings.add(json.loads(counts.read_text()))
    findings.links.update(link for link in _links(events) if link)
    if ended.returncode:
        findings.failures.append(
            f"as {speaker}, seed {seed}:\n{ended.stdout[-30_000:]}\n{ended.stderr[-3000:]}"
        )


def _links(events: Path) -> list[str]:
    """The links that were followed, as often as they were."""
    if not events.exists():
        return []
    return re.findall(r'"transition":\{"id":"([^"]+)"', events.read_text())


def _config(key: str | None) -> str:
    """The configuration of a run, as TOML."""
    lines = [
        f'hooks = "{HOOKS}"',
        # The stream of a queued job's events has no end.
        "max-stream-events = 1",
        "[checks.negative_data_rejection]",
        f"expected-statuses = {REJECTED}",
        # Along links, requests are sound: one that is refused leads nowhere. And only the schema's own links
        # are followed, rather than hundreds that are guessed from names.
        '[phases.stateful.generation]\nmode = "positive"',
        "allow-x00 = false\nwith-security-parameters = false",
        '[phases.stateful.inference]\nalgorithms = ["location-headers"]',
    ]
    if key is not None:
        lines += [
            f'[auth.openapi.apiKey]\nbearer = "{key}"',
            f'[auth.openapi.rootKey]\nbearer = "{ROOT_KEY}"',
        ]
    for name in BATCHES:
        lines += [
            "[[operations]]",
            f'include-name = "{name}"',
            "[operations.checks.negative_data_rejection]",
            f"expected-statuses = {[200, *REJECTED]}",
        ]
    return "\n".join(lines) + "\n"


def table(findings: Findings, seconds: float) -> str:
    """What was found, for people."""
    rows: list[tuple[str, Any]] = [("cases", findings.cases), ("seconds", round(seconds))]
    rows += [(f"  {name}", number) for name, number in sorted(findings.phases.items())]
    rows += [("by operation", "")] + [(f"  {name}", n) for name, n in sorted(findings.operations.items())]
    rows += [("by status", "")] + [(f"  {name}", n) for name, n in sorted(findings.statuses.items())]
    rows += [("links followed", sum(findings.links.values()))]
    rows += [(f"  {_short(name)}", n) for name, n in sorted(findings.links.items())]
    rows += [("failures", len(findings.failures))]
    rows += [
        (f"  {name}", findings.faults[name]) for name in ("5xx", "undocumented status", "not problem+json")
    ]
    return "\n".join(f"{name:<88}{number:>8}" for name, number in rows)


def _short(link: str) -> str:
    """A link without the operation id in its middle."""
    first, _, last = link.split(" -> ")
    return f"{first} -> {last}"
