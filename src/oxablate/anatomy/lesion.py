"""A synthetic lesion put into a real organ: geometry only, labelled as what it is."""

from dataclasses import dataclass

import numpy as np

from ..quantities.refusal import BadInput
from ..space.image import ImageGeometry


@dataclass(frozen=True, eq=False)
class SyntheticLesion:
    """A ball in an organ. mask: its voxels. centre_mm: LPS [mm]. diameter_mm. depth_mm: of its centre in the organ."""

    mask: np.ndarray
    centre_mm: tuple[float, float, float]
    diameter_mm: float
    depth_mm: float


def put_lesion(organ: np.ndarray, geometry: ImageGeometry, diameter_mm: float) -> SyntheticLesion:
    """A ball of voxels round the place of an organ that is deepest below its surface.

    |x - c| < d/2,  c: the voxel of the organ with the largest distance to anything else

    organ: bool (nx, ny, nz); the image's own edge counts as surface. d: diameter_mm [mm]. Of several deepest voxels
    the first in the order of the array is taken. Raises BadInput where the ball does not fit with one voxel to spare.
    """
    from scipy.ndimage import distance_transform_edt

    spacing = np.asarray(geometry.spacing)
    depth = distance_transform_edt(np.pad(organ, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    index = np.unravel_index(int(np.argmax(depth)), depth.shape)
    deepest, spare = float(depth[index]), float(spacing.max())
    least, most = 2.0 * spare, 2.0 * (deepest - spare)
    if not least <= diameter_mm <= most:
        raise BadInput(
            f"a lesion of {diameter_mm:g} mm came; {least:g} to {most:.3g} mm are allowed here, between two voxels and "
            "what fits into the organ; choose another diameter"
        )
    offsets = [(np.arange(n) - i) * s for n, i, s in zip(organ.shape, index, spacing, strict=True)]
    x, y, z = np.meshgrid(*offsets, indexing="ij", sparse=True)
    mask = x**2 + y**2 + z**2 < (0.5 * diameter_mm) ** 2
    centre = tuple(float(v) for v in geometry.index_to_world_mm(np.asarray(index, float)))
    return SyntheticLesion(mask, centre, diameter_mm, deepest)
