"""The record of a run: Zarr that plain xarray opens, a CSV of the time series, JSON for the rest.

DIR/record.json            what was asked, with what numbers, how it ended; the same bytes for the same case
DIR/provenance.json        dates, host, versions of libraries
DIR/case.yaml              the case as it was read
DIR/arms/NAME/fields.zarr  fields over time, with units
DIR/arms/NAME/series.csv   one row per flow step
DIR/arms/NAME/summary.json outcomes, ledger, validity flags
DIR/arms/NAME/commits      what of the fields and the series is valid, with checksums; see docs/crash-safety.md
"""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput
from ..storage.commits import CommitLog, Stamp, named_files
from ..storage.json_file import SEAL, damaged, read_json, read_sealed, require_seal, write_json
from .record_views import RecordViews

__all__ = ["FIELDS", "NAME", "SCHEMA", "STATICS", "Record", "open_record", "read_json", "read_sealed", "write_json"]

SCHEMA = 2

#: What an arm may be called: its name becomes a folder.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")

_RECORD_KEYS = (
    *("oxablate", "key", "status", "title", "question", "arms", "concentrations_mol_m3", "agents", "subject"),
    *("injection", "follow_s", "model", "seed", "parameter_set", "parameters", "agent_numbers", "overridden", "files"),
)
_SUMMARY_KEYS = ("arm", "status", "time_s", "outcomes", "fluid_shares", "ledger", "flags", "numbers", "commit")


@dataclass(frozen=True)
class FieldInfo:
    """How a field is called in a record: long name and unit."""

    long_name: str
    unit: str


FIELDS = {
    "pressure": FieldInfo("interstitial fluid pressure", "Pa"),
    "volume_ratio": FieldInfo("local volume ratio J", "1"),
    "vessel_fraction": FieldInfo("functional vessel fraction", "1"),
    "fluid_fraction": FieldInfo("fluid volume per reference volume (axis pot: 0 intact pores, 1 cracks)", "1"),
    "concentration": FieldInfo("agent concentration in the fluid", "mol m-3"),
    "crack_concentration": FieldInfo("agent concentration in the fluid of cracks", "mol m-3"),
    "tracer": FieldInfo("tracer per reference volume over its concentration in the syringe", "1"),
    "exposure": FieldInfo("time integral of the agent concentration", "mol s m-3"),
    "swept": FieldInfo("share of the voxel passed by a diffusive front", "1"),
    "killed": FieldInfo("share of the cells that are dead", "1"),
}
STATICS = {
    "tissue": FieldInfo("tissue label", "1"),
    "hydraulic_conductivity": FieldInfo("hydraulic conductivity at rest", "m2 Pa-1 s-1"),
    "fracture_pressure": FieldInfo("fluid pressure at which the tissue cracks, before any injection", "Pa"),
    "image": FieldInfo("input image resampled to the grid, arbitrary units", "1"),
}


def field_info(name: str) -> FieldInfo:
    """Long name and unit of a field over time; a name that is not listed is that of a pool."""
    return FIELDS.get(name) or FieldInfo(f"reductant pool left: {name.removeprefix('pool_')}", "mol m-3")


def series_bytes(rows: list[dict]) -> bytes:
    """The time series as CSV; the header carries names with units. More rows only add bytes at the end."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: (f"{v:.10g}" if isinstance(v, float) else v) for k, v in row.items()} for row in rows)
    return text.getvalue().encode()


def verify_series(folder: Path, head: dict, marker: Path) -> bytes:
    """The bytes of an arm's series that a commit marker vouches for; refuses others in their place."""
    if head["series"] is None:
        return b""
    path, stamp = folder / "series.csv", Stamp.read(marker, head["series"])
    try:
        content = path.read_bytes()[: stamp.bytes]
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from None
    if not stamp.fits(content):
        raise damaged(path, "its content is not what its commit marker says")
    return content


@dataclass(frozen=True, repr=False)
class Record(RecordViews):
    """A finished, stopped or interrupted run on disk: what was committed of it. folder: DIR; about: of record.json.

    Whatever is read is verified first: BadInput for a file that is not what was written.
    """

    folder: Path
    about: dict

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms that were asked for, in the order of the case, also of those that have nothing yet."""
        return tuple(self.about["arms"])

    def summary(self, arm: str) -> dict:
        """Outcomes, ledger and flags of one arm."""
        name = f"arms/{arm}/summary.json"
        path = self.folder / name
        found = read_json(path)
        if missing := [key for key in _SUMMARY_KEYS if key not in found]:
            raise damaged(path, f"{missing[0]!r} is missing")
        require_seal(path, found)
        if self.about["files"].get(name, found[SEAL]) != found[SEAL]:
            raise damaged(path, "it is not the one that this run ended with")
        return found

    def commits(self, arm: str) -> list[dict]:
        """The commit markers of one arm, one per kept time; empty where nothing was committed yet."""
        self._head(arm)
        return self._log(arm).read()

    def fields(self, arm: str):
        """The committed fields of one arm as an xarray Dataset, lazily loaded and verified as they are read."""
        import xarray

        from ..storage.committed_store import CommittedStore

        path, markers = self.folder / "arms" / arm / "fields.zarr", self.commits(arm)
        if not markers:
            raise _nothing_yet(path)
        stamps = named_files(self._log(arm).folder, markers)
        start = f"{path.name}/"
        store = CommittedStore(path, {k.removeprefix(start): s for k, s in stamps.items() if k.startswith(start)})
        try:
            return xarray.open_zarr(store, consolidated=False).isel(time=slice(0, len(markers)))
        except BadInput:
            raise
        except Exception as error:  # zarr and xarray raise nearly every kind of error on a damaged store
            raise damaged(path, str(error)) from error

    def series(self, arm: str) -> dict[str, np.ndarray]:
        """The committed time series of one arm by column name."""
        head, path = self._head(arm), self.folder / "arms" / arm / "series.csv"
        if head is None:
            raise _nothing_yet(path)
        text = verify_series(path.parent, head, self._log(arm).head_path())
        rows = list(csv.DictReader(io.StringIO(text.decode())))
        return {name: np.array([float(row[name]) for row in rows]) for name in (rows[0] if rows else ())}

    def _head(self, arm: str) -> dict | None:
        """What was committed last, which is what the outcomes, if there are any, were made from; None for nothing."""
        head, name = self._log(arm).head(), f"arms/{arm}/summary.json"
        if not (self.folder / name).exists() and name not in self.about["files"]:
            return head
        if head is None or self.summary(arm)["commit"] != head[SEAL]:
            raise damaged(self._log(arm).folder, "the last commit marker is not the one that the outcomes belong to")
        return head

    def _log(self, arm: str) -> CommitLog:
        return CommitLog(self.folder / "arms" / arm / "commits")


def _nothing_yet(path: Path) -> BadInput:
    return BadInput(f"{path}: nothing is committed yet; let the run go on with `oxablate run --resume`")


def open_record(folder: str | Path) -> Record:
    """Open what `run` wrote. Raises BadInput where the folder holds no record of a known schema, or a damaged one."""
    folder = Path(folder)
    path = folder / "record.json"
    about = read_json(path)
    if about.get("schema") != SCHEMA:
        raise BadInput(
            f"{folder}: record of schema {about.get('schema')!r}, this version reads {SCHEMA}; run the case again"
        )
    if missing := [key for key in _RECORD_KEYS if key not in about]:
        raise damaged(path, f"{missing[0]!r} is missing")
    arms = about["arms"]
    if not isinstance(arms, list) or not all(isinstance(arm, str) and NAME.fullmatch(arm) for arm in arms):
        raise damaged(path, "'arms' is no list of names")  # names become folders, which must lie in the record
    require_seal(path, about)
    verify_case(folder, about)
    return Record(folder, about)


def verify_case(folder: Path, about: dict) -> None:
    """Refuse a case.yaml that is not the one which was run; a run that was killed early may have none."""
    path = folder / "case.yaml"
    if not path.exists() and about["status"] in ("running", "failed"):
        return
    try:
        content = path.read_bytes()
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from None
    if Stamp.of(content).sha256 != about["files"].get("case.yaml"):
        raise damaged(path, "its content is not what record.json says")
