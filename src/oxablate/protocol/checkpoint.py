"""Checkpoints: the whole state of an arm in double precision, one file per checkpoint, trusted by its checksum only."""

import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..quantities.refusal import RunFailed
from ..storage.commits import Stamp
from ..storage.whole_file import whole_file
from .field_files import packed_in_turn, unpacked
from .ledger import Ledger
from .state import Clock, State

#: What checkpoints are called: by the flow steps done, so that another state never has the same name.
PATTERN = "checkpoint-*.npz"


def checkpoint_name(steps: int) -> str:
    """The name of the checkpoint after so many flow steps."""
    return f"checkpoint-{steps:06d}.npz"


class _Stamping(io.RawIOBase):
    """Passes bytes on and stamps them; cannot seek, so that what was stamped is not rewritten."""

    def __init__(self, file):
        self._file, self._digest, self._count = file, hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self._file.write(data)
        self._digest.update(data)
        self._count += len(data)
        return len(data)

    def stamp(self) -> Stamp:
        return Stamp(self._count, self._digest.hexdigest())


def save_checkpoint(path: Path, state: State, ledger: Ledger, rows: list[dict], key: str) -> Stamp:
    """Save a state with its ledger and series rows; returns its stamp. key: of the case it belongs to.

    An .npz of bytes: `meta` is JSON, every other member a field, compressed without loss.
    """
    arrays = state.arrays()
    what = {name: [str(array.dtype), list(array.shape)] for name, array in arrays.items()}
    meta = {"clock": asdict(state.clock), "ledger": ledger.as_dict(), "rows": rows, "key": key, "arrays": what}
    with whole_file(path) as file:
        stamping = _Stamping(file)
        with zipfile.ZipFile(stamping, "w", zipfile.ZIP_STORED) as archive:
            _add(archive, "meta", json.dumps(meta).encode())
            for name, content in packed_in_turn(arrays, quick=True):
                _add(archive, name, content)
        return stamping.stamp()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """One member without a date, so that equal states are equal files."""
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
        head = {"descr": "|u1", "fortran_order": False, "shape": (len(content),)}
        np.lib.format.write_array_header_1_0(member, head)
        member.write(content)  # not through `write_array`, which copies


def load_checkpoint(path: Path, stamp: Stamp, key: str) -> tuple[State, Ledger, list[dict]]:
    """Load what `save_checkpoint` wrote. Raises RunFailed where the file is damaged or belongs to another case."""
    try:
        content = path.read_bytes()
        if not stamp.fits(content):
            raise ValueError("its content is not what its commit marker says")
        with np.load(io.BytesIO(content), allow_pickle=False) as data:
            meta = json.loads(data["meta"].tobytes().decode())
            arrays = {name: unpacked(data[name], *what) for name, what in meta["arrays"].items()}
            state = State.from_arrays(Clock(**meta["clock"]), arrays)
    except Exception as error:
        why = error if isinstance(error, ValueError) else type(error).__name__
        raise RunFailed(f"{path.name} cannot be read ({why}); start the run in a new folder") from error
    if meta["key"] != key:
        raise RunFailed(
            f"{path.name} belongs to another case or version of the subject; resume with the case it began with"
        )
    return state, Ledger.from_dict(meta["ledger"]), meta["rows"]
