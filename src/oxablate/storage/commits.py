"""Commit markers: numbered files, each of which makes other files valid and names the marker before it.

FOLDER/0000.json, FOLDER/0001.json   {"commit": number, "previous": checksum of the one before, "files": {...}, ...}
FOLDER/stopped.json                  what was committed between two numbers, until the next number is

A marker is written when everything it names is on the disk. What no marker names does not count.
"""

import hashlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from . import disk
from .json_file import SEAL, damaged, encode, read_sealed, seal
from .whole_file import make_folders, write_whole

_STOPPED = "stopped.json"
_NUMBERED = re.compile(r"(\d{4,})\.json")
_NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*(/[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)*")


@dataclass(frozen=True)
class Stamp:
    """Length [bytes] and sha256 of a file."""

    bytes: int
    sha256: str

    @classmethod
    def of(cls, content) -> "Stamp":
        """The stamp of a content (bytes or a view of them)."""
        return cls(len(content), hashlib.sha256(content).hexdigest())

    def fits(self, content) -> bool:
        """Whether a content is the one that was stamped."""
        return len(content) == self.bytes and hashlib.sha256(content).hexdigest() == self.sha256

    def as_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def read(cls, path: Path, data) -> "Stamp":
        """A stamp as it stands in the marker `path`."""
        try:
            return cls(int(data["bytes"]), str(data["sha256"]))
        except (TypeError, KeyError, ValueError):
            raise damaged(path, "it holds no length and checksum where they are needed") from None


class CommitLog:
    """The markers in a folder, verified when they are read."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, number: int) -> Path:
        """Where the marker of a number lies."""
        return self.folder / f"{number:04d}.json"

    def numbers(self) -> list[int]:
        """The numbers of the markers that are there, in order."""
        if not self.folder.is_dir():
            return []
        return sorted(int(match[1]) for path in self.folder.iterdir() if (match := _NUMBERED.fullmatch(path.name)))

    def read(self) -> list[dict]:
        """All numbered markers, first to last; refuses one that is missing, damaged, or out of line."""
        found: list[dict] = []
        for expected, number in enumerate(self.numbers()):
            if number != expected:
                raise damaged(self.path(expected), "it is missing, and a later commit marker is there")
            found.append(self._one(number))
            if found[-1]["previous"] != (found[-2][SEAL] if number else None):
                raise damaged(self.path(number), "it does not follow the commit marker before it")
        return found

    def _one(self, number: int) -> dict:
        path = self.path(number)
        found = read_sealed(path)
        if found.get("commit") != number or "previous" not in found or not isinstance(found.get("files"), dict):
            raise damaged(path, "it is no commit marker of that number")
        if wrong := [name for name in found["files"] if not _NAME.fullmatch(name)]:
            raise damaged(path, f"it names a file {wrong[0][:60]!r}")
        return found

    def head(self) -> dict | None:
        """What was committed last: the marker of a stop if it follows the last number, else that; None for nothing."""
        numbers = self.numbers()
        last = self._one(numbers[-1]) if numbers else None
        stopped = self.folder / _STOPPED
        if last is not None and stopped.exists():
            found = read_sealed(stopped)
            if found.get("previous") == last[SEAL]:
                return found
        return last

    def head_path(self) -> Path:
        """The file that `head` read."""
        head = self.head()
        return self.folder / _STOPPED if head is None or "commit" not in head else self.path(head["commit"])

    def commit(self, number: int, content: dict, previous: dict | None) -> dict:
        """Write the marker of a number after the marker `previous`; returns it. All it names must be on the disk."""
        marker = seal(content | {"commit": number, "previous": previous[SEAL] if previous else None})
        make_folders(self.folder)
        write_whole(self.path(number), encode(marker))
        self.drop_stop()
        return marker

    def commit_stop(self, content: dict, previous: dict) -> dict:
        """Write the marker of a stop between two numbers, after the marker of the last number; returns it."""
        marker = seal(content | {"previous": previous[SEAL]})
        write_whole(self.folder / _STOPPED, encode(marker))
        return marker

    def drop_stop(self) -> None:
        """Remove the marker of a stop that has been overtaken."""
        if (self.folder / _STOPPED).exists():
            disk.remove_file(self.folder / _STOPPED)


def named_files(folder: Path, markers: list[dict]) -> dict[str, Stamp]:
    """Every file that markers name, by its name, with its stamp. folder: of the markers, named in refusals."""
    return {
        name: Stamp.read(folder / f"{number:04d}.json", data)
        for number, marker in enumerate(markers)
        for name, data in marker["files"].items()
    }
