"""What a needle passes on its way, and what its openings lie in."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ..quantities.refusal import BadInput
from ..space.grid import VoxelGrid
from .needle import Point
from .needles import Course

_STEPS = 4  # samples per voxel edge along the shaft
_ROUNDING = 1e-9  # of a voxel: openings written as a voxel apart are


def _shown(point: Point) -> str:
    return "(" + ", ".join(f"{1e3 * x:.1f}" for x in point) + ") mm"


def _held(grid: VoxelGrid, mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which points (n, 3) lie in voxels of a mask; none outside the grid."""
    index = np.rint(grid.world_to_index(points)).astype(int)
    inside = ((index >= 0) & (index < np.asarray(grid.shape))).all(-1)
    index = np.clip(index, 0, np.asarray(grid.shape) - 1)
    return inside & mask[tuple(index.T)]


def shaft_end(course: Course, grid: VoxelGrid, body: np.ndarray) -> tuple[Point, bool]:
    """Where the shaft leaves the body on its way from the tip to the entry, LPS [m], and whether it gets there.

    body: bool (nx, ny, nz). The point is the last one that still lies in the body, to a quarter of a voxel, so that the
    track can be followed up to it. False where the grid ends first: the track then goes on beyond what is computed.
    Raises BadInput where the tip lies outside the body.
    """
    count = int(np.ceil(_STEPS * course.length / min(grid.spacing))) + 1
    places = np.linspace(0.0, course.length, count)
    points = np.array([course.at(distance) for distance in places])
    inside = _held(grid, body, points)
    if not inside[0]:
        raise BadInput(f"needle: its tip at {_shown(course.tip)} lies outside the body; move it into the tissue")
    last = count - 1 if inside.all() else int(np.argmin(inside)) - 1
    ends_in_air = last == count - 1 or grid.contains(points[last + 1])
    return tuple(float(x) for x in points[last]), ends_in_air


def check_course(
    course: Course, openings: Sequence[Point], grid: VoxelGrid, body: np.ndarray, bone: np.ndarray, vessel: np.ndarray
) -> tuple[str, ...]:
    """What to warn of: openings in air or in a vessel. Raises BadInput for a shaft through bone or off the grid.

    openings: LPS [m]. body, bone, vessel: bool (nx, ny, nz); where nobody drew bone or vessels, masks without a voxel.
    """
    count = int(np.ceil(_STEPS * course.length / min(grid.spacing))) + 1
    shaft = np.array([course.at(distance) for distance in np.linspace(0.0, course.length, count)])
    through = _held(grid, bone, shaft)
    if through.any():
        first = tuple(shaft[np.flatnonzero(through)[-1]])
        raise BadInput(f"needle: its shaft passes through bone at {_shown(first)}; choose another entry or tip")
    warnings = []
    for point in openings:
        if not grid.contains(point):
            raise BadInput(
                f"needle: its opening at {_shown(point)} lies outside the image; move it inside, or use a larger image"
            )
        here = np.array([point])
        if _held(grid, vessel, here)[0]:
            warnings.append(f"the needle opens inside a large vessel at {_shown(point)}: fluid may go with the blood")
        elif not _held(grid, body, here)[0]:
            warnings.append(f"the needle opens in air at {_shown(point)}: fluid from there is lost")
    return tuple(warnings)


def check_spacing(openings: Sequence[Point], grid: VoxelGrid) -> None:
    """Raise BadInput where two openings are closer than the longest edge of a voxel, so that the grid sees one."""
    for one, two in combinations(openings, 2):
        apart = float(np.linalg.norm(np.subtract(one, two)))
        if apart < max(grid.spacing) * (1.0 - _ROUNDING):
            raise BadInput(
                f"needle openings at {_shown(one)} and {_shown(two)} are {1e3 * apart:.2g} mm apart, less than a voxel "
                f"({1e3 * max(grid.spacing):.2g} mm); space them out, merge them, or use smaller voxels"
            )


def check_volume(volume: float, body_volume: float) -> None:
    """Raise BadInput where more is to be given [m3] than the whole body part on the grid holds [m3]."""
    if volume > body_volume:
        raise BadInput(
            f"injection volume: {1e6 * volume:g} mL is more than the body part on the grid, {1e6 * body_volume:g} mL; "
            "give less, or use a larger image"
        )
