"""A tilted or unevenly spaced stack on an even, right-angled grid, by linear interpolation.

value(x, y, z) = (1 - w) A(x, y) + w B(x, y),  w = (z - z_A) / (z_B - z_A)

A, B: the planes below and above, each interpolated linearly between its own voxels at the true place (x, y). A value
that is linear in space is reproduced exactly; between planes that are far apart, detail is made up.
"""

import numpy as np

from .slices import SlicePlanes


def resampled(data: np.ndarray, slices: SlicePlanes, out: np.ndarray) -> float:
    """Fill `out` (float, slices.even_shape) from `data` (slices.shape), outside the slices with its smallest value.

    Returns the share of voxels that lie outside.
    """
    fill, outside, shifts = float(data.min()), 0, slices.shifts
    for k in range(out.shape[2]):
        value = 0.0
        for plane, part in slices.mix(k):
            value = value + part * moved(data[:, :, plane], shifts[plane], out.shape[:2])
        empty = np.isnan(value)
        outside += int(empty.sum())
        value[empty] = fill
        out[:, :, k] = value
    return outside / out.size


def moved(plane: np.ndarray, shift, shape: tuple[int, int]) -> np.ndarray:
    """A plane (nx, ny) moved by `shift` pixels onto `shape`, linear between its pixels, NaN where it does not reach."""
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
