"""The house keeps its own rules, and the rules notice when it does not."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "worker", "cli", "shared")
HEAVY = ("torch", "sentence_transformers", "transformers", "datasets", "qdrant_edge", "qdrant_client")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """The contracts of `folder`'s pyproject.toml on `folder`'s packages."""
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(
        [str(program), "--no-cache", "--no-logo"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def sources(*packages: str) -> Iterator[Path]:
    """The Python files of some packages."""
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The packages and their contracts, to be spoilt."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "static")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_contracts_see_every_module() -> None:
    """A folder without `__init__.py` would be passed over in silence."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    assert {module_of(path) for path in sources(*PACKAGES)} <= graph.modules


@dataclass(frozen=True)
class Plant:
    """A wrong import: where, what, and the contract that must notice."""

    path: str
    line: str
    contract: str


DOORS = "Three doors onto shared that do not know each other"
ROOMS = "One way down through shared"
FRAMEWORKS = "Web and task frameworks stay in their doors"
TRAINING = "The API asks for trainings and does none"
TRAINING_ROOMS = "One way down through training"


@pytest.mark.parametrize(
    "plant",
    [
        Plant("api/deps.py", "import worker.app", DOORS),
        Plant("worker/runner.py", "from api import errors", DOORS),
        Plant("cli/demo.py", "from worker import tasks", DOORS),
        Plant("shared/categories/service.py", "from api import errors", DOORS),
        Plant("shared/transactions/service.py", "from shared.datasets import service as datasets", ROOMS),
        Plant("shared/categories/service.py", "from shared.organizations import service as them", ROOMS),
        Plant("shared/evaluation/metrics.py", "from shared.training.bi_encoder.pairs import Pair", ROOMS),
        Plant("shared/erasing/service.py", "from shared.indexing import service as indexing", ROOMS),
        Plant("shared/categorization/ranking.py", "from shared.indexing import service as indexing", ROOMS),
        Plant("shared/engines/encoder.py", "from shared.jobs.run import Run", ROOMS),
        Plant("shared/kit/text.py", "from shared.engines import vectors", ROOMS),
        Plant("shared/jobs/service.py", "def f():\n    from shared.registry import service", ROOMS),
        Plant("shared/reports/__init__.py", "", ROOMS),
        Plant("shared/kit/errors.py", "import fastapi", FRAMEWORKS),
        Plant("shared/jobs/run.py", "from celery import Task", FRAMEWORKS),
        Plant("cli/doctor.py", "import celery", FRAMEWORKS),
        Plant("api/categorize_adapter.py", "def f():\n    import torch", TRAINING),
        Plant("api/routers/trainings.py", "from shared.training.bi_encoder import trainer", TRAINING),
        Plant(
            "shared/training/bi_encoder/trainer.py",
            "from shared.training.cross_encoder import lists",
            TRAINING_ROOMS,
        ),
        Plant("shared/training/rows.py", "from shared.training.search import sampler", TRAINING_ROOMS),
    ],
    ids=lambda plant: f"{plant.path}: {plant.line}".replace("\n   ", ""),
)
def test_a_wrong_import_breaks_its_contract(copied: Path, plant: Plant) -> None:
    path = copied / plant.path
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(f"\n{plant.line}\n")
    done = lint_imports(copied)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if " BROKEN" in line]
    if plant.line:
        assert len(broken) == 1, done.stdout
        assert broken[0].startswith(plant.contract)
    else:  # a room without a layer is said in place of the verdicts
        assert "shared.reports" in done.stdout + done.stderr


@pytest.mark.parametrize("module", ["api.main", "worker.app", "worker.relay", "cli.main"])
def test_start_loads_no_heavy_library(module: str) -> None:
    """Seconds of start, and hundreds of MB, that a process only spends once it encodes or trains."""
    code = f"import sys, {module}; print(*(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_api_loads_no_task_framework() -> None:
    code = "import sys, api.main; print(*({'celery', 'kombu', 'worker'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def committing(source: str) -> list[int]:
    """Lines that commit, or open a block that does: `x.commit()`, `session.begin()`, `engine.begin()`."""
    calls = [
        node.func
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    of_a_database = ("session", "engine", "connection", "Session", "Engine")
    return [
        call.lineno
        for call in calls
        if call.attr == "commit" or (call.attr == "begin" and ast.unparse(call.value).endswith(of_a_database))
    ]


def test_only_work_commits() -> None:
    found = {module_of(path) for path in sources(*PACKAGES) if committing(path.read_text("utf-8"))}
    assert found == {"shared.kit.unit_of_work"}


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("session.commit()", True),
        ("with self._engine.begin() as connection: pass", True),
        ("with Session(engine) as session, session.begin(): pass", True),
        ("session.flush()", False),
        ("lines.begin()", False),
        ("session.begin_nested()", False),
    ],
)
def test_a_commit_is_found(line: str, is_found: bool) -> None:
    assert bool(committing(line)) is is_found


# What may hold SQL beside the stores: erasing walks all tables by their metadata (docs/decisions/0014).
WITHOUT_A_STORE = {"shared.erasing.service"}
STATEMENTS = {"select", "insert", "update", "delete"}


def statement_builders(source: str) -> set[str]:
    """The functions by which a module builds SQL statements."""
    return {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
        if alias.name in STATEMENTS
    }


def test_statements_stand_in_the_store_of_their_noun() -> None:
    with_statements = {
        module_of(path) for path in sources(*PACKAGES) if statement_builders(path.read_text("utf-8"))
    }
    assert {module for module in with_statements if not module.endswith(".store")} == WITHOUT_A_STORE


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("from sqlalchemy import func, select", {"select"}),
        ("def f():\n    from sqlalchemy.dialects.postgresql import insert", {"insert"}),
        ("from sqlalchemy.orm import Session", set()),
    ],
)
def test_a_statement_is_noticed(line: str, names: set[str]) -> None:
    assert statement_builders(line) == names


def pass_throughs(source: str) -> list[str]:
    """Functions that only call the store with their own arguments."""
    names = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        statements = [line for line in node.body if not _is_docstring(line)]
        if len(statements) != 1 or not isinstance(statements[0], ast.Return | ast.Expr):
            continue
        call = statements[0].value
        if not isinstance(call, ast.Call) or not ast.unparse(call.func).startswith("store."):
            continue
        parameters = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
        if [
            ast.unparse(value) for value in (*call.args, *(word.value for word in call.keywords))
        ] == parameters:
            names.append(node.name)
    return names


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_no_service_only_passes_on() -> None:
    """Who reads rows asks the store; a service has rules of its own (docs/decisions/0023)."""
    services = {module_of(path): pass_throughs(path.read_text("utf-8")) for path in sources("shared")}
    assert {module: names for module, names in services.items() if names} == {}


def test_a_pass_through_is_noticed() -> None:
    source = "def get(session, key):\n    '''The row.'''\n    return store.get(session, key)\n"
    assert pass_throughs(source) == ["get"]
    assert pass_throughs(source.replace("store.get(session, key)", "store.get(session, key.id)")) == []


def test_a_class_name_is_unique_in_shared() -> None:
    places: dict[str, list[str]] = {}
    for path in sources("shared"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(module_of(path))
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


def imported_packages(path: Path) -> set[str]:
    """The top-level packages that a file imports anywhere, functions included."""
    packages = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            packages |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            packages.add(str(node.module).partition(".")[0])
    return packages


@pytest.mark.parametrize(
    ("packages", "forbidden"),
    [
        ((*PACKAGES, "migrations"), {"devtools", "benchmarks", "tests"}),
        (("devtools",), {"benchmarks", "tests"}),
        (("benchmarks",), {"tests"}),
        (("tests",), {"benchmarks"}),
    ],
    ids=["the product", "devtools", "benchmarks", "tests"],
)
def test_code_for_development_is_imported_downwards_only(
    packages: tuple[str, ...], forbidden: set[str]
) -> None:
    """Tests and benchmarks share devtools but not each other; the product uses none of the three."""
    files = list(sources(*packages))
    assert files
    assert [str(path.relative_to(ROOT)) for path in files if imported_packages(path) & forbidden] == []
