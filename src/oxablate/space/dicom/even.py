"""A tilted or unevenly spaced stack on an even, right-angled grid, by linear interpolation.

value(x, y, z) = (1 - w) A(x, y) + w B(x, y),  w = (z - z_A) / (z_B - z_A)

A, B: the planes below and above, each interpolated linearly between its own voxels at the true place (x, y). A value
that is linear in space is reproduced exactly; between planes that are far apart, detail is made up.
"""

import numpy as np

from .stack import Stack


def even_layout(stack: Stack, extent: tuple[int, int]) -> tuple[tuple[int, int, int], np.ndarray, float]:
    """(shape, first voxel relative to the first plane's [pixels] along row and column, step [mm]) of the even grid.

    The grid holds every plane; its step is the usual distance of planes (the lower median).
    """
    steps = np.sort(np.diff(stack.heights))
    step = float(steps[(len(steps) - 1) // 2])
    shifts = stack.aside / np.asarray(stack.spacing)
    low = np.floor(shifts.min(axis=0) + 1e-6)
    grown = np.ceil(shifts.max(axis=0) - 1e-6) - low
    count = int(np.floor(stack.heights[-1] / step + 1e-6)) + 1
    return (extent[0] + int(grown[0]), extent[1] + int(grown[1]), count), low, step


def resampled(data: np.ndarray, stack: Stack, shape, low: np.ndarray, step: float, out: np.ndarray) -> float:
    """Fill `out` (float, `shape`) from `data` (nx, ny, planes), outside the planes with its smallest value.

    Returns the share of voxels that lie outside.
    """
    fill, outside = float(data.min()), 0
    shifts = stack.aside / np.asarray(stack.spacing) - low
    for k in range(shape[2]):
        below = int(np.clip(np.searchsorted(stack.heights, k * step, side="right") - 1, 0, len(stack.planes) - 2))
        gap = stack.heights[below + 1] - stack.heights[below]
        weight = float(np.clip((k * step - stack.heights[below]) / gap, 0.0, 1.0))
        value = 0.0
        for plane, part in ((below, 1.0 - weight), (below + 1, weight)):
            if part > 1e-9:
                value = value + part * _moved(data[:, :, plane], shifts[plane], shape[:2])
        empty = np.isnan(value)
        outside += int(empty.sum())
        value[empty] = fill
        out[:, :, k] = value
    return outside / out.size


def _moved(plane: np.ndarray, shift, shape: tuple[int, int]) -> np.ndarray:
    """A plane (nx, ny) moved by `shift` pixels onto `shape`, NaN where it does not reach."""
    value = plane.astype(float)
    for axis in (0, 1):
        at = np.arange(shape[axis]) - shift[axis]
        last = plane.shape[axis] - 1
        floor = np.clip(np.floor(at + 1e-9).astype(int), 0, max(last - 1, 0))
        part = np.clip(at - floor, 0.0, 1.0)
        lower, upper = (np.take(value, np.minimum(floor + one, last), axis=axis) for one in (0, 1))
        part = part[:, None] if axis == 0 else part
        value = (1.0 - part) * lower + part * upper
        off = (at < -1e-6) | (at > last + 1e-6)
        value[(off, slice(None)) if axis == 0 else (slice(None), off)] = np.nan
    return value
