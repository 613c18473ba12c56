"""What a line holds, whoever writes it: ours, a library's, Python's own."""

import io
import json
import logging
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from shared.kit.errors import NotFound
from shared.kit.logging import configure, get_logger

ROOT = Path(__file__).parents[2]
CANARY = "canary-81d0c3"


class Lines:
    """What was logged since it was made."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def last(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.text.splitlines()[-1])
        return line


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """The log of a process that was configured, and everything as before afterwards."""
    stream = io.StringIO()
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    before = (root.handlers[:], root.level)
    structlog_before = structlog.get_config()
    monkeypatch.setattr(sys, "stderr", stream)
    configure("DEBUG", service="test")
    yield Lines(stream)
    sys.excepthook, threading.excepthook = hooks
    root.handlers[:], root.level = before
    logging.captureWarnings(False)
    structlog.configure(**structlog_before)
    structlog.contextvars.clear_contextvars()


class Large:
    """Counts how often somebody renders it."""

    rendered = 0

    def __repr__(self) -> str:
        self.rendered += 1
        return "large"


def test_a_traceback_in_a_test_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """structlog's default renders every local variable of every frame: a minute where they are large."""
    large = Large()
    try:
        raise ValueError(id(large))
    except ValueError:
        structlog.get_logger().exception("failed")
    printed = capsys.readouterr().out
    assert large.rendered == 0
    assert "failed" in printed
    assert f"ValueError: {id(large)}" in printed


def test_a_line_names_process_logger_and_what_is_bound(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1", organization_id="o1"):
        get_logger("api.x").info("happened", number=3)
    line = lines.last
    line.pop("timestamp")
    assert line == {
        "event": "happened",
        "service": "test",
        "logger": "api.x",
        "level": "info",
        "request_id": "r1",
        "organization_id": "o1",
        "number": 3,
    }


def test_an_exception_is_told_by_kind_and_place_and_by_no_message(lines: Lines) -> None:
    try:
        try:
            int(CANARY)
        except ValueError as error:
            raise NotFound(CANARY) from error
    except NotFound:
        get_logger("shared.x").exception("failed")
    outer, cause = lines.last["exception"]
    assert (outer["type"], outer["code"]) == ("shared.kit.errors.NotFound", "not-found")
    assert cause["type"] == "builtins.ValueError"
    assert cause["frames"][0].endswith("in test_an_exception_is_told_by_kind_and_place_and_by_no_message")
    assert CANARY not in lines.text


def test_a_library_s_exception_neither(lines: Lines) -> None:
    library = logging.getLogger("celery.app.trace")
    try:
        raise KeyError(CANARY)
    except KeyError as error:
        library.exception("Task %(name)s raised: %(exc)s", {"name": "t", "exc": repr(error)})
        assert lines.last["exception"][0]["type"] == "builtins.KeyError"
        library.error("Cannot connect to %s: %s", "the broker", error)
        assert lines.last["event"] == "Cannot connect to the broker: KeyError"
    library.warning("%d of %s", 1, "two")
    assert lines.last["event"] == "1 of two"
    assert CANARY not in lines.text


def test_libraries_do_not_say_what_they_work_on(lines: Lines) -> None:
    logging.getLogger("multipart.multipart").debug("field %s", CANARY)
    logging.getLogger("httpx").info("GET https://example.org/?key=%s", CANARY)
    logging.getLogger("uvicorn.access").info("GET /v1/x?q=%s", CANARY)
    assert lines.text == ""
    get_logger("worker.x").debug("ours do")
    assert lines.last["event"] == "ours do"


def test_a_warning_is_a_line(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", UserWarning, stacklevel=1)
    assert lines.last["logger"] == "py.warnings"


def test_a_process_that_dies_of_an_error_says_so_in_json() -> None:
    program = f"""
        import threading
        from shared.kit.logging import configure
        configure(service="test")
        thread = threading.Thread(target=lambda: int("{CANARY}"))
        thread.start(); thread.join()
        int("{CANARY}")
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 1
    events = [json.loads(line)["event"] for line in ended.stderr.splitlines()]
    assert events == ["thread ended by an error", "process ended by an error"]
    assert CANARY not in ended.stderr


def test_a_setting_that_is_refused_is_not_quoted() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from shared.kit.settings import get_settings as g; g()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"OUTLAY_ROOT_KEY": CANARY[:15], "OUTLAY_METRICS_PORT": CANARY},
    )
    assert "root_key" in ended.stderr
    assert CANARY[:15] not in ended.stderr
