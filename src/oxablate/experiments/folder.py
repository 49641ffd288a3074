"""The folder of a sweep: what lies where, and what of it may be trusted after a crash.

DIR/design.csv         the numbers of every member; written first
DIR/sweep.json         what varied and why, how it ended, percentiles of the outcomes
DIR/members/0007.json  the rows of one member with a checksum; there whole or not at all
DIR/results.csv        one row per member and arm; written last
DIR/provenance.json    dates, host, seconds: what is not the same twice
DIR/sweep.lock         held while a sweep works here
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..protocol.record import read_json, write_json
from ..quantities.refusal import BadInput
from ..storage.whole_file import PARTIAL, write_whole
from .lock import locked

#: Columns that every row has, in front; the rest follows in alphabetical order.
FIRST_COLUMNS = ("member", "arm", "status", "reason", "flags", "time_s", "flow_steps")

_LOCK, _DESIGN, _ABOUT, _MEMBERS = "sweep.lock", "design.csv", "sweep.json", "members"


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
        """Write the design, then what the sweep is; clear away files that were never finished."""
        members = self.path / _MEMBERS
        members.mkdir(exist_ok=True)
        for folder in (self.path, members):
            for leftover in folder.glob(f"*{PARTIAL}"):
                leftover.unlink()
        write_whole(self.path / _DESIGN, design)
        self.write_about(about)

    def write_about(self, about: dict) -> None:
        """Write sweep.json."""
        write_json(self.path / _ABOUT, about)

    def keep(self, number: int, rows: list[dict]) -> None:
        """Keep the rows of a member."""
        content = {"key": self.key, "member": number, "rows": rows}
        write_json(self.member_path(number), content | {"checksum": _checksum(content)})

    def kept(self, number: int) -> list[dict] | None:
        """The rows of a member; None where there are none, or none that are whole and of this sweep."""
        try:
            found = json.loads(self.member_path(number).read_text(encoding="utf-8"))
            content = {name: found[name] for name in ("key", "member", "rows")}
            fine = found["checksum"] == _checksum(content)
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            return None
        return found["rows"] if fine and (found["key"], found["member"]) == (self.key, number) else None

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
            sessions = json.loads(path.read_text(encoding="utf-8"))["sessions"]
            sessions = sessions if isinstance(sessions, list) else []
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            sessions = []
        write_json(path, {"sessions": [*sessions, session]})


@contextmanager
def opened(path: Path, key: str, digits: int, resume: bool) -> Iterator[SweepFolder]:
    """Hold the folder of a sweep while it works. Raises BadInput, before anything is written, where it may not.

    A sweep that is not resumed needs a new or empty folder; a resumed one needs the folder of the same sweep, or one in
    which a sweep was killed before it had written what it is.
    """
    if path.exists() and not path.is_dir():
        raise BadInput(f"--out: {path} is a file; name a folder that does not exist yet")
    ours = (path / _LOCK).is_file()
    if resume and not ours:
        raise BadInput(f"--resume: {path} holds no sweep to go on with; leave --resume out to start one there")
    if not ours and path.exists() and any(path.iterdir()):
        raise BadInput(f"--out: {path} is not empty; name a new folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out: {path} cannot be written ({error.strerror}); choose another folder") from error
    with locked(path / _LOCK, f"--out: {path}"):
        _check_content(path, key, resume)
        yield SweepFolder(path, key, digits)


def _check_content(path: Path, key: str, resume: bool) -> None:
    """Refuse a folder that holds another sweep, or this one where it is not resumed."""
    there = {one.name for one in path.iterdir()} - {_LOCK}
    if there and not resume:
        raise BadInput(f"--out: {path} is not empty; name a new folder, or add --resume to go on with the sweep in it")
    if _ABOUT in there and read_json(path / _ABOUT).get("key") != key:
        raise BadInput(
            f"--resume: {path} holds a sweep of another case, number of members or seed, or of other numbers; give "
            "what it began with, or name a new folder"
        )


def _checksum(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
