"""Files that are there whole or not at all."""

import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from . import disk

#: Ending of a file that is being written; one that is left over is worth nothing.
PARTIAL = ".partial"

_BUFFER = 1 << 20


class _Through(io.FileIO):
    """An open file whose bytes all pass through `disk.write`."""

    def write(self, data) -> int:
        return disk.write(self.fileno(), data)


class _Partial:
    """A file on its way: opened beside its place, settled, moved; or given up."""

    def __init__(self, path: Path):
        self.path, self.partial = path, path.with_name(path.name + PARTIAL)
        with _naming(path):
            try:
                handle = disk.create(self.partial)
            except FileExistsError:  # left over by a process that died
                disk.remove_file(self.partial)
                handle = disk.create(self.partial)
        self.raw = _Through(handle, "wb")
        self.file = io.BufferedWriter(self.raw, _BUFFER)

    def settle(self) -> None:
        """Have the content on the disk, and close."""
        with _naming(self.path):
            self.file.flush()
            disk.settle(self.raw.fileno())
            self.file.close()

    def place(self) -> None:
        """Put it where it belongs."""
        with _naming(self.path):
            disk.replace(self.partial, self.path)

    def give_up(self) -> None:
        """Leave nothing behind, where that is still possible."""
        self.raw.close()  # the raw file first: the buffered one would try once more to write
        with suppress(OSError):
            disk.remove_file(self.partial)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Failures that know only the number of an open file, or the name of a partial one, get the name of the file."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and os.fspath(error.filename) != f"{path}{PARTIAL}":
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write beside `path`, put in its place in one move once it is complete and on the disk.

    Whatever fails, `path` holds its old content; the partial file is removed where that is still possible. An OSError
    of the disk names `path`.
    """
    path = Path(path)
    partial = _Partial(path)
    try:
        with _naming(path):
            yield partial.file
        partial.settle()
        partial.place()
    except BaseException:
        partial.give_up()
        raise
    settle_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at any moment either the old or the whole new content is there."""
    with whole_file(path) as file:
        file.write(content)


def write_all(contents: Iterable[tuple[Path, bytes]]) -> None:
    """Write several files, each whole or not at all, and wait for the disk once for all of them.

    Their names appear in the order given, after every content is on the disk. When this returns, all is on the disk.
    """
    partials: list[_Partial] = []
    try:
        for path, content in contents:
            partials.append(_Partial(Path(path)))
            with _naming(path):
                partials[-1].file.write(content)
                partials[-1].file.flush()
        for partial in partials:
            partial.settle()
        for partial in partials:
            partial.place()
    except BaseException:
        for partial in partials:
            partial.give_up()
        raise
    for folder in dict.fromkeys(partial.path.parent for partial in partials):
        settle_folder(folder)


def settle_folder(folder: Path) -> None:
    """Have the names in a folder on the disk: a rename is only safe from a power cut once its folder is."""
    if os.name == "nt":  # folders cannot be opened there; the file system journals names by itself
        return
    with _naming(folder):
        handle = os.open(folder, os.O_RDONLY)
        try:
            disk.settle(handle)
        finally:
            os.close(handle)


def make_folders(folder: Path) -> None:
    """Make a folder with those above it, where they are missing. OSError where a file is in the way."""
    folder = Path(folder)
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folders(folder.parent)
    try:
        disk.make_folder(folder)
    except FileExistsError:
        if not folder.is_dir():
            raise
    settle_folder(folder.parent)


def remove_tree(path: Path) -> None:
    """Remove a file, or a folder with all in it; links are removed and not followed. Nothing to do where none is."""
    try:
        kind = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISDIR(kind):
        disk.remove_file(path)
        return
    for inner in sorted(path.iterdir()):
        remove_tree(inner)
    disk.remove_folder(path)


def sweep_partials(folder: Path) -> None:
    """Remove what interrupted writes left in a folder and those below it."""
    for path in sorted(Path(folder).rglob("*" + PARTIAL)):
        if path.is_symlink() or path.is_file():
            disk.remove_file(path)
