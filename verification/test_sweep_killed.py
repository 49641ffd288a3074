"""A sweep killed with SIGKILL again and again, workers and all: no member is lost, none is run twice, same bytes."""

import os
import signal
import subprocess
import sys
import time

import pytest
from sweep_killed import CASE_24, killed_sweep

from oxablate.experiments.executor import LocalProcesses
from oxablate.experiments.sweep import open_sweep, sweep

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kill -9")

PROGRAM = [sys.executable, "-c", "from oxablate.cli.main import main; main()"]


@pytest.mark.slow
def test_no_member_is_lost_or_run_twice(tmp_path):
    found = killed_sweep(tmp_path / "killed", members=200, kills=10, seed=3)
    assert found["lost"] == 0 and found["twice"] == 0, found
    assert found["kills"] >= 8 and found["members"] == 200 and found["rows"] == 400, found
    (tmp_path / "case.yaml").write_text(CASE_24)
    whole = sweep(tmp_path / "case.yaml", 200, tmp_path / "whole", executor=LocalProcesses(2))
    for name in ("results.csv", "sweep.json", "design.csv"):
        assert (whole.folder / name).read_bytes() == (tmp_path / "killed" / "out" / name).read_bytes(), name
    assert not list((tmp_path / "killed" / "out").rglob("*.partial"))


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0])
def test_killed_while_it_begins(tmp_path, wait):
    """Before the folder, between its first files, while workers start: --resume goes on, or there is nothing to."""
    (tmp_path / "case.yaml").write_text(CASE_24)
    command = [*PROGRAM, "sweep", str(tmp_path / "case.yaml"), "-n", "3", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    there = (tmp_path / "out" / "design.csv").exists()
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    if not there:
        assert done.returncode == 2 and "holds no sweep to go on with" in done.stderr, done
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert open_sweep(tmp_path / "out").about["status"] == "complete"
    assert len(open_sweep(tmp_path / "out").results()) == 6


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done(tmp_path):
    """The signal reaches the whole group, as in a terminal; workers leave the decision to the one that was asked."""
    (tmp_path / "case.yaml").write_text(CASE_24)
    out = tmp_path / "out"
    command = [*PROGRAM, "sweep", str(tmp_path / "case.yaml"), "-n", "60", "--out", str(out), "--workers", "2"]
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while len(list((out / "members").glob("*.json"))) < 4:
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130 and "Traceback" not in said
    assert "stopped; the members that were done are kept" in said and "--resume" in said
    assert open_sweep(out).about["status"] == "stopped" and not (out / "results.csv").exists()
    kept = {path: path.stat().st_mtime_ns for path in (out / "members").glob("*.json")}
    assert 4 <= len(kept) < 60
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(open_sweep(out).results()) == 120
