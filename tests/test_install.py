"""A plain `pip install .`: everything the package reads is in the wheel, and it works from an empty folder."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest
from house import PACKAGE, ROOT, files

#: What the package reads at run time, by ending.
DATA = {".toml", ".bib", ".yaml", ".j2", ".css"}


def data_files() -> set[str]:
    """Every file of the package that is no Python, relative to the folder above it."""
    found = (path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"})
    return {path.relative_to(PACKAGE.parent).as_posix() for path in found if not path.name.endswith(".partial")}


def test_every_data_file_is_one_that_a_wheel_takes():
    """The builder takes every file below the package that git does not ignore."""
    kept = {path.relative_to(PACKAGE.parent).as_posix() for path in files() if path.is_relative_to(PACKAGE)}
    assert data_files() <= kept and {name[name.rindex(".") :] for name in data_files()} <= DATA
    for folder in ("quantities/tables", "quantities/sets", "device/agents", "protocol/templates", "report/templates"):
        assert any(name.startswith(f"oxablate/{folder}/") for name in kept), folder
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["src/oxablate"]


def run(*command, cwd, **environment) -> str:
    """What a command printed; it must succeed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, env=kept | environment, timeout=900
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.slow
def test_a_plain_install_works_from_an_empty_folder(tmp_path):
    """Builds the wheel, installs it with the pins into an environment of its own, leaves the checkout alone."""
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip = [scripts / "python", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    run(*pip, "wheel", "--no-deps", "-q", "-w", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("oxablate-*.whl")
    with zipfile.ZipFile(wheel) as inside:
        names = set(inside.namelist())
    assert data_files() <= names
    assert not [name for name in names if not re.match(r"oxablate(-[\d.]+\.dist-info)?/", name)]
    run(*pip, "install", "-q", "-c", ROOT / "constraints.txt", ROOT, cwd=tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    program = scripts / "oxablate"
    assert "Research only." in run(program, "--version", cwd=empty)
    assert run(program, "new", "case.yaml", cwd=empty).strip() == "case.yaml"
    assert "A small tumour in muscle" in run(program, "inspect", "case.yaml", cwd=empty)
    assert '"$schema"' in run(program, "schema", cwd=empty)
    where = "import oxablate, sys; print(oxablate.__file__)"
    assert str(tmp_path) in run(scripts / "python", "-c", where, cwd=empty)
    settings = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    run(program, "run", "case.yaml", "--out", "record", cwd=empty, **settings)
    run(program, "report", "record", cwd=empty, **settings)
    assert (empty / "record" / "report.html").stat().st_size > 100_000
    assert {path.name for path in empty.iterdir()} == {"case.yaml", "record"}
