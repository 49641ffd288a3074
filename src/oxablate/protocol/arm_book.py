"""What is kept of one arm while it runs: fields, series and checkpoint, made valid together by a commit marker.

ARM/fields.zarr              one file per field and kept time
ARM/series.csv               one row per flow step; a marker vouches for its first bytes, which later rows never change
ARM/checkpoint-000012.npz    the state after 12 flow steps, to go on from
ARM/commits/0003.json        the marker of kept time 3: names, lengths and checksums of all that belongs to it
ARM/summary.json             outcomes, once the arm has ended or was stopped

Everything a marker names is on the disk before the marker is; what no marker names is swept away on resume.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..quantities.refusal import RunFailed
from ..space.grid import VoxelGrid
from ..storage import disk
from ..storage.commits import CommitLog, Stamp, named_files
from ..storage.json_file import SEAL, damaged, read_sealed, write_sealed
from ..storage.whole_file import make_folders, remove_tree, sweep_partials, write_all, write_whole
from .checkpoint import PATTERN, checkpoint_name, load_checkpoint, save_checkpoint
from .field_files import GROUP, chunk_files, group_files, shapes_kept
from .ledger import Ledger
from .record import series_bytes, verify_series
from .state import State


@dataclass
class ArmBook:
    """The folder of an arm that is being written. key: of the case; rows: of the series so far; kept: times kept."""

    folder: Path
    key: str
    rows: list[dict] = field(default_factory=list)
    kept: int = 0
    _last: dict | None = None  # marker of the last number

    @property
    def log(self) -> CommitLog:
        """The commit markers."""
        return CommitLog(self.folder / "commits")

    def ended(self) -> bool:
        """Whether this arm has run to its end; clears away what is of no use then."""
        path = self.folder / "summary.json"
        if not path.exists():
            return False
        summary, head = read_sealed(path), self.log.head()
        if summary.get("status") != "complete":
            return False
        if head is None or summary.get("commit") != head[SEAL]:
            raise damaged(path, "it does not belong to the last commit marker")
        self._tidy(None)
        return True

    def begin(self, grid: VoxelGrid, attributes: dict, times: list[float], statics: dict, fields: dict) -> None:
        """Start anew with the fields at the first of `times`; whatever lay here uncommitted goes."""
        for name in (GROUP, "commits", "series.csv", "summary.json"):
            remove_tree(self.folder / name)
        self._tidy(None)
        for name in (*statics, *fields, *"xyz", "time"):
            make_folders(self.folder / GROUP / name)
        stamps = self._write(chunk_files(fields, 0)) | self._write(
            group_files(grid, attributes, times, statics, fields)
        )
        still = {name: {"shape": list(np.shape(values)), "chunks": 1} for name, values in statics.items()}
        marker = {"arrays": shapes_kept(fields, 1) | still, "files": stamps, "series": None, "checkpoint": None}
        self._commit(marker | {"time_s": times[0]})

    def take_up(self) -> tuple[State, Ledger] | None:
        """Verify what was committed, sweep what was not; returns the state to go on from, None for the first instant.

        Sets `kept` and `rows`; with kept == 0 nothing was committed. Raises BadInput or RunFailed for damage.
        """
        sweep_partials(self.folder)
        markers = self.log.read()
        if not markers:
            return None
        head = self.log.head()
        if head["key"] != self.key:
            raise RunFailed("the commits belong to another case or version of the subject; resume with that")
        names = named_files(self.log.folder, markers)
        verify_files(self.folder, names)
        verify_series(self.folder, head, self.log.head_path())
        found = None
        if head["checkpoint"] is not None:
            stamp = Stamp.read(self.log.head_path(), head["checkpoint"])
            state, ledger, self.rows = load_checkpoint(self.folder / head["checkpoint"]["name"], stamp, self.key)
            found = state, ledger
        self.kept, self._last = len(markers), markers[-1]
        self._sweep(set(names), head)
        return found

    def keep(self, time: float, fields: dict, state: State, ledger: Ledger) -> None:
        """Keep the fields at the next time with everything needed to go on from there, and commit."""
        checkpoint = self._save(state, ledger)
        files = self._write(chunk_files(fields, self.kept))
        marker = {"arrays": shapes_kept(fields, self.kept + 1), "files": files, "series": self._write_series()}
        self._commit(marker | {"time_s": time, "checkpoint": checkpoint})
        self._tidy(checkpoint["name"])

    def stop(self, state: State, ledger: Ledger) -> None:
        """Commit what is needed to go on from between two kept times."""
        head = self.log.head()
        if state.clock.steps == 0 or (head["checkpoint"] or {}).get("name") == checkpoint_name(state.clock.steps):
            return  # nothing has happened since the last commit
        checkpoint = self._save(state, ledger)
        content = {"series": self._write_series(), "checkpoint": checkpoint, "time_s": state.clock.time}
        self.log.commit_stop(content | {"key": self.key}, self._last)
        self._tidy(checkpoint["name"])

    def summarise(self, summary: dict) -> None:
        """Write the outcomes, tied to the last commit; a complete arm needs no checkpoint any longer."""
        write_sealed(self.folder / "summary.json", summary | {"commit": self.log.head()[SEAL]})
        if summary["status"] == "complete":
            self._tidy(None)

    def _commit(self, content: dict) -> None:
        self._last = self.log.commit(self.kept, content | {"key": self.key}, self._last)
        self.kept += 1

    def _write(self, files: Iterable[tuple[str, bytes]]) -> dict:
        """Write files of this arm; returns their stamps by name."""
        stamps = {}

        def stamped():
            for name, content in files:
                stamps[name] = Stamp.of(content).as_dict()
                yield self.folder / name, content

        write_all(stamped())
        return stamps

    def _write_series(self) -> dict:
        content = series_bytes(self.rows)
        write_whole(self.folder / "series.csv", content)
        return Stamp.of(content).as_dict()

    def _save(self, state: State, ledger: Ledger) -> dict:
        name = checkpoint_name(state.clock.steps)
        return {"name": name} | save_checkpoint(self.folder / name, state, ledger, self.rows, self.key).as_dict()

    def _tidy(self, keep: str | None) -> None:
        """Remove checkpoints but one, and a stop that was overtaken."""
        for path in sorted(self.folder.glob(PATTERN)):
            if path.name != keep:
                disk.remove_file(path)
        if keep is None:
            self.log.drop_stop()

    def _sweep(self, names: set[str], head: dict) -> None:
        """Remove what was written and not committed, and outcomes that the arm is about to leave behind."""
        for path in sorted((self.folder / GROUP).rglob("*")):
            if not path.is_dir() and path.relative_to(self.folder).as_posix() not in names:
                disk.remove_file(path)
        remove_tree(self.folder / "summary.json")
        if "commit" in head:
            self.log.drop_stop()
        for path in sorted(self.folder.glob(PATTERN)):
            if path.name != (head["checkpoint"] or {}).get("name"):
                disk.remove_file(path)


def verify_files(folder: Path, stamps: dict[str, Stamp]) -> None:
    """Read files and refuse one that is missing or not what was stamped."""
    for name, stamp in stamps.items():
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise damaged(folder / name, error.strerror or str(error)) from None
        if not stamp.fits(content):
            raise damaged(folder / name, "its content is not what its commit marker says")
