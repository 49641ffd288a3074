"""The record of a run: Zarr that plain xarray opens, a CSV of the time series, JSON for the rest.

DIR/record.json            what was asked, with what numbers, how it ended; the same bytes for the same case
DIR/provenance.json        dates, host, versions of libraries
DIR/case.yaml              the case as it was read
DIR/arms/NAME/fields.zarr  fields over time, with units
DIR/arms/NAME/series.csv   one row per flow step
DIR/arms/NAME/summary.json outcomes, ledger, validity flags
"""

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput
from ..quantities.research_only import RESEARCH_ONLY
from ..space.grid import MM, VoxelGrid
from ..storage.whole_file import write_whole
from .record_views import RecordViews

SCHEMA = 1

#: What an arm may be called: its name becomes a folder.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")

_RECORD_KEYS = (
    *("oxablate", "key", "status", "title", "question", "arms", "concentrations_mol_m3", "agents", "subject"),
    *("injection", "follow_s", "model", "seed", "parameter_set", "parameters", "agent_numbers", "overridden"),
)
_SUMMARY_KEYS = ("arm", "status", "time_s", "outcomes", "fluid_shares", "ledger", "flags", "numbers")


@dataclass(frozen=True)
class FieldInfo:
    """How a field is called in a record: long name and unit."""

    long_name: str
    unit: str


FIELDS = {
    "pressure": FieldInfo("interstitial fluid pressure", "Pa"),
    "volume_ratio": FieldInfo("local volume ratio J", "1"),
    "vessel_fraction": FieldInfo("functional vessel fraction", "1"),
    "fluid_fraction": FieldInfo("fluid volume per reference volume", "1"),
    "concentration": FieldInfo("agent concentration in the fluid", "mol m-3"),
    "exposure": FieldInfo("time integral of the agent concentration", "mol s m-3"),
    "swept": FieldInfo("share of the voxel passed by a diffusive front", "1"),
    "killed": FieldInfo("share of the cells that are dead", "1"),
}
STATICS = {
    "tissue": FieldInfo("tissue label", "1"),
    "hydraulic_conductivity": FieldInfo("hydraulic conductivity at rest", "m2 Pa-1 s-1"),
    "image": FieldInfo("input image resampled to the grid, arbitrary units", "1"),
}


def write_json(path: Path, data: dict) -> None:
    """Write JSON with sorted keys and a final newline, atomically: equal data, equal bytes."""
    write_whole(path, (json.dumps(data, indent=1, sort_keys=True, default=_plain) + "\n").encode())


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a record holds plain data, got {type(value).__name__}")


def read_json(path: Path) -> dict:
    """Read a JSON object of a record, or refuse with the file's name."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(f"{path}: no such file; give the folder that `oxablate run --out` wrote") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from None
    if not isinstance(found, dict):
        raise _damaged(path, f"it holds {type(found).__name__} where keys and values are needed")
    return found


def _damaged(path: Path, why: str) -> BadInput:
    return BadInput(f"{path} is damaged ({why}); run the case again in a new folder")


def _codec():
    import zarr

    return [zarr.codecs.ZstdCodec(level=3)]


class FieldWriter:
    """Appends fields over time to a Zarr group that xarray opens with names and units.

    path: of the group. grid: its voxels. `statics` are written once. `times` already kept can be cut on resume.
    """

    def __init__(self, path: Path, grid: VoxelGrid, attributes: dict):
        self.path, self.grid, self.attributes = path, grid, attributes

    def create(self, statics: dict[str, np.ndarray]) -> None:
        """Start an empty group with coordinates and fields that do not change."""
        import zarr

        group = zarr.create_group(store=str(self.path), zarr_format=3)
        group.attrs.update(self.attributes | _geometry(self.grid) | {"research_only": RESEARCH_ONLY})
        for axis, name in enumerate("xyz"):
            values = self.grid.axis_centres(axis) / MM
            what = {"units": "mm", "long_name": f"position along grid axis {'ijk'[axis]} from the first voxel"}
            self._add(group, name, values, (name,), what)
        self._add(group, "time", np.zeros(0), ("time",), {"units": "s", "long_name": "time since the start"}, 512)
        for name, values in statics.items():
            info = STATICS[name]
            self._add(group, name, values, ("x", "y", "z"), {"units": info.unit, "long_name": info.long_name})

    def _add(self, group, name, values, dimensions, attributes, first_chunk: int | None = None) -> None:
        chunks = tuple(max(1, n) for n in values.shape)
        array = group.create_array(
            name, shape=values.shape, dtype=values.dtype, dimension_names=dimensions, compressors=_codec(),
            chunks=(first_chunk, *chunks[1:]) if first_chunk else chunks, attributes=attributes,
            fill_value=np.nan if values.dtype.kind == "f" else 0,
        )  # fmt: skip
        if values.size:
            array[...] = values

    def append(self, time: float, fields: dict[str, np.ndarray], kept: int) -> None:
        """Write the fields at one time as number `kept`; anything beyond it (an abandoned write) is cut off first."""
        import zarr

        group = zarr.open_group(store=str(self.path), mode="r+")
        for name, values in fields.items():
            if name not in group:
                info = FIELDS.get(name) or FieldInfo(f"reductant pool left: {name.removeprefix('pool_')}", "mol m-3")
                dimensions = ("time", "pot", "x", "y", "z") if values.ndim == 4 else ("time", "x", "y", "z")
                empty = np.zeros((0, *values.shape), np.float32)
                self._add(group, name, empty, dimensions, {"units": info.unit, "long_name": info.long_name}, 1)
            array = group[name]
            array.resize((kept + 1, *values.shape))
            array[kept] = values.astype(np.float32)
        times = group["time"]
        times.resize((kept + 1,))
        times[kept] = time

    def cut(self, kept: int) -> None:
        """Keep the first `kept` times only."""
        import zarr

        group = zarr.open_group(store=str(self.path), mode="r+")
        for _, array in sorted(group.arrays()):
            if array.metadata.dimension_names and array.metadata.dimension_names[0] == "time":
                array.resize((min(kept, array.shape[0]), *array.shape[1:]))


def _geometry(grid: VoxelGrid) -> dict:
    """Placement of the grid in the patient: LPS position [mm] of voxel 0, and the matrix whose columns are the axes."""
    return {
        "origin_lps_mm": [x / MM for x in grid.origin],
        "spacing_mm": [s / MM for s in grid.spacing],
        "direction_matrix": [list(row) for row in grid.direction],
    }


def write_series(path: Path, rows: list[dict]) -> None:
    """Write the time series as CSV; the header carries names with units."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: (f"{v:.10g}" if isinstance(v, float) else v) for k, v in row.items()} for row in rows)
    write_whole(path, text.getvalue().encode())


@dataclass(frozen=True, repr=False)
class Record(RecordViews):
    """A finished or stopped run on disk. folder: DIR; about: content of record.json."""

    folder: Path
    about: dict

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(self.about["arms"])

    def summary(self, arm: str) -> dict:
        """Outcomes, ledger and flags of one arm."""
        path = self.folder / "arms" / arm / "summary.json"
        found = read_json(path)
        if missing := [key for key in _SUMMARY_KEYS if key not in found]:
            raise _damaged(path, f"{missing[0]!r} is missing")
        return found

    def fields(self, arm: str):
        """The fields of one arm as an xarray Dataset, lazily loaded."""
        import xarray

        path = self.folder / "arms" / arm / "fields.zarr"
        try:
            return xarray.open_zarr(path, consolidated=False)
        except Exception as error:  # zarr and xarray raise nearly every kind of error on a damaged store
            raise _damaged(path, str(error)) from error

    def series(self, arm: str) -> dict[str, np.ndarray]:
        """The time series of one arm by column name."""
        path = self.folder / "arms" / arm / "series.csv"
        try:
            with open(path, newline="") as file:
                rows = list(csv.DictReader(file))
            return {name: np.array([float(row[name]) for row in rows]) for name in (rows[0] if rows else ())}
        except (OSError, ValueError, TypeError) as error:
            raise _damaged(path, str(error)) from error


def open_record(folder: str | Path) -> Record:
    """Open what `run` wrote. Raises BadInput where the folder holds no record of a known schema."""
    folder = Path(folder)
    path = folder / "record.json"
    about = read_json(path)
    if about.get("schema") != SCHEMA:
        raise BadInput(
            f"{folder}: record of schema {about.get('schema')!r}, this version reads {SCHEMA}; run the case again"
        )
    if missing := [key for key in _RECORD_KEYS if key not in about]:
        raise _damaged(path, f"{missing[0]!r} is missing")
    arms = about["arms"]
    if not isinstance(arms, list) or not all(isinstance(arm, str) and NAME.fullmatch(arm) for arm in arms):
        raise _damaged(path, "'arms' is no list of names")  # names become folders, which must lie in the record
    return Record(folder, about)
