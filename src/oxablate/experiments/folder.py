"""The folder of a sweep: what lies where, and what of it may be trusted after a crash.

DIR/design.csv         the numbers of every member; written first
DIR/sweep.json         what varied and why, how it ended, percentiles of the outcomes
DIR/members/0007.json  the rows of one member with a checksum; there whole or not at all
DIR/results.csv        one row per member and arm; written last
DIR/provenance.json    dates, host, seconds: what is not the same twice
"""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..quantities.refusal import BadInput
from ..storage.json_file import read_json, read_sealed, write_json, write_sealed
from ..storage.lock import LOCK, sole_writer
from ..storage.whole_file import PARTIAL, make_folders, sweep_partials, write_whole

#: Columns that every row has, in front; the rest follows in alphabetical order.
FIRST_COLUMNS = ("member", "arm", "status", "reason", "flags", "time_s", "flow_steps")

DESIGN, ABOUT = "design.csv", "sweep.json"
_MEMBERS = "members"

#: What a sweep leaves that was killed before its first file: nothing of worth. And before its second.
_NOTHING = {LOCK, f"{DESIGN}{PARTIAL}"}
_BEGUN = _NOTHING | {DESIGN, f"{ABOUT}{PARTIAL}"}


@dataclass(frozen=True)
class SweepFolder:
    """A folder that this process holds. path: DIR. key: of the sweep. digits: of a member's number in file names."""

    path: Path
    key: str
    digits: int

    def member_path(self, number: int) -> Path:
        """Where the rows of a member lie."""
        return self.path / _MEMBERS / f"{number:0{self.digits}d}.json"

    def begin(self, design: bytes, about: dict) -> None:
        """Write the design, then what the sweep is."""
        write_whole(self.path / DESIGN, design)
        self.write_about(about)
        make_folders(self.path / _MEMBERS)

    def write_about(self, about: dict) -> None:
        """Write sweep.json."""
        write_json(self.path / ABOUT, about)

    def keep(self, number: int, rows: list[dict]) -> None:
        """Keep the rows of a member."""
        write_sealed(self.member_path(number), {"key": self.key, "member": number, "rows": rows})

    def kept(self, number: int) -> list[dict] | None:
        """The rows of a member; None where there are none, or none that are whole and of this sweep."""
        try:
            found = read_sealed(self.member_path(number))
        except BadInput:
            return None
        return found["rows"] if (found.get("key"), found.get("member")) == (self.key, number) else None

    def write_results(self, rows: list[dict]) -> None:
        """Write results.csv: the columns of all rows together, an empty cell where a row has no such outcome."""
        others = sorted({name for row in rows for name in row} - set(FIRST_COLUMNS))
        text = io.StringIO()
        writer = csv.DictWriter(text, [*FIRST_COLUMNS, *others], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: repr(v) if isinstance(v, float) else v for name, v in row.items()} for row in rows)
        write_whole(self.path / "results.csv", text.getvalue().encode())

    def add_session(self, session: dict) -> None:
        """Add how long and where one session of the sweep ran to provenance.json."""
        path = self.path / "provenance.json"
        try:
            sessions = read_json(path).get("sessions")
        except BadInput:
            sessions = None
        sessions = sessions if isinstance(sessions, list) else []
        write_json(path, {"sessions": [*sessions, session]})


@contextmanager
def opened(path: Path, key: str, digits: int, resume: bool) -> Iterator[SweepFolder]:
    """Hold the folder of a sweep while it works. Raises BadInput, before anything is written, where it may not.

    A new sweep needs a folder that is not there, empty, or left by a sweep that was killed before its first file.
    resume: also one that holds a sweep with this key.
    """
    if path.exists() and not path.is_dir():
        raise BadInput(f"--out: {path} is a file; name a folder that does not exist yet")
    _check_content(path, key, resume)
    try:
        make_folders(path)
    except OSError as error:
        raise BadInput(f"--out: {path} cannot be written ({error.strerror}); choose another folder") from error
    with sole_writer(path):
        _check_content(path, key, resume)  # again: another process may have been here in between
        sweep_partials(path)
        yield SweepFolder(path, key, digits)


def _check_content(path: Path, key: str, resume: bool) -> None:
    """Refuse a folder that holds something else, or this sweep where it is not resumed."""
    there = {one.name for one in path.iterdir()} if path.exists() else set()
    if there <= (_BEGUN if resume else _NOTHING):
        return
    if not resume:
        raise BadInput(f"--out: {path} is not empty; name a new folder, or add --resume to go on with the sweep in it")
    if ABOUT not in there:
        raise BadInput(f"--resume: {path} holds no sweep to go on with; leave --resume out and name a new folder")
    if read_json(path / ABOUT).get("key") != key:
        raise BadInput(
            f"--resume: {path} holds a sweep of another case, number of members or seed, or of other numbers; give "
            "what it began with, or name a new folder"
        )
