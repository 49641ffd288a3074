"""Slices as radiologists look at them: which way up, which side left, on grids of any orientation.

Axial slices are seen from the feet (the patient's left is on the right of the picture), coronal ones from the front,
sagittal ones from the patient's left (front on the left of the picture).
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

#: Letters of the patient's axes in LPS: (negative end, positive end).
ENDS = (("R", "L"), ("A", "P"), ("I", "S"))

#: Name, patient axis across the slice, patient axis to the right of the picture, to its top, and their signs.
_VIEWS = (("axial", 2, (0, 1), (1, -1)), ("coronal", 1, (0, 1), (2, 1)), ("sagittal", 0, (1, 1), (2, 1)))

#: Beyond this angle [degrees] a slice along the grid is called oblique.
OBLIQUE = 5.0


@dataclass(frozen=True)
class Plane:
    """How to cut a grid and turn the slice for display.

    name: "axial", "coronal", "sagittal". across, right, up: grid axes across the slice, to the right of the picture and
    to its top. flip_right, flip_up: whether the grid index falls in that direction. tilt: largest angle [degrees]
    between a grid axis and the patient axis it stands for.
    """

    name: str
    across: int
    right: int
    up: int
    flip_right: bool
    flip_up: bool
    tilt: float

    @property
    def title(self) -> str:
        """The name, with the tilt where the grid is oblique."""
        return self.name if self.tilt < OBLIQUE else f"{self.name}, {self.tilt:.0f}\u00b0 oblique"

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """Letters at the left, right, bottom and top edge of the picture."""
        _, _, (right, right_sign), (up, up_sign) = next(view for view in _VIEWS if view[0] == self.name)
        horizontal, vertical = ENDS[right][:: int(right_sign)], ENDS[up][:: int(up_sign)]
        return horizontal[0], horizontal[1], vertical[0], vertical[1]

    def cut(self, field: np.ndarray, at: tuple[int, int, int]) -> np.ndarray:
        """The slice of a field (nx, ny, nz) through voxel `at`, rows from bottom to top, columns from left to right."""
        slab = np.take(field, at[self.across], axis=self.across)
        if self.up > self.right:
            slab = slab.T
        return slab[:: -1 if self.flip_up else 1, :: -1 if self.flip_right else 1]

    def position(self, index, shape) -> tuple[float, float]:
        """Where a continuous voxel index lies in the picture, in voxels: (to the right, to the top)."""
        right, up = float(index[self.right]), float(index[self.up])
        if self.flip_right:
            right = shape[self.right] - 1 - right
        if self.flip_up:
            up = shape[self.up] - 1 - up
        return right, up


def planes(direction) -> tuple[Plane, Plane, Plane]:
    """The axial, coronal and sagittal plane of a grid.

    direction: (3, 3), its columns are the unit vectors of the i, j, k axes in LPS. Each grid axis stands for the
    patient axis it is nearest to, one for one.
    """
    cosines = np.asarray(direction, float)
    axis_of = max(permutations(range(3)), key=lambda order: sum(abs(cosines[p, order[p]]) for p in range(3)))
    nearest = [min(1.0, abs(float(cosines[p, axis_of[p]]))) for p in range(3)]
    tilt = float(np.degrees(np.arccos(min(nearest))))
    found = []
    for name, across, (right, right_sign), (up, up_sign) in _VIEWS:
        flip_right = cosines[right, axis_of[right]] * right_sign < 0
        flip_up = cosines[up, axis_of[up]] * up_sign < 0
        found.append(Plane(name, axis_of[across], axis_of[right], axis_of[up], bool(flip_right), bool(flip_up), tilt))
    return tuple(found)
