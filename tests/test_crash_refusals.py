"""Disks that are full, folders that may not be written, files in the way, two runs at once: one sentence each."""

import os
import resource
import shutil
import subprocess
import sys
import threading

import pytest
from cases import write_case
from faults import assert_same_bytes, files_of
from shell import assert_refused, files_under, oxablate

from oxablate.protocol.record import open_record
from oxablate.protocol.run import Asked, run
from oxablate.quantities.refusal import BadInput
from oxablate.storage.lock import LOCK, sole_writer
from oxablate.storage.whole_file import make_folders, remove_tree, sweep_partials, whole_file, write_all, write_whole

VEHICLE = [{"agent": "vehicle"}]
SHORT = dict(arms=VEHICLE, follow="3 s", output__every="1 s", injection__volume="0.5 uL")
PROGRAM = [sys.executable, "-c", "from oxablate.cli.main import main; main()"]


def program(*arguments, before=None) -> subprocess.CompletedProcess:
    """`oxablate ARGUMENTS` in a process of its own, with something done to it first."""
    return subprocess.run(PROGRAM + list(map(str, arguments)), capture_output=True, text=True, preexec_fn=before)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return write_case(tmp_path_factory.mktemp("refusals") / "case.yaml", **SHORT)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of this kind are those of Unix")
def test_a_real_disk_that_takes_no_more_stops_the_run_and_it_goes_on_later(tmp_path):
    """No file may grow beyond what the first checkpoint needs. The system says so, not a stand-in."""
    arms = [{"agent": "inert_tracer", "concentration": "1 g/L"}]
    case = write_case(tmp_path / "case.yaml", **SHORT | dict(arms=arms, subject__phantom__spacing="1 mm"))
    whole = run(case, tmp_path / "whole")
    needed = whole.commits("inert_tracer")[1]["checkpoint"]["bytes"]
    largest = max(path.stat().st_size for path in whole.folder.rglob("*") if path.is_file())
    assert needed > largest, "the checkpoint is no longer the largest file: limit something else"
    limit = (needed + largest) // 2
    done = program(
        "run", case, "--out", tmp_path / "out", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit,) * 2)
    )
    assert done.returncode == 3 and "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("oxablate: out/arms/inert_tracer/checkpoint-")
    assert "File too large" in last and "--resume" in last
    assert open_record(tmp_path / "out").about["status"] == "failed"
    assert [name for name in files_of(tmp_path / "out") if name.endswith(".partial")] == []
    assert run(case, tmp_path / "out", resume=True).about["status"] == "complete"
    assert_same_bytes(tmp_path / "whole", tmp_path / "out")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of this kind are those of Unix")
def test_a_folder_that_may_not_be_written_is_refused(case, tmp_path, monkeypatch):
    """The file system says no; a superuser, whom it obeys, gets a stand-in that says the same."""
    if os.geteuid() == 0:
        from oxablate.storage import disk

        def refused(path):
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(disk, "make_folder", refused)
        monkeypatch.setattr(disk, "create", refused)
    (tmp_path / "closed").mkdir(mode=0o500)
    assert_refused(oxablate("run", case, "--out", tmp_path / "closed" / "out"), "--out", "cannot be written")
    said = oxablate("run", case, "--out", tmp_path / "closed")
    assert_refused(said, "record.json", "Permission denied", status=3)
    assert list((tmp_path / "closed").iterdir()) == []


def test_a_file_where_a_folder_should_be_is_refused_and_left(case, tmp_path):
    steps = iter(range(2))
    run(case, tmp_path / "out", asked=Asked(stop=lambda: next(steps, None) is None))
    fields = tmp_path / "out" / "arms"
    shutil.move(fields, tmp_path / "away")
    fields.write_text("mine")
    said = oxablate("run", case, "--out", tmp_path / "out", "--resume")
    assert_refused(said, "arms", status=3)
    assert fields.read_text() == "mine"


def test_two_runs_in_one_folder_are_refused(case, tmp_path):
    """The second is refused while the first holds the folder, in the same process or in another; then it may."""
    going, ended = threading.Event(), threading.Event()

    def wait(arm, time, end):
        going.set()
        ended.wait(60)

    first = threading.Thread(target=lambda: run(case, tmp_path / "out", asked=Asked(progress=wait)))
    first.start()
    try:
        assert going.wait(60)
        before = files_under(tmp_path / "out")
        assert_refused(oxablate("run", case, "--out", tmp_path / "out", "--resume"), "written by another run", "wait")
        done = program("run", case, "--out", tmp_path / "out", "--resume")
        assert done.returncode == 2 and "written by another run" in done.stderr
        assert files_under(tmp_path / "out") == before
        assert open_record(tmp_path / "out").about["status"] == "running"  # reading needs no lock
    finally:
        ended.set()
        first.join(60)
    assert run(case, tmp_path / "out", resume=True).about["status"] == "complete"


def test_where_folders_cannot_be_locked_a_file_is(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    real = fcntl.flock

    def no_folders(handle, operation):
        if os.path.isdir(os.readlink(f"/proc/self/fd/{handle}")):
            raise OSError(9, "Bad file descriptor")
        return real(handle, operation)

    monkeypatch.setattr(fcntl, "flock", no_folders)
    with sole_writer(tmp_path):
        assert (tmp_path / LOCK).exists()
        with pytest.raises(BadInput, match="another run"), sole_writer(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []
    with sole_writer(tmp_path):
        pass


def test_what_was_killed_before_it_said_what_it_is_is_begun_anew(case, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "record.json.partial").write_text("{")
    assert run(case, tmp_path / "out").about["status"] == "complete"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "case.yaml.partial").write_text("mine")
    assert_refused(oxablate("run", case, "--out", tmp_path / "mine"), "not empty")
    assert (tmp_path / "mine" / "case.yaml.partial").read_text() == "mine"


def test_a_scan_that_changed_is_refused_on_resume(tmp_path):
    """Even where only its grey values did, which no label shows."""
    import numpy as np

    from oxablate.space.files import read_image, write_image
    from oxablate.space.image import Image

    phantom = write_case(tmp_path / "phantom.yaml", **SHORT)
    assert oxablate("phantom", phantom, "--out", tmp_path / "drawn").status == 0
    image, labels = sorted((tmp_path / "drawn").glob("*.nii.gz"))
    present = {int(v) for v in np.unique(read_image(labels).data)} - {0}
    scan = {
        "image": f"drawn/{image.name}", "labels": f"drawn/{labels.name}", "host": "liver", "spacing": "2 mm",
        "label_names": {n: "tumour_viable" if n == 2 else "host" for n in present}, "margin": "6 mm",
        "body": "everything",
    }  # fmt: skip
    case = write_case(tmp_path / "case.yaml", **SHORT | dict(subject={"scan": scan}))
    steps = iter(range(2))
    run(case, tmp_path / "out", asked=Asked(stop=lambda: next(steps, None) is None))
    found = read_image(image)
    values = np.array(found.data)
    values[values.shape[0] // 2, values.shape[1] // 2, values.shape[2] // 2] += 50
    write_image(image, Image(values, found.geometry))
    assert_refused(oxablate("run", case, "--out", tmp_path / "out", "--resume"), "another case")


def test_whole_files(tmp_path):
    write_whole(tmp_path / "a", b"old")
    with pytest.raises(RuntimeError), whole_file(tmp_path / "a") as file:
        file.write(b"half")
        raise RuntimeError("in the middle")
    (tmp_path / "a.partial").symlink_to(tmp_path / "b")  # a link left in the way is not followed
    write_all([(tmp_path / "a", b"new"), (tmp_path / "c", b"")])
    assert files_under(tmp_path) == {"a": b"new", "c": b""}
    make_folders(tmp_path / "x" / "y")
    (tmp_path / "x" / "y" / "z.partial").write_bytes(b"1")
    (tmp_path / "x" / "out").symlink_to(tmp_path)
    sweep_partials(tmp_path)
    assert list((tmp_path / "x" / "y").iterdir()) == []
    remove_tree(tmp_path / "x")
    remove_tree(tmp_path / "x")
    assert files_under(tmp_path) == {"a": b"new", "c": b""}
    with pytest.raises(FileExistsError):
        make_folders(tmp_path / "a")
