"""Planes put in order by where they lie, and what keeps them from being one even, right-angled grid.

height of a plane: h = n . p,  n = row x column,  p = ImagePositionPatient
even:              |h_k - (h_0 + k s)| <= t s,  s = (h_last - h_0) / (count - 1)
upright:           |(p_k - p_0) - (h_k - h_0) n| <= t * smallest in-plane spacing

t: `image.SAME_PLACE`. Names of files, instance numbers, slice locations and the slice thickness are not used: scanners
number slices in any order, and overlapping slices are thicker than their distance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...quantities.refusal import BadInput
from ..image import SAME_PLACE
from .planes import Plane
from .tags import printable

_WORTH_A_NOTE = 1e-3  # of a voxel: what is off by more is told, though it is allowed
_REMEDY = "or ask for resampling to an even grid (uneven_slices: resample)"


@dataclass(frozen=True, eq=False)
class Stack:
    """Planes in the order of their height.

    planes: lowest first. rows: unit vectors in columns (row, column, normal), (3, 3). spacing: (between columns,
    between rows) [mm]. heights: along the normal from the first plane [mm], (n,). aside: displacement in the plane from
    the first plane's normal [mm], along row and column, (n, 2). notes: sentences on what is off but allowed.
    """

    planes: tuple[Plane, ...]
    axes: np.ndarray
    spacing: tuple[float, float]
    heights: np.ndarray
    aside: np.ndarray
    notes: tuple[str, ...]

    @property
    def step(self) -> float:
        """Mean distance of neighbouring planes [mm]."""
        return float(self.heights[-1] / (len(self.planes) - 1))


def ordered(planes: Sequence[Plane], extent: tuple[int, int], where: str) -> Stack:
    """The planes of one series in order; they may still be uneven, see `unevenness`.

    extent: (columns, rows). Fails with `BadInput` for a single plane, mixed orientation or spacing (naming the odd
    one), several planes at one place.
    """
    if len(planes) < 2:
        raise BadInput(
            f"{where} holds one slice, so the distance of slices is unknown; name the folder of the whole series"
        )
    spacing = _agreed_spacing(planes, extent)
    axes = _agreed_axes(planes, extent, spacing)
    positions = np.array([plane.position for plane in planes])
    # Differences from the first plane, so that far-off origins cost no digits.
    heights = (positions - positions[0]) @ axes[:, 2]
    order = np.argsort(heights, kind="stable")
    planes, heights, positions = tuple(planes[k] for k in order), heights[order], positions[order]
    _require_one_per_place(planes, np.diff(heights), min(spacing), where)
    aside = (positions - positions[0]) @ axes[:, :2]
    stack = Stack(planes, axes, spacing, heights - heights[0], aside, ())
    return Stack(planes, axes, spacing, stack.heights, aside, tuple(_slightly_off(stack)))


def _agreed_spacing(planes: Sequence[Plane], extent: tuple[int, int]) -> tuple[float, float]:
    """In-plane spacing [mm] that all planes share: the middle one, so that one odd plane cannot move it."""
    found = np.array([plane.spacing for plane in planes])
    middle = np.sort(found, axis=0)[len(found) // 2]
    off = np.abs(found - middle) * np.asarray(extent) > SAME_PLACE * middle
    if np.any(off):
        odd = int(np.argmax(off.any(axis=1)))
        raise BadInput(
            f"{planes[odd].name} has voxels of {_shown(found[odd])} mm where most of the series have "
            f"{_shown(middle)} mm; put each series in its own folder"
        )
    return float(middle[0]), float(middle[1])


def _agreed_axes(planes: Sequence[Plane], extent: tuple[int, int], spacing: tuple[float, float]) -> np.ndarray:
    """Orthonormal row, column and normal, one per column, that all planes share."""
    found = np.array([plane.orientation for plane in planes])
    middle = np.sort(found, axis=0)[len(found) // 2]
    reach = np.repeat(np.asarray(extent) * np.asarray(spacing), 3)
    off = np.abs(found - middle) * reach > SAME_PLACE * min(spacing)
    if np.any(off):
        odd = int(np.argmax(off.any(axis=1)))
        raise BadInput(
            f"{planes[odd].name} is oriented along {_shown(found[odd])} where most of the series lie along "
            f"{_shown(middle)}; put each orientation in its own folder"
        )
    row, column = middle[:3], middle[3:]
    lengths = np.array([np.linalg.norm(row), np.linalg.norm(column)])
    if np.any(np.abs(lengths - 1.0) > 1e-4) or abs(row @ column) > 1e-4:
        raise BadInput(
            f"{planes[0].name} has ImageOrientationPatient {_shown(middle)}, which is not two unit vectors at right "
            "angles; export it again"
        )
    normal = np.cross(row, column)
    return np.stack([row / lengths[0], column / lengths[1], normal / np.linalg.norm(normal)], axis=1)


def _require_one_per_place(planes: tuple[Plane, ...], steps: np.ndarray, pixel: float, where: str) -> None:
    same = np.flatnonzero(steps <= 0.01 * pixel)
    if not same.size:
        return
    first, second = planes[same[0]], planes[same[0] + 1]
    if first.source is second.source and first.frame == second.frame:
        why = "they are the same object"
    else:
        differ = [key for key in first.marks if first.marks[key] != second.marks.get(key, "")]
        values = "; ".join(f"{key} {first.marks[key]} and {second.marks.get(key, 'none')}" for key in differ[:3])
        why = f"they differ in {printable(values, 160)}" if values else "nothing in their headers tells them apart"
    raise BadInput(
        f"{where} holds {same.size + 1} or more images where others are, first {first.name} and {second.name} ({why}); "
        "one image per place is allowed, so keep one time, echo or kind of image"
    )


def _slightly_off(stack: Stack) -> list[str]:
    along, aside = _offsets(stack)
    found = []
    if _WORTH_A_NOTE < along <= SAME_PLACE:
        found.append(f"distances of slices vary; none is off an even grid by more than {along:.2g} of their distance")
    if _WORTH_A_NOTE < aside <= SAME_PLACE:
        found.append(f"slices are shifted sideways by up to {aside:.2g} of a voxel; taken as straight")
    return found


def _offsets(stack: Stack) -> tuple[float, float]:
    """How far planes lie off an even grid along the normal [steps] and off the normal [pixels], at most."""
    even = np.arange(len(stack.planes)) * stack.step
    along = float(np.abs(stack.heights - even).max() / stack.step)
    return along, float(np.sqrt((stack.aside**2).sum(axis=1)).max() / min(stack.spacing))


def unevenness(stack: Stack) -> str:
    """What keeps a stack from being an even, right-angled grid, in words; empty where nothing does."""
    along, aside = _offsets(stack)
    if along > SAME_PLACE:
        steps = np.diff(stack.heights)
        usual = float(np.sort(steps)[(len(steps) - 1) // 2])
        wide = np.flatnonzero(steps >= 1.5 * usual)
        if wide.size:
            at = int(wide[0])
            return (
                f"slices are missing at {wide.size} place(s): between {stack.planes[at].name} at "
                f"({_shown(stack.planes[at].position)}) mm and {stack.planes[at + 1].name} at "
                f"({_shown(stack.planes[at + 1].position)}) mm lie {steps[at]:.4g} mm, "
                f"elsewhere {usual:.4g} mm; find the missing files, {_REMEDY}"
            )
        return (
            f"the distances of slices run from {steps.min():.4g} to {steps.max():.4g} mm, at most "
            f"{SAME_PLACE:.0%} off an even grid is allowed; reconstruct with even distances, {_REMEDY}"
        )
    if aside > SAME_PLACE:
        shift = float(np.sqrt((stack.aside[-1] ** 2).sum()))
        angle = np.degrees(np.arctan2(shift, stack.heights[-1]))
        return (
            f"the slices are tilted (gantry tilt) or shifted: the line through their corners is {angle:.3g} degrees "
            f"off their normal, and they lie up to {aside * min(stack.spacing):.3g} mm off a straight stack; "
            f"reconstruct without tilt, {_REMEDY}"
        )
    return ""


def _shown(values) -> str:
    return ", ".join(f"{float(v):.6g}" for v in values)
