"""What oxablate is made of: permissive licences in the core, no pinned version in a range that is known to be bad."""

import datetime
import importlib.util
import json
import subprocess
import sys

import pytest
from house import ROOT

from oxablate import __version__


def tool(name: str):
    """A script of the folder `supply`, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "supply" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ADVISORIES, SBOM = tool("advisories"), tool("sbom")
SNAPSHOT = json.loads(ADVISORIES.SNAPSHOT.read_text())
PINNED = ADVISORIES.pins(ADVISORIES.PINS.read_text())


def test_no_pinned_version_is_in_a_listed_range():
    assert len(PINNED) > 100
    assert ADVISORIES.known(PINNED, SNAPSHOT["advisories"]) == []


@pytest.mark.parametrize(
    "one", SNAPSHOT["advisories"], ids=lambda one: f"{one['package']}-{one['id']}-{one['affected']}"
)
def test_a_version_in_a_listed_range_is_seen(one):
    """The bound above is the first version that is mended; just below it is not."""
    assert one["package"] in dict(PINNED), "nothing of that name is pinned: take the row out"
    assert one["seen"] in ("tracker", "recalled") and one["id"].startswith(("CVE-", "GHSA-", "PYSEC-"))
    mended = one["affected"].rsplit("<", 1)[1]
    *front, last = mended.split(".")
    before = (
        ".".join([*front, str(int(last) - 1)]) if int(last) else ".".join([*front[:-1], str(int(front[-1]) - 1), "9"])
    )
    assert ADVISORIES.known([(one["package"], before)], [one])
    assert not ADVISORIES.known([(one["package"], mended)], [one])


def test_the_list_says_when_and_how_it_was_made():
    made = datetime.date.fromisoformat(SNAPSHOT["date"])
    assert made.year >= 2026 and "no full account" in SNAPSHOT["how"]
    assert SNAPSHOT["date"] in (ROOT / "SECURITY.md").read_text()


def test_what_was_not_asked_counts_as_not_asked(monkeypatch, capsys):
    """pip-audit calls it "no known vulnerabilities" when its database served nothing."""
    rows = [{"name": name, "skip_reason": "not found"} for name, _ in PINNED]
    done = subprocess.CompletedProcess([], 0, json.dumps({"dependencies": rows}), "No known vulnerabilities found")
    monkeypatch.setattr(ADVISORIES.subprocess, "run", lambda *words, **more: done)
    assert ADVISORIES.main() == 3
    assert "asked about 0 of" in capsys.readouterr().out
    rows[0] = {"name": "numpy", "version": "1", "vulns": [{"id": "CVE-1"}]}
    monkeypatch.setattr(ADVISORIES.subprocess, "run", lambda *words, **more: done_with(rows))
    assert ADVISORIES.main() == 1


def done_with(rows: list[dict]) -> subprocess.CompletedProcess:
    return subprocess.CompletedProcess([], 1, json.dumps({"dependencies": rows}), "")


@pytest.mark.parametrize("name", sorted(set(SBOM.closure()) - {"oxablate"}))
def test_the_core_rests_on_permissive_licences(name):
    """MIT, BSD, Apache, PSF, ISC and their like; wheels of NumPy and SciPy hold libgfortran under GCC's exception."""
    stated = SBOM.licences(SBOM.closure()[name].metadata)
    known = {one for one in stated if one in SBOM.PERMISSIVE or one.startswith(("BSD", "MIT", "Apache"))}
    assert stated == known, stated


@pytest.mark.parametrize("text", ["GPL-3.0-or-later", "MIT AND LGPL-2.1-only", "AGPL-3.0"])
def test_a_licence_that_is_not_permissive_is_seen(text):
    from email.message import Message

    about = Message()
    about["License-Expression"] = text
    assert SBOM.licences(about) - SBOM.PERMISSIVE


def test_the_closure_knows_what_is_needed_and_what_is_not():
    names = set(SBOM.closure())
    assert {"numpy", "pydicom", "highdicom", "zarr", "jinja2", "markupsafe", "oxablate"} <= names
    assert not names & {"pytest", "sphinx", "simpleitk", "ruff", "fipy", "requests"}


@pytest.mark.peer
def test_the_bill_of_materials_is_made_offline(tmp_path):
    if importlib.util.find_spec("cyclonedx_py") is None:
        pytest.skip("needs cyclonedx-bom (extra dev); `make sbom` installs it")
    out = tmp_path / "sbom.json"
    subprocess.run([sys.executable, str(ROOT / "supply" / "sbom.py"), str(out)], check=True, capture_output=True)
    made = json.loads(out.read_text())
    assert made["bomFormat"] == "CycloneDX"
    scopes = {component["name"].lower(): component["scope"] for component in made["components"]}
    versions = {component["name"].lower(): component["version"] for component in made["components"]}
    assert scopes["numpy"] == scopes["oxablate"] == "required" and scopes["pytest"] == "excluded"
    assert versions["oxablate"] == __version__
    assert "http" not in json.dumps([component.get("externalReferences") for component in made["components"]])
