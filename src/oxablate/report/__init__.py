"""A page from a record: the report, its figures, exports for image viewers, and the references a run owes.

Nothing heavy is imported until one of these is called.
"""

from collections.abc import Sequence
from pathlib import Path


def report(folder: str | Path) -> Path:
    """Write DIR/report.html, one page without outside resources, and return its path.

    folder: what `run` wrote. The same record gives the same bytes. Raises BadInput where the folder holds no record, or
    one without any outcome.
    """
    from .page import report as write

    return write(folder)


def export(
    folder: str | Path,
    times: str = "last",
    forms: Sequence[str] = ("nifti", "vti", "csv"),
    dicom: str | Path | None = None,
    arm: str | None = None,
) -> list[Path]:
    """Write a record as files that other programs open, and return their paths.

    folder: what `run` wrote. times: "last" or "all" of the kept ones. forms: of "nifti" (fields on the input's own
    voxels), "vti" (fields on the computing grid), "csv" (outcomes, one row per arm), "dicom-seg" (killed and viable
    regions on the user's own DICOM series). dicom: for "dicom-seg" the folder of that series, whose patient's name
    and study are then in that file and in no other. arm: only this one. Raises BadInput where the folder holds no
    record, for other words, and where the series is not the one that the run read.
    """
    from .exports import export as write

    return write(folder, times, forms, dicom, arm)


def cite(folder: str | Path) -> list:
    """The references (`quantities.cite.Reference`) a run owes: this software, its numbers, its methods.

    folder: what `run` wrote. Raises BadInput where it holds no record.
    """
    from .citation import cite as collect

    return collect(folder)
