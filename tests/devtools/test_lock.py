"""The locked set: whole, hashed, and what pyproject.toml asks for."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devtools.lock import parse

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = set(PROJECT["optional-dependencies"])


def locked(*names: str) -> dict[str, Requirement]:
    """The packages of some files by name."""
    return {
        package: Requirement(block.partition("\\\n")[0].strip())
        for name in names
        for package, block in parse((ROOT / "requirements" / f"{name}.txt").read_text()).items()
    }


def declared() -> Iterator[tuple[str, Requirement]]:
    """(extra or `base`, requirement) of pyproject.toml."""
    yield from (("base", Requirement(text)) for text in PROJECT["dependencies"])
    for extra, texts in PROJECT["optional-dependencies"].items():
        yield from ((extra, Requirement(text)) for text in texts)


def test_there_is_a_file_for_each_extra() -> None:
    assert {path.stem for path in FILES} == EXTRAS | {"base", "torch", "uv"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_package_is_exact_and_hashed(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(
            r"(    --hash=sha256:[0-9a-f]{64}|[\w.-]+==[\w.+!]+( ; [^\\]+)?)( \\)?", line.rstrip()
        ), line
    blocks = parse(path.read_text())
    assert blocks
    assert [name for name, block in blocks.items() if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_file_names_an_index_or_a_place(path: Path) -> None:
    assert not re.search(r"https?:|file:|--index|--find-links|@ ", path.read_text())


@pytest.mark.parametrize(("extra", "requirement"), list(declared()), ids=str)
def test_what_is_declared_is_locked_in_a_version_that_fits(extra: str, requirement: Requirement) -> None:
    [pin] = locked("base", "torch", extra)[canonicalize_name(requirement.name)].specifier
    assert requirement.specifier.contains(pin.version, prereleases=True)


def test_all_files_agree_on_versions() -> None:
    pins = {(name, str(pin.specifier)) for path in FILES for name, pin in locked(path.stem).items()}
    assert len(pins) == len({name for name, _ in pins})


def test_the_cpu_set_has_nothing_of_cuda() -> None:
    names = locked("base", *EXTRAS)
    assert [name for name in names if re.match(r"torch$|triton|nvidia-|cuda-", name)] == []
