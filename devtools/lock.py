"""Writes requirements/: all packages that Outlay installs, with exact versions and hashes.

    make lock              add what pyproject.toml newly asks for; keep the other versions
    make lock UPGRADE=1    the newest versions that pyproject.toml allows

uv resolves everything at once, for every platform and every Python that Outlay runs on, so that all files fit
together. Then the result is divided: `base.txt` is the service, a file per extra has what that extra adds,
`torch.txt` has PyTorch as the package index serves it, `uv.txt` the installer. docs/decisions/0022 says why.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
HEADER = "# {what} Written by `make lock`; do not edit.\n"
# PyTorch and what only its CUDA build needs. A machine without a GPU installs another build, from elsewhere.
OF_TORCH = re.compile(r"(torch|triton|nvidia-.+|cuda-.+)")
OLDEST_PYTHON = "3.11"

Blocks = dict[str, str]


def main() -> int:
    """Resolve, divide, write; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m devtools.lock", description=__doc__)
    parser.add_argument(
        "--upgrade", action="store_true", help="the newest versions that pyproject.toml allows"
    )
    upgrade = parser.parse_args().upgrade
    project = ROOT / "pyproject.toml"
    extras = list(tomllib.loads(project.read_text("utf-8"))["project"]["optional-dependencies"])
    with tempfile.TemporaryDirectory() as name:
        pins = Path(name) / "pins.txt"
        if not upgrade:  # uv keeps the versions that stand in its output file, where they still fit
            pins.write_text("".join(path.read_text() for path in sorted(FOLDER.glob("*.txt"))))
        _compile(project, "--all-extras", "--output-file", str(pins))
        everything = parse(pins.read_text())
        fixed = ("--constraints", str(pins))
        base = _compile(project, *fixed).keys()
        added = {extra: _compile(project, "--extra", extra, *fixed).keys() - base for extra in extras}
        tool = Path(name) / "uv.in"
        tool.write_text("uv")
        uv = _compile(tool, *fixed)
    torch = {package for package in base if OF_TORCH.fullmatch(package)}
    FOLDER.mkdir(exist_ok=True)
    _write("base", "The service without PyTorch.", everything, set(base) - torch)
    _write("torch", "PyTorch from the package index: with CUDA on Linux.", everything, torch)
    _write("uv", "The installer.", uv, set(uv))
    for extra in extras:
        _write(extra, f"What the extra `{extra}` adds to base.txt.", everything, added[extra])
    return 0


def _compile(source: Path, *options: str) -> Blocks:
    """The resolved packages by name: a requirement and its hashes each."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--python-version", OLDEST_PYTHON, "--no-header", "--no-annotate", "--no-config"]
    done = subprocess.run(
        [*command, *options, str(source)], check=False, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    if done.returncode != 0:
        raise SystemExit("uv found no versions that fit together; the lines above say why.")
    return parse(done.stdout)


def parse(text: str) -> Blocks:
    """The requirements of a file by name, each with the lines of its hashes."""
    blocks: Blocks = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if match := re.match(r"([A-Za-z0-9._-]+)==", block):
            blocks[re.sub(r"[-_.]+", "-", match[1]).lower()] = block.strip()
    return blocks


def _write(name: str, what: str, blocks: Blocks, packages: set[str]) -> None:
    lines = [blocks[package] for package in sorted(packages)]
    (FOLDER / f"{name}.txt").write_text(HEADER.format(what=what) + "".join(f"{line}\n" for line in lines))
    print(f"requirements/{name}.txt: {len(lines)} packages")


if __name__ == "__main__":
    sys.exit(main())
