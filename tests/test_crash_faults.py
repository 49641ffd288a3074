"""Whatever the disk does during a run, what lies there is sound, and a resumed run ends with the same bytes.

A sample of the changes of the disk; `verification/test_crash_every_fault.py` takes every one.
"""

import errno
import os
import sys
from pathlib import Path

import pytest
from cases import write_case
from faults import CHANGES, FaultyDisk, asked

from oxablate.protocol.record import open_record
from oxablate.protocol.run import Asked, run
from oxablate.quantities.refusal import RunFailed
from oxablate.storage import disk

VEHICLE = [{"agent": "vehicle"}]
REACTING = [{"agent": "chlorine_dioxide", "concentration": "3 g/L"}]
SHORT = dict(follow="3 s", output__every="1 s", injection__volume="0.5 uL")


def test_a_fault_at_any_kind_of_change_of_the_disk_is_survived(tmp_path):
    found = asked(tmp_path, "survey", VEHICLE)
    assert not found["wrong"], "\n".join(found["wrong"])
    assert found["changes"] > 200 and found["tried"] >= found["kinds"] > 25


class Watched:
    """Every change of the disk, in order: (name, path, ...); a descriptor is told by the path that was opened."""

    def __init__(self, monkeypatch):
        self.events, self._open = [], {}
        for name in CHANGES:
            monkeypatch.setattr(disk, name, self._noting(name, getattr(disk, name)))

    def _noting(self, name, real):
        def change(*arguments):
            result = real(*arguments)
            first = arguments[0]
            if name == "create":
                self._open[result] = Path(first)
            elif isinstance(first, int):
                first = self._open[first] if name == "write" else Path(os.readlink(f"/proc/self/fd/{first}"))
            self.events.append((name, Path(first), *map(Path, arguments[1:] if name == "replace" else ())))
            return result

        return change


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system for the name of an open file")
def test_what_a_marker_names_is_on_the_disk_before_the_marker_is(tmp_path, monkeypatch):
    """A power cut takes every content and name that was not settled: none may be one that a marker vouches for."""
    case = write_case(tmp_path / "case.yaml", arms=REACTING, **SHORT)
    watched = Watched(monkeypatch)
    run(case, tmp_path / "out")
    dirty_files, dirty_folders, markers, renamed = set(), set(), 0, 0
    for name, path, *more in watched.events:
        if name == "write":
            dirty_files.add(path)
        elif name == "settle":
            dirty_files.discard(path)
            dirty_folders.discard(path)
        elif name == "replace":
            assert path not in dirty_files, f"{path} got its name before its content was on the disk"
            (target,) = more
            if target.parent.name == "commits" or target.name in ("summary.json", "record.json"):
                assert not dirty_folders, f"{target} vouches for names in {dirty_folders} that a power cut takes"
                markers += 1
            dirty_folders.add(target.parent)
            renamed += 1
        elif name == "make_folder":
            dirty_folders.add(path.parent)
    assert markers == 4 + 1 + 2 and renamed > 60 and not dirty_files


def test_a_run_changes_files_in_no_other_way(tmp_path, monkeypatch):
    """What the interpreter reports of its own (PEP 578) is what went through `storage.disk`, no more and no less."""
    case = write_case(tmp_path / "case.yaml", arms=REACTING, **SHORT)
    seen, on = [], [True]

    def hook(event, arguments):
        if on[0] and event in AUDITED and (event != "open" or _writes(arguments)):
            seen.append((AUDITED[event], os.fspath(arguments[0])))

    through = []
    for name in set(AUDITED.values()):
        real = getattr(disk, name)
        monkeypatch.setattr(disk, name, lambda *a, n=name, r=real: (through.append((n, os.fspath(a[0]))), r(*a))[1])
    sys.addaudithook(hook)
    try:
        steps = iter(range(2))
        run(case, tmp_path / "out", asked=Asked(stop=lambda: next(steps, None) is None))
        run(case, tmp_path / "out", resume=True)
    finally:
        on[0] = False
    inside = [event for event in seen if event[1].startswith(str(tmp_path))]
    assert len(inside) > 200 and inside == through


AUDITED = {
    "open": "create", "os.rename": "replace", "os.mkdir": "make_folder", "os.remove": "remove_file",
    "os.rmdir": "remove_folder",
}  # fmt: skip


def _writes(arguments) -> bool:
    path, _, flags = arguments
    changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    return isinstance(path, str | os.PathLike) and bool((flags or 0) & changing)


def test_a_full_disk_is_one_sentence_and_the_record_says_that_it_failed(tmp_path):
    case = write_case(tmp_path / "case.yaml", arms=VEHICLE, **SHORT)
    with FaultyDisk(200, errno.ENOSPC, for_good=False).installed():
        with pytest.raises(RunFailed, match=r"^out/.*: No space left on device; .*--resume$"):
            run(case, tmp_path / "out")
    about = open_record(tmp_path / "out").about
    assert about["status"] == "failed" and "No space left" in about["failure"] and str(tmp_path) not in about["failure"]
