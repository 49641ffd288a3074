"""One writer to a folder: a lock that ends with the process that holds it, however that process ends."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..quantities.refusal import BadInput

#: The lock file, where a folder itself cannot be locked (Windows, some network file systems). It holds nothing.
LOCK = ".lock"

_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold a folder that exists against other writers; BadInput where another process, or this one, holds it.

    On Linux and macOS the folder itself is locked and nothing is left in it; the system releases the lock when the
    process ends, so nothing has to be cleaned up after a kill. Readers need no lock.
    """
    handle = _lock_folder(folder) if os.name != "nt" else None
    path = folder / LOCK
    if handle is None:
        handle = _lock_file(folder, path)
    else:
        path = None
    try:
        yield
    finally:
        if path is not None and os.name != "nt":
            with suppress(OSError):
                os.unlink(path)
        os.close(handle)
        if path is not None and os.name == "nt":
            with suppress(OSError):
                os.unlink(path)


def _lock_folder(folder: Path) -> int | None:
    """An open descriptor that holds the folder's lock; None where this file system locks no folders."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in _HELD:
            raise _in_use(folder) from None
        return None
    return handle


def _lock_file(folder: Path, path: Path) -> int:
    """An open descriptor that holds the lock file."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_ino != os.stat(path).st_ino:  # the holder before removed it in between
                raise BlockingIOError(errno.EAGAIN, "removed by another process")
    except OSError as error:
        os.close(handle)
        if error.errno in _HELD or isinstance(error, FileNotFoundError):
            raise _in_use(folder) from None
        raise
    return handle


def _in_use(folder: Path) -> BadInput:
    return BadInput(f"--out: {folder} is being written by another run; wait until that ends, or name another folder")
