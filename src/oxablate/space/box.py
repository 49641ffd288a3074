"""Boxes of voxels, six integers (i0, i1, j0, j1, k0, k1), half open; all zeros when empty."""

import numpy as np

from ..numerics.jit import njit


@njit()
def occupied_box(first, second, grown):
    """Bounding box (i0, i1, j0, j1, k0, k1), half open, of the voxels where either field is not 0, grown by one."""
    nx, ny, nz = first.shape
    low, high = np.array([nx, ny, nz]), np.array([-1, -1, -1])
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if first[i, j, k] != 0.0 or second[i, j, k] != 0.0:
                    low[0], low[1], low[2] = min(low[0], i), min(low[1], j), min(low[2], k)
                    high[0], high[1], high[2] = max(high[0], i), max(high[1], j), max(high[2], k)
    if high[0] < 0:
        grown[:] = 0
        return
    for axis in range(3):
        grown[2 * axis] = max(low[axis] - 1, 0)
        grown[2 * axis + 1] = min(high[axis] + 2, first.shape[axis])


def unite_boxes(reached: np.ndarray, box: np.ndarray) -> None:
    """Grow `reached` in place to the smallest box that also holds `box`; an empty box is all zeros."""
    if not box.any():
        return
    if not reached.any():
        reached[:] = box
        return
    reached[::2] = np.minimum(reached[::2], box[::2])
    reached[1::2] = np.maximum(reached[1::2], box[1::2])
