"""The folder of a run while it is written: never over somebody's files, and by one process at a time."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..quantities.refusal import BadInput, RunFailed
from ..storage.json_file import read_json, read_sealed
from ..storage.lock import LOCK, sole_writer
from ..storage.whole_file import PARTIAL, make_folders, sweep_partials

#: What a run leaves that was killed before it had said what it is: nothing of worth.
_NOTHING = {LOCK, f"record.json{PARTIAL}"}

#: What a path may be wrong with; anything else that the disk says is a failure of the disk.
_BAD_PATH = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}


@contextmanager
def written_folder(out: Path, resume: bool, key: str) -> Iterator[dict | None]:
    """Hold the output folder of a run; gives record.json of the run that is gone on with, None for a new one.

    A new run needs a folder that is not there, empty, or left by a run that was killed before it wrote record.json.
    resume: also one that holds a run with this key. Raises BadInput, before anything is changed, for any other, and
    where another process writes there.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out: {out} is a file; name a folder that does not exist yet")
    _found(out, resume, key)
    with failing_disk(out):
        try:
            make_folders(out)
        except OSError as error:
            if error.errno not in _BAD_PATH:
                raise
            raise BadInput(f"--out: {out} cannot be written ({error.strerror}); choose another folder") from error
        with sole_writer(out):
            before = _found(out, resume, key)  # again: another process may have been here in between
            sweep_partials(out)
            yield before


def _found(out: Path, resume: bool, key: str) -> dict | None:
    """What record.json says of the run that lies there; None where there is nothing. Refuses what may not be used."""
    if not out.exists() or not {path.name for path in out.iterdir()} - _NOTHING:
        return None
    if not resume:
        raise BadInput(f"--out: {out} is not empty; name a new folder, or add --resume to go on with the run in it")
    if read_json(out / "record.json").get("key") != key:
        raise BadInput(f"--resume: {out} holds a run of another case or with other numbers; name a new folder")
    return read_sealed(out / "record.json")


@contextmanager
def failing_disk(out: Path) -> Iterator[None]:
    """Turn what a disk says when it is full or broken into one sentence that names the file within the run's folder."""
    try:
        yield
    except OSError as error:
        where = Path(error.filename) if isinstance(error.filename, str) else out
        name = where.relative_to(out.parent) if where.is_relative_to(out.parent) else where
        raise RunFailed(
            f"{name}: {error.strerror or error}; what was committed is kept: make room or mend the disk, then go on "
            "with --resume"
        ) from error
