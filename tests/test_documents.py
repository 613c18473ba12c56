"""What the documents name exists."""

import re
import tomllib
from pathlib import Path

import pytest

from shared.jobs.kinds import QUEUES

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FOLDERS = "api|worker|cli|shared|migrations|benchmarks|devtools|tests|docs"

named = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def test_documents_are_there() -> None:
    assert {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= {
        path.name for path in DOCUMENTS
    }


@named
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if not target.startswith("https://"):
            assert (document.parent / target.partition("#")[0]).exists(), target


@named
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = document.read_text()
    targets_named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", text, re.MULTILINE))
    assert targets_named <= targets


@named
def test_files_exist(document: Path) -> None:
    """Everything in backquotes that looks like a path of ours."""
    pattern = rf"`((?:{FOLDERS})/[\w./-]*|\.?[\w-]+\.(?:toml|yml|ini|txt))`"
    for name in re.findall(pattern, document.read_text()):
        assert (ROOT / name).exists(), name


@named
def test_settings_exist(document: Path) -> None:
    known = set(re.findall(r"\b(OUTLAY_\w+|[A-Z]+_\w+)=", (ROOT / ".env.example").read_text()))
    # Of the curl session's own shell, and of the tests.
    known |= {"OUTLAY_URL", "OUTLAY_KEY"}
    assert set(re.findall(r"\bOUTLAY_[A-Z_]+", document.read_text())) <= known


@named
def test_modules_exist(document: Path) -> None:
    """What `python -m`, uvicorn and celery are told to run."""
    modules = re.findall(r"(?:-m|-A|uvicorn) ((?:api|worker|shared|cli)[\w.]*)", document.read_text())
    for module in modules:
        assert (ROOT / module.replace(".", "/")).with_suffix(".py").exists(), module


@pytest.fixture(scope="module")
def routes() -> set[str]:
    """The paths of the API, each parameter as *."""
    from api.main import create_app
    from shared.kit.settings import Settings

    app = create_app(Settings(_env_file=None, edge_socket=Path("edge.sock"), edge_authkey="0" * 32))
    return {re.sub(r"\{\w+\}", "*", path) for path in app.openapi()["paths"]}


@named
def test_routes_exist(document: Path, routes: set[str]) -> None:
    """What the commands call, and what the text names with its method."""
    text = document.read_text()
    paths = re.findall(r"\bcall '?(/[\w/$-]+)", text) + re.findall(r"OUTLAY_URL(/[\w/$-]+)", text)
    paths += re.findall(r"`(?:GET|POST|PUT|PATCH|DELETE) (/[\w/{}-]+)", text)
    for path in paths:
        assert re.sub(r"\$\w+|\{\w+\}", "*", path) in routes, path


def test_the_api_guide_uses_the_functions_of_the_readme() -> None:
    def functions(document: str) -> list[str]:
        return re.findall(r"^(?:call|id_of|export) ?.*$", (ROOT / document).read_text(), re.MULTILINE)[:3]

    assert functions("README.md") == functions("docs/api.md")


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


def test_images_are_small_and_described() -> None:
    for document in DOCUMENTS:
        for description, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", document.read_text()):
            assert len(description) > 20
            assert (document.parent / target).stat().st_size < 200_000


def test_architecture_draws_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "shared").glob("*/__init__.py")}
    assert {room for room in rooms if f"{room}/" not in text} == set()
    layers = next(
        contract["layers"]
        for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
            "contracts"
        ]
        if contract["id"] == "rooms"
    )
    drawn = text[text.index("shared, from top to bottom") :]
    order = [drawn.index(re.split(r" [|:] ", layer)[0]) for layer in layers]
    assert order == sorted(order)


def test_documents_name_every_queue() -> None:
    for name in ("docs/operations.md", "ARCHITECTURE.md"):
        text = (ROOT / name).read_text()
        assert {queue for queue in QUEUES if f"`{queue}`" not in text} == set()


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    for number, path in enumerate(sorted((ROOT / "docs/decisions").glob("*.md")), start=1):
        assert path.read_text().startswith(f"# {number}. ")
