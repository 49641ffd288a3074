"""A lock on a folder that ends with the process that holds it, however that process ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..quantities.refusal import BadInput


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`, which is made where it is missing and stays.

    what: names the folder in a refusal. Raises BadInput where another process holds it, or where it cannot be made. The
    system releases it when the process dies, so nothing has to be cleaned up after a kill.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise BadInput(f"{what} cannot be written ({error.strerror}); choose another folder") from error
    try:
        if not _taken(handle):
            raise BadInput(f"{what} is in use by another sweep; wait until it ends, or name another folder")
        yield
    finally:
        os.close(handle)  # which releases it


def _taken(handle: int) -> bool:
    """Whether the lock of an open file is this process's now."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
