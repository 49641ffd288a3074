"""Checkpoints: one file per arm, written beside the old one and put in its place in one move."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..quantities.refusal import RunFailed
from ..storage.whole_file import whole_file
from .ledger import Ledger
from .state import Clock, State


def save_checkpoint(path: Path, state: State, ledger: Ledger, rows: list[dict], kept: int, key: str) -> None:
    """Save a state with its ledger, series rows and the number of outputs kept. key: of the case it belongs to."""
    meta = {"clock": asdict(state.clock), "ledger": ledger.as_dict(), "rows": rows, "kept": kept, "key": key}
    with whole_file(path) as file:
        np.savez(file, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **state.arrays())


def load_checkpoint(path: Path, key: str) -> tuple[State, Ledger, list[dict], int]:
    """Load what `save_checkpoint` wrote. Raises RunFailed where the file is damaged or belongs to another case."""
    try:
        with np.load(path, allow_pickle=False) as data:
            meta = json.loads(bytes(data["meta"]).decode())
            arrays = {name: data[name] for name in data.files if name != "meta"}
            state = State.from_arrays(Clock(**meta["clock"]), arrays)
    except Exception as error:
        raise RunFailed(
            f"{path.name} cannot be read ({type(error).__name__}); start the run in a new folder"
        ) from error
    if meta["key"] != key:
        raise RunFailed(
            f"{path.name} belongs to another case or version of the subject; resume with the case it began with"
        )
    return state, Ledger.from_dict(meta["ledger"]), meta["rows"], meta["kept"]
