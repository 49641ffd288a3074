"""Killed and viable regions of a record as a DICOM Segmentation on the series that the run read.

A voxel of the input counts as killed when at least half of the cells in it are dead. Tissue is taken from the nearest
voxel of the computing grid and the killed share linearly, as in the NIfTI files. Voxels outside the computing grid
belong to no segment: nothing was computed there.
"""

from pathlib import Path

import numpy as np

from ..anatomy.tissue import Tissue, is_tumour
from ..protocol.record import Record
from ..quantities.refusal import BadInput
from ..space.dicom.reference import DicomReference
from ..space.dicom.seg_write import NECROSIS, NEOPLASM, Numbering, Place, Segment, write_segmentation
from ..space.dicom.write import Marks
from ..space.dicom.write_source import read_source
from ..space.image import ImageGeometry
from .scene import grid_of

#: Share of its cells from which a voxel counts as killed.
KILLED = 0.5
#: Number of the series of the first arm; what scanners make has lower ones.
_FIRST_SERIES = 9001
_RULE = "Simulated, research only. Killed: at least half of the cells dead"
_WHERE = "Voxels outside the computing grid are in no segment. Simulated by oxablate; research only."


def source_of(record: Record, geometry: ImageGeometry, folder: str | Path | None) -> Place:
    """The series that a run read, its headers taken from the user's own folder. Fails with `BadInput`."""
    known = record.about["subject"]["source"].get("dicom")
    if not known:
        raise BadInput(
            f"--form dicom-seg: the input of this run was no DICOM series, and a segmentation needs one to lie on; "
            f"run the case on the series itself, or export NIfTI ({record.folder})"
        )
    if folder is None:
        raise BadInput("--form dicom-seg: the folder of the series that the run read is needed; add '--dicom FOLDER'")
    try:
        reference = DicomReference(
            *(str(known[key]) for key in ("study", "series", "frame_of_reference", "sop_class")),
            tuple(map(str, known["instances"])), tuple(int(n) for n in known.get("frames") or ()),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise BadInput(
            f"{record.folder / 'record.json'} is damaged (subject.source.dicom); run the case again in a new folder"
        ) from None
    return Place(geometry, reference, read_source(folder, reference))


def write_segments(home: Path, record: Record, arm: str, data, endings: dict[int, str], source: Place) -> list[Path]:
    """One segmentation object for each kept time of an arm. endings: of the file's name, by number of the time."""
    home.mkdir(exist_ok=True)
    grid = grid_of(data)
    marks = Marks("KILLED_VIABLE", _RULE, f"oxablate {arm}")
    series = _FIRST_SERIES + record.arms.index(arm)
    written = []
    for number, ending in endings.items():
        numbering = Numbering((str(record.about["key"]), arm), series, number + 1)
        killed = data["killed"].isel(time=number).values if "killed" in data else np.zeros(grid.shape, np.float32)
        segments = regions(data["tissue"].values, killed, grid, source.geometry)
        written.append(write_segmentation(home / f"segments{ending}.dcm", segments, source, marks, numbering))
    return written


def regions(tissue: np.ndarray, killed: np.ndarray, grid, geometry: ImageGeometry) -> dict[str, Segment]:
    """The segments of a record on its image, some of them perhaps empty. They do not overlap.

    tissue, killed: labels and share of dead cells on the grid.
    """
    from .exports import on_image

    tissues = on_image(tissue, grid, geometry, 0).data
    dead = on_image(killed, grid, geometry, 0.0).data >= KILLED
    tumour = is_tumour(tissues)
    core = tissues == Tissue.NECROTIC_CORE
    rule = f"at least {100 * KILLED:.0f} % of the cells dead"
    return {
        "Killed tumour": Segment(
            tumour & dead, NECROSIS, f"Tumour as outlined, {rule} by the agent. {_WHERE}", (214, 69, 65)
        ),
        "Viable tumour": Segment(
            tumour & ~dead & ~core, NEOPLASM, f"Tumour as outlined, not {rule}. {_WHERE}", (65, 160, 90)
        ),
        "Necrotic core": Segment(
            core & ~dead, NECROSIS, f"Necrotic before the injection, as outlined. {_WHERE}", (150, 120, 90)
        ),
        "Killed outside tumour": Segment(
            (tissues != Tissue.AIR) & ~tumour & dead, NECROSIS,
            f"Tissue outside the tumour, {rule} by the agent. {_WHERE}", (230, 170, 60),
        ),
    }  # fmt: skip
