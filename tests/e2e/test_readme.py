"""The session of the README, pasted into a shell against a running API: twice, since a reader may do so."""

import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from shared.resources import Resources
from tests.factories import OrganizationClient, run_jobs

README = Path(__file__).parents[2] / "README.md"


def session(url: str, key_file: Path) -> str:
    """The commands, with this server's address and key."""
    [commands] = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    for old, new in (
        ("http://127.0.0.1:8000", url),
        (".outlay/standalone/api-key", str(key_file)),
    ):
        assert commands.count(old) == 1
        commands = commands.replace(old, new)
    return f"set -eo pipefail\n{commands}"


def last_answer(output: str) -> dict[str, Any]:
    """The last JSON document, which `json.tool` has printed over several lines."""
    answer: dict[str, Any] = json.loads(output[output.rindex("\n{\n") :])
    return answer


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_session_can_be_run_twice(
    url: str, organization: OrganizationClient, resources: Resources, tmp_path: Path
) -> None:
    key_file = tmp_path / "api-key"
    key_file.write_text(organization.key)
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(0.05):
            run_jobs(resources, organization)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        answers = []
        for _ in range(2):
            done = subprocess.run(
                ["bash", "-c", session(url, key_file)],
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr
            assert '"status":4' not in done.stdout.replace(" ", ""), done.stdout
            assert '"name": "Travel: lodging"' in done.stdout
            answers.append(last_answer(done.stdout))
    finally:
        is_over.set()
        worker.join()
    first, second = answers
    best = first["suggestions"][0]
    assert best["category"]["name"] == "Marketing: events"
    assert [evidence["merchant_name"] for evidence in best["evidence"]] == ["Marriott"]
    assert second == first
