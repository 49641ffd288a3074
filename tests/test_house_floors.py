"""Imports point down only; nobody inside imports the facade; compiled code enters through one door."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from house import PACKAGE, ROOT, name_of, package_files, tree_of

LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]


def lint(source: Path) -> subprocess.CompletedProcess:
    """Run the import contracts of pyproject.toml on the package found under `source`."""
    environment = {**os.environ, "PYTHONPATH": str(source), "NO_COLOR": "1"}
    command = [*LINT, "--no-cache", "--no-logo", "--config", str(ROOT / "pyproject.toml")]
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)


def contracts() -> list[dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_imports_point_down_only():
    done = lint(ROOT / "src")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("floor", "module"),
    [
        ("physics/flow", "oxablate.protocol"),
        ("physics/flow", "oxablate.physics.reaction"),
        ("physics/injury", "oxablate.anatomy"),
        ("numerics", "oxablate.quantities"),
        ("space", "oxablate.physics.process"),
        ("device", "oxablate.report"),
    ],
)
def test_an_upward_or_sideways_import_is_found(tmp_path, floor, module):
    copy = tmp_path / "oxablate"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / floor / "trespasser.py").write_text(f"import {module}\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "trespasser" in done.stdout and "0 kept, 1 broken" in done.stdout


def test_every_part_of_the_package_stands_on_a_floor():
    (layers,) = [contract["layers"] for contract in contracts() if contract["type"] == "layers"]
    placed = {part.strip() for layer in layers for part in layer.replace(":", "|").split("|")}
    there = set()
    for folder in (PACKAGE, PACKAGE / "physics"):
        prefix = ".".join(folder.relative_to(PACKAGE.parent).parts)
        for path in folder.iterdir():
            if path.stem.startswith("_") or path.name == "physics" or (path.is_dir() and not any(path.glob("*.py"))):
                continue
            if path.is_dir() or path.suffix == ".py":
                there.add(f"{prefix}.{path.stem}")
    assert there == placed


def absolute_imports(path: Path) -> list[tuple[int, str]]:
    """(line, module) of every import in a file, relative ones resolved to their absolute name."""
    package = ["oxablate", *path.relative_to(PACKAGE).parts[:-1]]
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append((node.lineno, node.module))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            if node.module:
                found.append((node.lineno, ".".join([*base, node.module])))
            else:  # `from .. import name`: the names may be modules
                found += [(node.lineno, ".".join([*base, alias.name])) for alias in node.names]
    return found


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def test_nobody_inside_imports_the_facade():
    """`import oxablate`, `from oxablate import x`, `from .. import x` where x is a name of the facade."""
    wrong = []
    for path in package_files():
        for line, module in absolute_imports(path):
            if module == "oxablate" or (re.fullmatch(r"oxablate\.\w+", module) and not is_module(module)):
                wrong.append(f"{name_of(path)}:{line} imports {module}")
    assert not wrong, wrong


def test_imports_inside_are_relative():
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in package_files()
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.split(".")[0] == "oxablate")
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "oxablate" for alias in node.names))
    ]
    assert not wrong, wrong


def test_compiled_code_enters_through_one_door():
    """Only numerics/jit.py imports numba: it keeps the cache out of the checkout and fast-math out of the code."""
    users = {
        name_of(path)
        for path in package_files()
        for _, module in absolute_imports(path)
        if module.split(".")[0] == "numba"
    }
    assert users == {"src/oxablate/numerics/jit.py"}
    wrong = [name_of(path) for path in package_files() if "fastmath=True" in path.read_text()]
    assert not wrong, wrong
