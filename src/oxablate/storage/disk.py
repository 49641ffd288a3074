"""The one place that changes anything on the disk; what writes elsewhere in the package calls these functions.

Call them as `disk.write(...)`: tests put failing ones in their place, and hold that a run changes files in no other
way.
"""

import os
from pathlib import Path

_BINARY = getattr(os, "O_BINARY", 0)


def create(path: Path) -> int:
    """Open a file that is not there yet for writing; never follows a link. Returns its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)


def write(handle: int, data) -> int:
    """Write bytes to an open file; returns how many were taken."""
    return os.write(handle, data)


def settle(handle: int) -> None:
    """Have what was written to an open file or folder on the disk itself, where a power cut leaves it."""
    os.fsync(handle)


def replace(source: Path, target: Path) -> None:
    """Give a file its name in one move, in place of what had it before."""
    os.replace(source, target)


def make_folder(path: Path) -> None:
    """Make one folder."""
    os.mkdir(path)


def remove_file(path: Path) -> None:
    """Remove a file or a link."""
    os.unlink(path)


def remove_folder(path: Path) -> None:
    """Remove an empty folder."""
    os.rmdir(path)
