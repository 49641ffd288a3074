"""What the build machine runs passes on how the tests ended; `make help` knows every target."""

import os
import re
import subprocess

import pytest
from house import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("status", [0, 1, 2, 5])
def test_the_build_machine_sees_the_status_of_the_tests(tmp_path, status):
    stand_in = tmp_path / "make"
    stand_in.write_text(f'#!/bin/sh\necho "asked for $*"\necho "== 3 passed in 1s =="\nexit {status}\n')
    stand_in.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == status
    assert " test " in done.stdout.splitlines()[0] and done.stdout.splitlines()[-1] == "== 3 passed in 1s =="


def test_every_target_says_what_it_does():
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M).group(1).split()
    explained = re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.M)
    assert sorted(phony) == sorted(explained)
    assert {"test", "demo", "verify", "validate", "bench", "docs", "lint", "clean", "help", "setup"} <= set(phony)


def test_an_old_python_is_refused_by_name(tmp_path):
    """The message names the interpreter and what to do; nothing is set up."""
    old = tmp_path / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    command = ["make", "-f", str(ROOT / "Makefile"), ".venv/bin/python", f"PYTHON={old}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "3.11 or later" in done.stderr and str(old) in done.stderr
    assert not (tmp_path / ".venv").exists()
