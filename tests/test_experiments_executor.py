"""Where members are computed: results as they are done, one thread each, no orphans, no script run twice."""

import math
import os
import subprocess
import sys
import time

import psutil
import pytest

from oxablate.experiments.executor import LocalProcesses, Serial, fitting_workers
from oxablate.quantities.refusal import BadInput, RunFailed


def never() -> bool:
    return False


@pytest.mark.parametrize("executor", [Serial(), LocalProcesses(2)])
def test_every_item_comes_back_once_with_its_result(executor):
    items = list(range(20))
    assert sorted(executor.map(math.sqrt, items, never)) == [(i, math.sqrt(i)) for i in items]
    assert list(executor.map(math.sqrt, [], never)) == []


@pytest.mark.parametrize("executor", [Serial(), LocalProcesses(2)])
def test_it_stops_when_asked_and_leaves_no_process(executor):
    done = []
    for item in executor.map(math.sqrt, range(1000), lambda: len(done) >= 3):
        done.append(item)
    assert 3 <= len(done) < 10
    assert not worker_processes(psutil.Process())


def worker_processes(process: psutil.Process) -> list[psutil.Process]:
    """The workers a process has; what multiprocessing keeps for itself is none."""
    return [one for one in process.children(recursive=True) if "spawn_main" in " ".join(one.cmdline())]


def test_leaving_early_ends_what_is_in_flight():
    results = LocalProcesses(2).map(time.sleep, [0.0, 60.0, 60.0], never)
    assert next(results) == (0.0, None)
    begun = time.monotonic()
    results.close()
    assert time.monotonic() - begun < 5 and not worker_processes(psutil.Process())


def test_what_a_task_raises_is_raised_here():
    with pytest.raises(ValueError):
        list(Serial().map(math.sqrt, [-1.0], never))
    with pytest.raises(RunFailed, match="ValueError"):
        list(LocalProcesses(1).map(math.sqrt, [-1.0], never))
    with pytest.raises(FileNotFoundError):
        list(LocalProcesses(1).map(os.stat, ["no such file"], never))


def test_a_worker_that_dies_is_told_with_its_item():
    with pytest.raises(RunFailed, match=r"lost at 7 \(exit status 7\).*--resume"):
        list(LocalProcesses(1).map(os._exit, [7], never))


def test_workers_have_one_thread_each_and_this_process_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    names = ["NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
    before = dict(os.environ)
    assert dict(LocalProcesses(1).map(os.getenv, names, never)) == dict.fromkeys(names, "1")
    assert dict(os.environ) == before


SCRIPT = """
import math, os, sys, time
print("script", flush=True)
from oxablate.experiments.executor import LocalProcesses
for item in LocalProcesses(1).map({task}, {items}, lambda: False):
    print(*item, flush=True)
"""


def test_a_script_without_a_guard_is_not_run_again_by_its_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(task="math.sqrt", items="[4.0]"))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["script", "4.0 2.0"] and not done.stderr


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(task="time.sleep", items="[0.0, 600.0]"))
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert [parent.stdout.readline() for _ in range(2)] == ["script\n", "0.0 None\n"]
    (worker,) = worker_processes(psutil.Process(parent.pid))
    parent.kill()
    parent.wait()
    worker.wait(timeout=10)


@pytest.mark.parametrize(
    ("wanted", "needed", "available", "count", "fragment"),
    [(3, 10, 100, 3, ""), (20, 10, 100, 10, "10 of 20 workers"), (4, 10, 5, 1, "1 of 4"), (1, 10, 5, 1, "")],
)
def test_memory_limits_the_workers(wanted, needed, available, count, fragment):
    found, said = fitting_workers(wanted, needed * 10**9, available * 10**9)
    assert found == count and fragment in said and bool(said) == bool(fragment)
    assert fitting_workers(None, 1, 10**18)[0] >= 1


@pytest.mark.parametrize("workers", [0, -3])
def test_less_than_one_worker_is_refused(workers):
    with pytest.raises(BadInput, match="--workers"):
        LocalProcesses(workers)
