"""A record as files that other programs open: NIfTI on the input's own voxels, .vti on the computing grid, and more.

DIR/outcomes.csv                     one row per arm: what it came to
DIR/arms/NAME/nifti/FIELD.nii.gz     one file per field, on the voxels of the input image
DIR/arms/NAME/nifti/computed.nii.gz  1 where the image lies in the computing grid, 0 outside it
DIR/arms/NAME/nifti/fields.json      by file: what it is, unit, time, value outside the computing grid
DIR/arms/NAME/vtk/fields.vti         all fields on the computing grid, for ParaView
DIR/arms/NAME/dicom-seg/segments.dcm killed and viable regions on the user's own DICOM series (only when asked for)

With all times, names end in the number of the kept time: FIELD_0003.nii.gz, fields_0003.vti, segments_0003.dcm.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..protocol.record import Record, open_record, write_json
from ..quantities.refusal import BadInput, nearest
from ..quantities.research_only import RESEARCH_ONLY
from ..space.files import write_image
from ..space.grid import VoxelGrid
from ..space.image import Image, ImageGeometry
from ..space.resample import to_image
from ..space.vti import write_vti
from .export_table import outcome_rows, write_outcomes
from .scene import grid_of

TIMES = ("last", "all")
FORMS = ("nifti", "vti", "csv", "dicom-seg")
#: What is written when nobody asks for anything else: nothing that needs a person's headers.
USUAL = ("nifti", "vti", "csv")

#: What untouched tissue has; written outside the computing grid, where nothing was computed. All other fields: 0.
_AT_REST = {"volume_ratio": 1.0, "vessel_fraction": 1.0}
#: What holds fluid in a voxel whose tissue can crack, in the order of the record.
_POTS = ("pores", "cracks")
_COMPUTED = "1 inside the computing grid, 0 outside, where nothing was computed"


def export(
    folder: str | Path,
    times: str = "last",
    forms: Sequence[str] = USUAL,
    dicom: str | Path | None = None,
    arm: str | None = None,
) -> list[Path]:
    """Write a record in the forms asked for; see the head of this file and `oxablate.report.export`.

    Everything that can be refused is refused before the first file is written.
    """
    _require_known("--times", [times], TIMES)
    _require_known("--form", forms, FORMS)
    record = open_record(folder)
    if arm is not None:
        _require_known("--arm", [arm], record.arms)
    geometry = source_geometry(record)
    there = [name for name in record.arms if (record.folder / "arms" / name / "fields.zarr").is_dir()]
    if not there:
        raise BadInput(f"{record.folder}: no arm of this run has fields yet; let it go on with `oxablate run --resume`")
    if arm not in (None, *there):
        raise BadInput(f"--arm: {arm} has no fields yet, {', '.join(there)} have; let the run go on with --resume")
    source = None
    if "dicom-seg" in forms:
        from .export_seg import source_of

        source = source_of(record, geometry, dicom)
    elif dicom is not None:
        raise BadInput("--dicom: a folder came, but no form that needs it; add '--form dicom-seg', or leave it out")
    opened = {name: record.fields(name) for name in ([arm] if arm else there)}
    rows = outcome_rows(record, needed=tuple(forms) != USUAL) if "csv" in forms else []
    written = write_outcomes(record, rows)
    for name, data in opened.items():
        written += _export_arm(record, name, data, geometry, times, forms, source)
    return written


def _require_known(option: str, words, allowed) -> None:
    """Refuse an option with a word that is not allowed, or without any."""
    for word in words or [""]:
        if word not in allowed:
            expected = " or ".join(map(repr, allowed))
            near = nearest(word, allowed)
            remedy = near if near.startswith("did") else "write one of them"
            raise BadInput(f"{option}: {word!r} came, {expected} is allowed; {remedy}")


def source_geometry(record: Record) -> ImageGeometry:
    """Where the voxels of the input image lie."""
    source = record.about["subject"]["source"]
    return ImageGeometry(
        tuple(source["shape"]), tuple(source["spacing_mm"]), tuple(source["origin_lps_mm"]),
        tuple(tuple(row) for row in source["direction_matrix"]),
    )  # fmt: skip


def _export_arm(record: Record, arm: str, data, geometry: ImageGeometry, times: str, forms, source) -> list[Path]:
    """All files of one arm."""
    home = record.folder / "arms" / arm
    count = data.sizes["time"]
    chosen = range(count) if times == "all" else [count - 1]
    endings = {number: f"_{number:04d}" if times == "all" else "" for number in chosen}
    written = []
    if "vti" in forms:
        written += _write_grids(home / "vtk", data, endings)
    if "nifti" in forms:
        written += _write_images(home / "nifti", data, endings, geometry)
    if source is not None:
        from .export_seg import write_segments

        written += write_segments(home / "dicom-seg", record, arm, data, endings, source)
    return written


def _write_grids(home: Path, data, endings: dict[int, str]) -> list[Path]:
    """All fields on the computing grid, a .vti file for each time."""
    home.mkdir(exist_ok=True)
    grid, written = grid_of(data), []
    for number, ending in endings.items():
        labelled = {(name, unit): values for name, (values, unit, _) in fields_at(data, number).items()}
        written.append(write_vti(home / f"fields{ending}.vti", grid, labelled))
    return written


def _write_images(home: Path, data, endings: dict[int, str], geometry: ImageGeometry) -> list[Path]:
    """Fields on the voxels of the input image, a NIfTI file for each field and time, and a list of what they are."""
    home.mkdir(exist_ok=True)
    grid, written, said = grid_of(data), [], {}
    for number, ending in endings.items():
        for name, (values, unit, what) in fields_at(data, number).items():
            still = name in data and "time" not in data[name].dims
            if still and number != next(iter(endings)):
                continue
            path = home / f"{name}{'' if still else ending}.nii.gz"
            fill = _AT_REST.get(name, 0.0)
            written.append(write_image(path, on_image(values, grid, geometry, fill)))
            time = None if still else float(data["time"][number])
            said[path.name] = {"what": what, "unit": unit, "time_s": time, "outside_the_grid": fill}
    inside = on_image(np.ones(grid.shape, np.uint8), grid, geometry, 0)
    written.append(write_image(home / "computed.nii.gz", inside))
    said["computed.nii.gz"] = {"what": _COMPUTED, "unit": "1", "time_s": None, "outside_the_grid": 0.0}
    write_json(home / "fields.json", {"research_only": RESEARCH_ONLY, "files": said})
    return [*written, home / "fields.json"]


def fields_at(data, number: int) -> dict[str, tuple[np.ndarray, str, str]]:
    """Every field at a kept time by name: values on the grid, unit, what it is. Several pots have a field each."""
    found = {}
    for name in sorted(data.data_vars):
        variable = data[name]
        values = variable.isel(time=number).values if "time" in variable.dims else variable.values
        unit, what = variable.attrs["units"], variable.attrs["long_name"].partition(" (axis ")[0]
        if values.ndim == 4 and values.shape[0] == 1:
            values = values[0]
        if values.ndim == 3:
            found[name] = (values, unit, what)
        else:
            pots = _POTS if len(values) == len(_POTS) else tuple(f"pot{n}" for n in range(len(values)))
            found |= {f"{name}_{pot}": (part, unit, f"{what}, {pot}") for pot, part in zip(pots, values, strict=True)}
    return found


def on_image(values: np.ndarray, grid: VoxelGrid, geometry: ImageGeometry, fill: float) -> Image:
    """A field on the voxels of the input image: labels from the nearest voxel, others linearly, in single precision."""
    labels = values.dtype.kind in "iu"
    image = to_image(values, grid, geometry, fill, nearest=labels)
    return image if labels else type(image)(image.data.astype(np.float32), image.geometry)
