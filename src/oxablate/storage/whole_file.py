"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

#: Ending of a file that is being written; one that is left over is worth nothing.
PARTIAL = ".partial"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write beside `path`, put in its place in one move once it is complete and on the disk.

    Whatever fails, `path` holds its old content; the partial file is removed where that is still possible.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    settle_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at any moment either the old or the whole new content is there."""
    with whole_file(path) as file:
        file.write(content)


def settle_folder(folder: Path) -> None:
    """Have the names in a folder on the disk: a rename is only safe from a power cut once its folder is."""
    if os.name == "nt":  # folders cannot be opened there; the file system journals names by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
