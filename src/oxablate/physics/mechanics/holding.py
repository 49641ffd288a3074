"""Whether the supports hold the body: a piece that hangs free, or a row that nothing keeps, has no single answer."""

import numpy as np

from ...numerics.elastic import Sides
from ...quantities.refusal import BadInput
from .closures import Fixed, Held, Plate, Roller, Support


def sides_of(supports: tuple[Support, ...]) -> tuple[Sides, tuple[int, ...]]:
    """What the supports do to the normal and the tangential displacement, and which faces are plates."""
    still = tuple(isinstance(s, Fixed | Held | Roller) for s in supports)
    sticky = tuple(isinstance(s, Fixed | Held) for s in supports)
    return Sides(still, sticky), tuple(n for n, s in enumerate(supports) if isinstance(s, Plate))


def refuse_loose(solid: np.ndarray, edges: tuple[np.ndarray, ...], sides: Sides) -> None:
    """Raise BadInput when some piece of the body can move without resistance.

    Every piece connected through faces must touch walls that hold it along each axis. Every row of voxels along an axis
    must have shear stiffness somewhere along it, or end on a wall. solid: (nx, ny, nz) bool; edges: (txy, txz, tyz).
    """
    from scipy.ndimage import label, sum_labels

    pieces, count = label(solid)
    for piece in range(1, count + 1):
        free = _free_axes(pieces == piece, sides)
        if free:
            at = tuple(int(n) for n in np.argwhere(pieces == piece)[0])
            raise BadInput(
                f"the piece of the body that holds voxel {at} is not held along {', '.join('xyz'[a] for a in free)}; "
                "every piece must touch walls that hold all three axes: add a roller or fix a face, or remove the piece"
            )
    for axis in range(3):
        along = np.zeros((3, 3, 3), int)
        along[tuple(slice(None) if a == axis else 1 for a in range(3))] = 1
        rows, count = label(solid, along)
        kept = sum_labels(_kept(solid, edges, sides, axis), rows, np.arange(1, count + 1))
        if np.any(kept == 0):
            at = tuple(int(n) for n in np.argwhere(rows == int(np.argmin(kept)) + 1)[0])
            raise BadInput(
                f"the row of voxels along {'xyz'[axis]} through voxel {at} is one voxel thin and nothing holds it; "
                "parts need two voxels across to carry shear: thicken the part or remove it"
            )


def _free_axes(piece: np.ndarray, sides: Sides) -> list[int]:
    """Axes along which no wall that the piece touches holds it."""
    held = [False, False, False]
    for number in range(6):
        axis, end = divmod(number, 2)
        if not np.take(piece, -end, axis=axis).any():
            continue
        held[axis] |= sides.still[number]
        if sides.sticky[number]:
            held = [True, True, True]
    return [axis for axis in range(3) if not held[axis]]


def _kept(solid: np.ndarray, edges: tuple[np.ndarray, ...], sides: Sides, axis: int) -> np.ndarray:
    """Per voxel: how many of its edges carry shear against a motion along `axis`, and whether it touches a wall."""
    kept = np.zeros(solid.shape)
    for pair, weights in zip(((0, 1), (0, 2), (1, 2)), edges, strict=True):
        if axis in pair:
            carries = (weights > 0).astype(float)
            for a in pair:
                n = solid.shape[a]
                carries = np.take(carries, range(n), axis=a) + np.take(carries, range(1, n + 1), axis=a)
            kept += carries
    for number in (2 * axis, 2 * axis + 1):
        if sides.still[number]:
            kept[tuple(slice(None) if a != axis else -(number % 2) for a in range(3))] += 1
    return np.where(solid, kept, 0.0)
