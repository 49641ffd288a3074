"""How long a sub-step may be: the Courant number where the concentration varies, not where it is largest.

With C the fillings of a voxel that would pass in the time ahead and w = W |differences of c to its neighbours|,

    m = <ln(1 + C)>_w,   s = spread of ln(1 + C) under w,   sub-steps = (exp(m + s) - 1) / Courant number aimed at

One voxel, or one sheet, that is 1e5 times faster than the front hardly moves m and s, and where c is level w is zero.
A smooth measure (no sorting, no bins) also gives the same steps in other units.
"""

import math

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from .kernels import uint

#: Differences below this share of the species' scale do not count: they could not move the measure.
LEVEL = 1e-9


@njit(forceinline=True)
def difference(at, step, c, here, beyond, enters):
    """|c - c_next| across one face; towards fluid from outside where the grid ends (step 0) and fluid enters."""
    if step == 0:
        return abs(beyond - here) if enters else 0.0
    return abs(c[uint(at + step)] - here)


@njit_parallel()
def variation_sums(window, shape, flat, c, species, start, ahead, scale, sums):
    """Add the sums of w, w ln(1 + C) and w ln(1 + C)^2 over each i-plane of the window to `sums`, (nx, 3).

    flat: the flow tuple, flat; c: flat; species = (far field, 1 - retained); C counts the time `ahead` [s].
    """
    qx, qy, qz, needle, _, lost, out, net, volume, supplied = flat
    nx, ny, nz = shape
    i0, i1, j0, j1, k0, k1 = window
    sx = ny * nz
    for i in prange(i0, i1):
        first, second, third = 0.0, 0.0, 0.0
        for j in range(j0, j1):
            for k in range(k0, k1):
                at = i * sx + j * nz + k
                u, y, z = uint(at), at + i * nz, at + i * ny + j
                here, far = c[u], species[0]
                w = difference(at, -sx * (i > 0), c, here, far, qx[u] > 0.0)
                w += difference(at, sx * (i + 1 < nx), c, here, far, qx[uint(at + sx)] < 0.0)
                w += difference(at, -nz * (j > 0), c, here, far, qy[uint(y)] > 0.0)
                w += difference(at, nz * (j + 1 < ny), c, here, far, qy[uint(y + nz)] < 0.0)
                w += difference(at, -1 * (k > 0), c, here, far, qz[uint(z)] > 0.0)
                w += difference(at, 1 * (k + 1 < nz), c, here, far, qz[uint(z + 1)] < 0.0)
                w += abs(supplied[u] / needle[u] - here) if needle[u] > 0.0 else 0.0
                holds = volume[u] + start * net[u]
                if w <= LEVEL * scale or holds <= 0.0:
                    continue
                w *= holds / scale
                logarithm = math.log1p(ahead * (out[u] + lost[u] + max(net[u], 0.0)) / holds)
                first, second, third = first + w, second + w * logarithm, third + w * logarithm * logarithm
        sums[i, 0] += first
        sums[i, 1] += second
        sums[i, 2] += third


def courant_ahead(sums: np.ndarray) -> float:
    """The Courant number of the time ahead where the concentration varies, exp(m + s) - 1, from the plane sums."""
    first = second = third = 0.0
    for row in sums:
        first, second, third = first + row[0], second + row[1], third + row[2]
    if first <= 0.0:
        return 0.0
    mean = second / first
    return math.expm1(mean + math.sqrt(max(third / first - mean * mean, 0.0)))


def count(wanted: float, most: int) -> int:
    """Number of sub-steps: wanted, rounded up (round-off must not add one), between one and `most`."""
    return int(min(max(1.0, math.ceil(wanted * (1.0 - 1e-9))), max(1, most)))
