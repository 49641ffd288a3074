"""How much memory a case needs, told before anything large is made."""

import math
from pathlib import Path

from ..anatomy.phantom import phantom_geometry
from ..anatomy.tissue import is_tumour
from ..quantities.refusal import BadInput
from ..space.grid import MM
from .case import Case, naming
from .recipe import read_recipe

#: Bytes per voxel of all fields, workspaces and the multigrid hierarchy, measured on the injection benchmark.
BYTES_PER_VOXEL = 520
#: Bytes of the interpreter with its libraries and compiled kernels.
BASE_BYTES = 350_000_000


def expected_shape(case: Case, folder: Path) -> tuple[int, int, int]:
    """Voxels of the computing grid, without making it."""
    if case.subject.phantom is not None:
        spacing = case.subject.phantom.spacing / MM
        return phantom_geometry(read_recipe(case.subject.phantom.recipe), (spacing,) * 3).shape
    from ..anatomy.scan import BodyEverywhere, read_scan
    from ..space.resample import computing_grid
    from ..storage.inside import inside_folder

    scan = case.subject.scan
    with naming("subject.scan"):
        image = inside_folder(scan.image, folder, "subject.scan.image")
        labels = inside_folder(scan.labels, folder, "subject.scan.labels")
        read = read_scan(image, labels, scan.label_names, BodyEverywhere())
        grid, _ = computing_grid(read.image.geometry, is_tumour(read.tissues), scan.spacing / MM, scan.margin / MM)
    return grid.shape


def memory_needed(shape: tuple[int, int, int]) -> int:
    """Bytes a run on a grid of this shape takes at its peak."""
    return BASE_BYTES + BYTES_PER_VOXEL * math.prod(shape)


def require_memory(case: Case, folder: Path) -> tuple[int, int]:
    """Bytes needed and available; BadInput, with both, when the case does not fit."""
    shape = expected_shape(case, folder)
    return require_bytes(shape, memory_needed(shape))


def require_bytes(shape: tuple[int, ...], needed: int) -> tuple[int, int]:
    """`needed` bytes for a grid of this shape and those available; BadInput, with both, when they do not fit."""
    import psutil

    available = int(psutil.virtual_memory().available)
    if needed > available:
        raise BadInput(
            f"a grid of {' x '.join(map(str, shape))} voxels needs {needed / 1e9:.1f} GB of memory and "
            f"{available / 1e9:.1f} GB is available; take a larger spacing or a smaller margin"
        )
    return needed, available
