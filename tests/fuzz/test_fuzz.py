"""A short run of the fuzzer with a fixed seed; `make fuzz` is the long one, with the coverage phase."""

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from shared.kit.settings import Settings
from shared.resources import Resources
from tests.fuzz.fuzzing import Findings, fuzz, table
from tests.fuzz.target import serving


@pytest.mark.slow
def test_no_input_makes_a_5xx_an_undocumented_status_or_an_error_that_is_no_problem_document(
    settings: Settings, resources: Resources, client: TestClient, tmp_path: Path
) -> None:
    findings, started = Findings(), time.monotonic()
    with serving(settings, resources, client, tmp_path / "api.log") as target:
        fuzz(target, tmp_path, "all", 1, findings, examples=3, phases="examples,fuzzing,stateful")
    print("\n".join(findings.failures))
    print(table(findings, time.monotonic() - started))
    assert findings.failures == []
    assert findings.faults == {}
    assert findings.cases >= 200
