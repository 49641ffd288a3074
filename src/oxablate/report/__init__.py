"""A page from a record: the report, its figures, exports for image viewers, and the references a run owes.

Nothing heavy is imported until one of these is called.
"""

from pathlib import Path


def report(folder: str | Path) -> Path:
    """Write DIR/report.html, one page without outside resources, and return its path.

    folder: what `run` wrote. The same record gives the same bytes. Raises BadInput where the folder holds no record, or
    one without any outcome.
    """
    from .page import report as write

    return write(folder)


def export(folder: str | Path, times: str = "last") -> list[Path]:
    """Write the fields as NIfTI files on the input's own voxels and as .vti files on the computing grid.

    folder: what `run` wrote. times: "last" or "all" of the kept ones. Returns the paths. Raises BadInput where the
    folder holds no record, or for another word.
    """
    from .exports import export as write

    return write(folder, times)


def cite(folder: str | Path) -> list:
    """The references (`quantities.cite.Reference`) a run owes: this software, its numbers, its methods.

    folder: what `run` wrote. Raises BadInput where it holds no record.
    """
    from .citation import cite as collect

    return collect(folder)
