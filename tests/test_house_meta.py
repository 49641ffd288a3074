"""The files around the code: licence, citation, pins, the sentence that must be everywhere, the way in."""

import hashlib
import re
import subprocess
import sys
import tomllib

import pytest
from house import ROOT, files, name_of
from ruamel.yaml import YAML

import oxablate
from oxablate.quantities.research_only import RESEARCH_ONLY

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

#: SHA-256 of the Apache-2.0 text as the Apache Software Foundation publishes it (LICENSE-2.0.txt).
APACHE_2_0 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"

HEAVY = {"numpy", "scipy", "xarray", "numba", "matplotlib", "pint", "zarr", "pydantic", "nibabel", "nrrd"}


def test_the_licence_is_the_whole_apache_text():
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2_0
    assert PROJECT["license"] == "Apache-2.0" and set(PROJECT["license-files"]) == {"LICENSE", "NOTICE"}


def test_bundled_data_is_named_in_the_notice():
    notice = (ROOT / "NOTICE").read_text()
    data = [name_of(path) for path in files() if path.suffix in {".nrrd", ".gz", ".dcm"}]
    assert [name for name in data if name not in notice] == []


@pytest.mark.parametrize("page", ["README.md", "INTENDED_USE.md"])
def test_what_it_is_not_for_is_on_the_first_pages(page):
    assert RESEARCH_ONLY in (ROOT / page).read_text()


def test_the_citation_file_is_valid():
    cff = YAML(typ="safe").load(ROOT / "CITATION.cff")
    allowed = {"cff-version", "message", "type", "title", "abstract", "authors", "version", "license", "keywords"}
    assert set(cff) == allowed
    assert str(cff["cff-version"]) == "1.2.0" and cff["type"] == "software"
    assert cff["authors"] == [{"name": PROJECT["authors"][0]["name"]}]
    assert str(cff["version"]) == PROJECT["version"] == oxablate.__version__
    assert cff["license"] == PROJECT["license"]


def test_the_changelog_knows_this_version_and_what_moved():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{PROJECT['version']}]" in text and "### Results that moved" in text


def requirement_names(lines: list[str]) -> set[str]:
    """The normalised names of a list of requirements."""
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines)
    return {match.group().lower().replace("_", "-").replace(".", "-") for match in found if match}


def test_every_dependency_is_pinned_and_no_address_is():
    lines = [line.strip() for line in (ROOT / "constraints.txt").read_text().splitlines() if line.strip()]
    assert [line for line in lines if "://" in line or line.startswith("-") or "@" in line] == []
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==[^ ]+( ;.*)?$", line)] == []
    extras = PROJECT["optional-dependencies"].values()
    wanted = requirement_names(PROJECT["dependencies"] + [line for extra in extras for line in extra]) - {"oxablate"}
    assert wanted - requirement_names(pins) == set()


@pytest.mark.parametrize("name", sorted(oxablate._EXPORTS))
def test_every_public_name_loads(name):
    assert callable(getattr(oxablate, name))


def test_a_public_name_stays_a_function_whatever_was_imported_before():
    """`oxablate.report` is a subpackage too; importing it must not take the function's place."""
    stand_in = "sys.modules['oxablate.report'].report = lambda folder: folder"
    code = f"import oxablate, oxablate.report\n{stand_in}\nassert oxablate.report('here') == 'here'"
    loaded_after(code)
    with pytest.raises(subprocess.CalledProcessError):
        loaded_after("assert False")


def test_an_unknown_public_name_is_answered_with_the_known_ones():
    with pytest.raises(AttributeError, match="load_case"):
        oxablate.lode_case  # noqa: B018 - the access is the test


def loaded_after(code: str) -> set[str]:
    """The heavy modules a fresh interpreter has loaded after running `code`."""
    report = f"import sys\n{code}\nprint('LOADED', *sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


def test_the_facade_costs_nothing():
    assert loaded_after("import oxablate; dir(oxablate)") == set()


def test_asking_for_help_loads_nothing_heavy():
    code = (
        "from oxablate.cli.main import main\nsys.argv = ['oxablate', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    assert loaded_after(code) == set()


def test_a_heavy_import_is_seen():
    assert loaded_after("import numpy") == {"numpy"}
