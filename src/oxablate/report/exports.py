"""Fields of a record as files that other programs open: NIfTI on the input's own voxels, .vti on the computing grid.

DIR/arms/NAME/nifti/FIELD.nii.gz    one file per field, on the voxels of the input image
DIR/arms/NAME/nifti/computed.nii.gz 1 where the image lies in the computing grid, 0 outside it
DIR/arms/NAME/nifti/fields.json     by file: what it is, unit, time, value outside the computing grid
DIR/arms/NAME/vtk/fields.vti        all fields on the computing grid, for ParaView

With all times, names end in the number of the kept time: FIELD_0003.nii.gz, fields_0003.vti.
"""

from pathlib import Path

import numpy as np

from ..protocol.record import Record, open_record, write_json
from ..quantities.refusal import BadInput, nearest
from ..quantities.research_only import RESEARCH_ONLY
from ..space.files import write_image
from ..space.grid import VoxelGrid
from ..space.image import ImageGeometry
from ..space.resample import to_image
from ..space.vti import write_vti
from .scene import grid_of

TIMES = ("last", "all")

#: What untouched tissue has; written outside the computing grid, where nothing was computed. All other fields: 0.
_AT_REST = {"volume_ratio": 1.0, "vessel_fraction": 1.0}
_COMPUTED = "1 inside the computing grid, 0 outside, where nothing was computed"


def export(folder: str | Path, times: str = "last") -> list[Path]:
    """Write the fields of every arm of a record; see the head of this file and `oxablate.report.export`."""
    if times not in TIMES:
        raise BadInput(f"--times: {times!r} came, {' or '.join(map(repr, TIMES))} is allowed; {nearest(times, TIMES)}")
    record = open_record(folder)
    geometry = source_geometry(record)
    there = [arm for arm in record.arms if (record.folder / "arms" / arm / "fields.zarr").is_dir()]
    if not there:
        raise BadInput(f"{record.folder}: no arm of this run has fields yet; let it go on with `oxablate run --resume`")
    return [path for arm in there for path in _export_arm(record, arm, geometry, times)]


def source_geometry(record: Record) -> ImageGeometry:
    """Where the voxels of the input image lie."""
    source = record.about["subject"]["source"]
    return ImageGeometry(
        tuple(source["shape"]), tuple(source["spacing_mm"]), tuple(source["origin_lps_mm"]),
        tuple(tuple(row) for row in source["direction_matrix"]),
    )  # fmt: skip


def _export_arm(record: Record, arm: str, geometry: ImageGeometry, times: str) -> list[Path]:
    """All files of one arm."""
    data, home = record.fields(arm), record.folder / "arms" / arm
    grid, count = grid_of(data), data.sizes["time"]
    chosen = range(count) if times == "all" else [count - 1]
    nifti, vtk = home / "nifti", home / "vtk"
    nifti.mkdir(exist_ok=True)
    vtk.mkdir(exist_ok=True)
    written, said = [], {}
    for number in chosen:
        ending = f"_{number:04d}" if times == "all" else ""
        fields = fields_at(data, number)
        labelled = {(name, unit): values for name, (values, unit, _) in fields.items()}
        written.append(write_vti(vtk / f"fields{ending}.vti", grid, labelled))
        for name, (values, unit, what) in fields.items():
            still = name in data and "time" not in data[name].dims
            if still and number != chosen[0]:
                continue
            path = nifti / f"{name}{'' if still else ending}.nii.gz"
            fill = _AT_REST.get(name, 0.0)
            written.append(write_image(path, on_image(values, grid, geometry, fill)))
            time = None if still else float(data["time"][number])
            said[path.name] = {"what": what, "unit": unit, "time_s": time, "outside_the_grid": fill}
    inside = on_image(np.ones(grid.shape, np.uint8), grid, geometry, 0)
    written.append(write_image(nifti / "computed.nii.gz", inside))
    said["computed.nii.gz"] = {"what": _COMPUTED, "unit": "1", "time_s": None, "outside_the_grid": 0.0}
    write_json(nifti / "fields.json", {"research_only": RESEARCH_ONLY, "files": said})
    return [*written, nifti / "fields.json"]


def fields_at(data, number: int) -> dict[str, tuple[np.ndarray, str, str]]:
    """Every field at a kept time by name: values on the grid, unit, what it is. Several pots have a field each."""
    found = {}
    for name in sorted(data.data_vars):
        variable = data[name]
        values = variable.isel(time=number).values if "time" in variable.dims else variable.values
        unit, what = variable.attrs["units"], variable.attrs["long_name"]
        if values.ndim == 4 and values.shape[0] == 1:
            values = values[0]
        if values.ndim == 3:
            found[name] = (values, unit, what)
        else:
            found |= {f"{name}_pot{n}": (pot, unit, f"{what}, pot {n}") for n, pot in enumerate(values)}
    return found


def on_image(values: np.ndarray, grid: VoxelGrid, geometry: ImageGeometry, fill: float):
    """A field on the voxels of the input image: labels from the nearest voxel, others linearly, in single precision."""
    labels = values.dtype.kind in "iu"
    image = to_image(values, grid, geometry, fill, nearest=labels)
    return image if labels else type(image)(image.data.astype(np.float32), image.geometry)
