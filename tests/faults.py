"""A disk that fails at its k-th change, and what must hold of the folder of a run afterwards.

`python faults.py HOME JOB` does a job in a process of its own, which may fork: one that has used OpenMP may not, so
Numba is told to do without. JOB is JSON, {"job": name, ...}; so is what is printed.
"""

import contextlib
import errno
import filecmp
import json
import math
import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cases import write_case

from oxablate.protocol import check
from oxablate.protocol.checkpoint import load_checkpoint
from oxablate.protocol.field_files import GROUP
from oxablate.protocol.record import open_record
from oxablate.protocol.run import run
from oxablate.quantities.refusal import BadInput, RunFailed
from oxablate.storage import disk
from oxablate.storage.commits import CommitLog, Stamp
from oxablate.storage.whole_file import PARTIAL

#: Everything that changes the disk.
CHANGES = ("create", "write", "settle", "replace", "make_folder", "remove_file", "remove_folder")
KILLED = 137

#: How a change can fail: what the system says (None: the process is gone), and whether it goes on to fail.
FAULTS = {
    "kill": (None, True),
    "no space once": (errno.ENOSPC, False),
    "no space for good": (errno.ENOSPC, True),
    "input/output error once": (errno.EIO, False),
    "input/output error for good": (errno.EIO, True),
}


@dataclass
class FaultyDisk:
    """Counts the changes of the disk and lets number `at` (from 0) fail; a write fails half done."""

    at: float = math.inf
    error: int | None = None
    for_good: bool = True
    seen: list[str] = field(default_factory=list)  # kind of every change so far
    _opened: dict[int, str] = field(default_factory=dict)

    def strike(self, name: str, first) -> bool:
        """Whether the change that is about to happen fails. first: its path or descriptor."""
        path = Path(self._opened.get(first, "folder") if isinstance(first, int) else first)
        place = GROUP if GROUP in path.parts else path.parent.name
        short = path.name.split(".")[0] if place == GROUP else path.name
        kind = "array" if place == GROUP and short not in ("zarr", "c") else re.sub(r"[0-9]+", "N", short)
        self.seen.append(f"{name} {place}/{kind}")
        number = len(self.seen) - 1
        return number == self.at or (self.for_good and number > self.at)

    def wrapped(self, name: str, real: Callable) -> Callable:
        """A change of the disk that may fail."""

        def change(*arguments):
            if self.strike(name, arguments[0]):
                if name == "write" and len(arguments[1]) > 1:
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                if self.error is None:
                    os._exit(KILLED)
                raise OSError(self.error, os.strerror(self.error))
            # a killed process loses nothing of what it wrote, so there is no need to wait for the disk here
            result = None if name == "settle" else real(*arguments)
            if name == "create":
                self._opened[result] = os.fspath(arguments[0])
            return result

        return change

    @contextlib.contextmanager
    def installed(self):
        """In place of the real disk."""
        real = {name: getattr(disk, name) for name in CHANGES}
        try:
            for name in CHANGES:
                setattr(disk, name, self.wrapped(name, real[name]))
            yield self
        finally:
            for name in CHANGES:
                setattr(disk, name, real[name])


def in_child(action: Callable[[], object]) -> tuple[int, object]:
    """Do something in a process of its own, forked from this one; its exit status, and what it returned or raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 70
        try:
            os.close(reader)
            try:
                result, status = action(), 0
            except BaseException as error:
                result, status = error, getattr(error, "exit_status", 70)
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(result, pipe)
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, pickle.loads(told) if told else None


@dataclass(frozen=True)
class Reference:
    """An uninterrupted run: the case file, and the folder of its record."""

    case: Path
    out: Path

    @classmethod
    def made(cls, home: Path, **changes) -> "Reference":
        """Run the small case, three kept times, into `home`."""
        short = dict(follow="3 s", output__every="1 s", injection__volume="0.5 uL")
        case = write_case(home / "case.yaml", **short | changes)
        run(case, home / "whole")
        return cls(case, home / "whole")

    def changes(self, home: Path) -> list[str]:
        """The kinds of all changes of the disk that an uninterrupted run makes, in order."""
        with FaultyDisk().installed() as counting:
            run(self.case, home)
        shutil.rmtree(home)
        return counting.seen


def files_of(folder: Path) -> list[str]:
    """Files of a record that must not depend on the day, the host, or on how often it was stopped."""
    found = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return sorted(name for name in found if name != "provenance.json")


def assert_same_bytes(a: Path, b: Path) -> None:
    """Two records are equal byte for byte."""
    assert files_of(a) == files_of(b)
    different = [name for name in files_of(a) if not filecmp.cmp(a / name, b / name, shallow=False)]
    assert not different, different


def assert_sound(out: Path, reference: Path) -> str:
    """A folder as a run left it that ended anyhow is empty, or a record of what was committed. Returns its status."""
    if not (out / "record.json").exists():
        left = files_of(out) if out.exists() else []
        assert set(left) <= {f"record.json{PARTIAL}"}, left
        return "never begun"
    record, whole = open_record(out), open_record(reference)
    assert check.problems(out) == []
    assert_whole_files(out, reference)
    for arm in record.arms:
        assert_sound_arm(record, whole, arm)
    if record.about["status"] == "complete":
        for name in files_of(reference):
            assert filecmp.cmp(out / name, reference / name, shallow=False), name
    return record.about["status"]


def assert_whole_files(out: Path, reference: Path) -> None:
    """No file has half of its content under its own name."""
    own = ("record.json", "case.yaml", "stopped.json", "summary.json")
    for name in files_of(out):
        short = Path(name).name
        if short.endswith(PARTIAL) or short in own or short.startswith("checkpoint-"):
            continue
        content, wanted = (out / name).read_bytes(), (reference / name).read_bytes()
        assert content == wanted or (short == "series.csv" and content and wanted.startswith(content)), name


def assert_sound_arm(record, whole, arm: str) -> None:
    """What is shown of an arm is the beginning of what the uninterrupted run has, and its ledger closes."""
    kept = len(record.commits(arm))
    folder = record.folder / "arms" / arm
    if kept == 0:
        for read in (record.fields, record.series):
            try:
                read(arm)
                raise AssertionError("something is shown that was not committed")
            except BadInput as refused:
                assert "nothing is committed yet" in str(refused)
        assert not (folder / "summary.json").exists()
        return
    shown, wanted = record.fields(arm).load(), whole.fields(arm).isel(time=slice(0, kept)).load()
    assert shown.identical(wanted)
    rows, all_rows = record.series(arm), whole.series(arm)
    assert all(np.array_equal(rows[name], all_rows[name][: len(rows[name])]) for name in rows)
    assert len(rows.get("time_s", [])) == 0 if kept == 1 else rows["time_s"][-1] >= shown.time.values[-1] * (1 - 1e-9)
    head = CommitLog(folder / "commits").head()
    if (folder / "summary.json").exists():
        assert_closed(record.summary(arm)["ledger"])
    elif head["checkpoint"] is not None:
        _, ledger, _ = load_checkpoint(
            folder / head["checkpoint"]["name"], Stamp.read(folder, head["checkpoint"]), head["key"]
        )
        assert_closed(ledger.as_dict())
    assert_plain_reader_sees_no_more(folder / "fields.zarr", whole.fields(arm))


def assert_closed(ledger: dict) -> None:
    """Every account closes, computed here from its entries."""
    for account in ledger.values():
        gained, lost = math.fsum(account["gained"].values()), math.fsum(account["lost"].values())
        assert abs(account["held"] - account["initial"] - gained + lost) <= 1e-9 * (account["initial"] + gained)


def assert_plain_reader_sees_no_more(path: Path, wanted) -> None:
    """Whoever opens the fields past the markers sees right values, or NaN: never a zero that was not computed."""
    import xarray

    seen = xarray.open_zarr(path, consolidated=False).load()
    for name in seen.variables:
        values, right = seen[name].values, wanted[name].values
        same = values == right
        assert np.all(same | np.isnan(values) if values.dtype.kind == "f" else same), name


def end_badly(reference: Reference, out: Path, at: int, fault: str, resume: bool = False) -> tuple[int, object]:
    """Run the case with a fault at change number `at`; exit status and what was said."""
    error, for_good = FAULTS[fault]

    def action():
        with FaultyDisk(at, error, for_good).installed():
            run(reference.case, out, resume)

    return in_child(action)


def assert_survives(reference: Reference, home: Path, at: int, fault: str) -> None:
    """A run with a fault ends in one sentence or at once, leaves a sound folder, and goes on to the same bytes."""
    out = home / f"{fault.replace('/', ' ')} at {at}"
    status, told = end_badly(reference, out, at, fault)
    if fault == "kill":
        assert status == KILLED
    else:
        # a fault that passes may strike where nothing depends on it, such as a second try
        assert status in (0, 2, 3), told
        assert status == 0 or isinstance(told, BadInput | RunFailed), told
        assert status == 0 or "\n" not in str(told), told
    assert_sound(out, reference.out)
    with FaultyDisk().installed():
        assert run(reference.case, out, resume=True).about["status"] == "complete"
    assert_same_bytes(reference.out, out)
    shutil.rmtree(out)


def survey(reference: Reference, home: Path, fault: str = "") -> dict:
    """Let every change fail in one way; without it, one change of every kind by a kill and in another way each."""
    kinds, tried, wrong = reference.changes(home / "counted"), 0, []
    plan = [(at, fault) for at in range(len(kinds))] if fault else one_of_every_kind(kinds)
    for at, how in plan:
        tried += 1
        try:
            assert_survives(reference, home, at, how)
        except Exception:
            wrong.append(f"{how} at change {at}, {kinds[at]}: {traceback.format_exc(limit=-3)}")
    return {"changes": len(kinds), "kinds": len(set(kinds)), "tried": tried, "wrong": wrong}


def one_of_every_kind(kinds: list[str]) -> list[tuple[int, str]]:
    """For every kind of change one, from the middle of the run, with a kill; for every third another fault too.

    Waiting for the disk alters nothing, so that a kill there is the same as one at the change that follows.
    """
    places = {kind: [at for at, found in enumerate(kinds) if found == kind] for kind in dict.fromkeys(kinds)}
    middle = [found[len(found) // 2] for found in places.values()]
    others = [fault for fault in FAULTS if fault != "kill"]
    return [(at, "kill") for at in middle if not kinds[at].startswith("settle")] + [
        (at, others[number % len(others)]) for number, at in enumerate(middle[::3])
    ]


def resumes(reference: Reference, home: Path, rounds: int, seed: int) -> dict:
    """Let a run fail, and the resumed run, and the one after it, each at a random change with a random fault."""
    chosen, wrong, count = random.Random(seed), [], len(reference.changes(home / "counted"))
    for number in range(rounds):
        out, told = home / f"again {number}", []
        try:
            for attempt in range(3):
                told.append((chosen.randrange(count), chosen.choice(sorted(FAULTS))))
                end_badly(reference, out, *told[-1], resume=attempt > 0)
                assert_sound(out, reference.out)
            run(reference.case, out, resume=True)
            assert_same_bytes(reference.out, out)
        except Exception:
            wrong.append(f"{told}: {traceback.format_exc(limit=-3)}")
    return {"changes": count, "tried": rounds, "wrong": wrong}


def in_the_shell(arguments: list[str]) -> int:
    """`oxablate ARGUMENTS` in a forked process that says nothing; its number."""
    child = os.fork()
    if child:
        return child
    try:
        from oxablate.cli.main import main as oxablate

        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        sys.argv = ["oxablate", *arguments]
        oxablate()
    except SystemExit as end:
        os._exit(end.code or 0)
    finally:
        os._exit(70)


def started_anew(arguments: list[str]) -> int:
    """The same in a new interpreter."""
    command = [sys.executable, "-c", "from oxablate.cli.main import main; main()", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid


def kills(reference: Reference, home: Path, number: int, seed: int, anew: bool = False) -> dict:
    """Kill `oxablate run` at random moments, going on with what is there, until it has been killed so many times."""
    start = started_anew if anew else in_the_shell
    begin = time.perf_counter()
    assert os.waitpid(start(["run", str(reference.case), "--out", str(home / "timed")]), 0)[1] == 0
    longest = 1.1 * (time.perf_counter() - begin)
    chosen, wrong, killed, finished, states = random.Random(seed), [], 0, 0, {}
    out = home / "killed"
    while killed < number and not wrong:
        more = ["--resume"] if (out / "record.json").exists() else []
        child = start(["run", str(reference.case), "--out", str(out), *more])
        time.sleep(longest * (chosen.uniform(0.6, 1) if anew else chosen.random()))
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        try:
            state = assert_sound(out, reference.out)
            assert status == -signal.SIGKILL or state == "complete", (status, state)
            states[state] = states.get(state, 0) + 1
            killed += status == -signal.SIGKILL
            if status == 0:
                finished += 1
                assert_same_bytes(reference.out, out)
                shutil.rmtree(out)
        except Exception:
            wrong.append(f"after {killed} kills: {traceback.format_exc(limit=-3)}")
    if not wrong:
        run(reference.case, out, resume=True)
        assert_same_bytes(reference.out, out)
    return {"tried": killed, "finished": finished, "states": states, "wrong": wrong}


JOBS = {"survey": survey, "resumes": resumes, "kills": kills}


def asked(home: Path, job: str, arms: list[dict], **details) -> dict:
    """Do a job in a new process; what it found."""
    command = [sys.executable, __file__, str(home), json.dumps({"job": job, "arms": arms, "details": details})]
    environment = os.environ | {"NUMBA_THREADING_LAYER": "forksafe"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    home, job = Path(sys.argv[1]), json.loads(sys.argv[2])
    reference = Reference.made(home, arms=job["arms"])
    print(json.dumps(JOBS[job["job"]](reference, home, **job["details"])))


if __name__ == "__main__":
    main()
