"""The house keeps its own rules, and the rules notice when it does not."""

import ast
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import grimp
import pytest
from importlinter.application.app_config import settings
from importlinter.application.use_cases import create_report, read_user_options
from importlinter.configuration import configure
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import registry

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "worker", "cli", "shared")
HEAVY = ("torch", "sentence_transformers", "transformers", "datasets", "qdrant_edge", "qdrant_client")


def sources(*packages: str) -> Iterator[Path]:
    """The Python files of some packages."""
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom in the product."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


@dataclass(frozen=True)
class Built:
    """Hands import-linter a graph that is there already."""

    graph: grimp.ImportGraph

    def build(self, **_: object) -> grimp.ImportGraph:
        return self.graph


def broken_contracts(graph: grimp.ImportGraph) -> list[str]:
    """The names of the contracts in pyproject.toml that this graph breaks."""
    configure()
    registry.register(LayersContract, "layers")
    registry.register(ForbiddenContract, "forbidden")
    settings.configure(GRAPH_BUILDER=Built(graph))
    report = create_report(read_user_options(str(ROOT / "pyproject.toml")), cache_dir=None)
    assert not report.could_not_run, report.invalid_contract_options
    return [contract.name for contract, check in report.get_contracts_and_checks() if not check.kept]


def test_contracts_hold(graph: grimp.ImportGraph) -> None:
    assert broken_contracts(graph) == []


def test_contracts_see_every_module(graph: grimp.ImportGraph) -> None:
    """A folder without `__init__.py` would be passed over in silence."""
    assert {module_of(path) for path in sources(*PACKAGES)} <= graph.modules


@pytest.mark.parametrize(
    "line", ["import torch", "def f():\n    from torch import nn", "from torch.nn import Linear"]
)
def test_contracts_see_imports_in_functions_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    package = tmp_path / f"planted_{uuid.uuid4().hex}"
    package.mkdir()
    (package / "__init__.py").write_text(f"{line}\n")
    monkeypatch.syspath_prepend(tmp_path)
    graph = grimp.build_graph(package.name, include_external_packages=True, cache_dir=None)
    assert graph.direct_import_exists(importer=package.name, imported="torch")


DOORS = "Three doors onto shared that do not know each other"
ROOMS = "One way down through shared"
FRAMEWORKS = "Web and task frameworks stay in their doors"
TRAINING = "The API asks for trainings and does none"
TRAINING_ROOMS = "One way down through training"


@pytest.mark.parametrize(
    ("importer", "imported", "contract"),
    [
        ("api.deps", "worker.app", DOORS),
        ("worker.runner", "api.errors", DOORS),
        ("cli.demo", "worker.runner", DOORS),
        ("shared.categories.service", "api.errors", DOORS),
        ("shared.transactions.service", "shared.datasets.service", ROOMS),
        ("shared.categories.service", "shared.organizations.service", ROOMS),
        ("shared.evaluation.metrics", "shared.training.bi_encoder.pairs", ROOMS),
        ("shared.erasing.service", "shared.indexing.service", ROOMS),
        ("shared.categorization.ranking", "shared.indexing.service", ROOMS),
        ("shared.engines.encoder", "shared.jobs.run", ROOMS),
        ("shared.kit.text", "shared.engines.vectors", ROOMS),
        ("shared.jobs.service", "shared.registry.service", ROOMS),
        ("shared.kit.errors", "fastapi", FRAMEWORKS),
        ("shared.jobs.run", "celery", FRAMEWORKS),
        ("cli.doctor", "celery", FRAMEWORKS),
        ("api.categorize_adapter", "torch", TRAINING),
        ("api.routers.trainings", "shared.training.bi_encoder.trainer", TRAINING),
        ("shared.training.bi_encoder.trainer", "shared.training.cross_encoder.lists", TRAINING_ROOMS),
        ("shared.training.rows", "shared.training.search.sampler", TRAINING_ROOMS),
    ],
)
def test_a_wrong_import_breaks_its_contract_alone(
    graph: grimp.ImportGraph, importer: str, imported: str, contract: str
) -> None:
    assert {importer, imported} <= graph.modules
    spoilt = deepcopy(graph)
    spoilt.add_import(importer=importer, imported=imported)
    assert broken_contracts(spoilt) == [contract]


def test_a_room_without_a_layer_breaks_its_contract(graph: grimp.ImportGraph) -> None:
    spoilt = deepcopy(graph)
    spoilt.add_module("shared.reports")
    assert broken_contracts(spoilt) == [ROOMS]


def test_every_contract_is_shown_to_break() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert {contract["name"] for contract in contracts} == {
        *(DOORS, ROOMS, FRAMEWORKS, TRAINING, TRAINING_ROOMS)
    }


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("api.main", (*HEAVY, "celery", "kombu", "worker")),
        ("worker.app", HEAVY),
        ("worker.relay", HEAVY),
        ("cli.main", HEAVY),
    ],
)
def test_a_process_starts_without_what_it_may_never_need(module: str, unwanted: tuple[str, ...]) -> None:
    """Heavy libraries cost seconds of start and hundreds of MB; the API never needs the worker's."""
    code = f"import sys, {module}; print(*({set(unwanted)} & set(sys.modules)))"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == ""


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


def test_only_the_unit_of_work_commits() -> None:
    modules = {module_of(path) for path in sources(*PACKAGES) if committing(path.read_text("utf-8"))}
    assert modules == {"shared.kit.unit_of_work"}


@pytest.mark.parametrize(
    ("line", "commits"),
    [
        ("session.commit()", True),
        ("with self._engine.begin() as connection: pass", True),
        ("with Session(engine) as session, session.begin(): pass", True),
        ("session.flush()", False),
        ("lines.begin()", False),
        ("session.begin_nested()", False),
    ],
)
def test_a_commit_is_noticed(line: str, commits: bool) -> None:
    assert bool(committing(line)) is commits


# What may hold SQL beside the stores: erasing walks all tables by their metadata (docs/decisions/0014).
# `kit.sql` has a condition that stores share, on no table of its own.
WITHOUT_A_STORE = {"shared.erasing.service", "shared.kit.sql"}
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


VAGUE_NAMES = {"one", "found", "its", "about", "told", "made"}


def vague_names(source: str) -> set[str]:
    """Variables and parameters whose names say nothing about what they hold."""
    names = {
        node.id if isinstance(node, ast.Name) else node.arg
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }
    return names & VAGUE_NAMES


def test_variables_say_what_they_hold() -> None:
    """See docs/style.md."""
    everything = sources(*PACKAGES, "benchmarks", "devtools", "tests")
    vague = {module_of(path): vague_names(path.read_text("utf-8")) for path in everything}
    assert {module: names for module, names in vague.items() if names} == {}


def test_a_vague_name_is_noticed() -> None:
    assert vague_names("for one in rows: pass\ndef f(found): return [its for its in found]") == {
        "one",
        "found",
        "its",
    }
