"""How long a sub-step may be: the Courant number where the concentration varies, not where it is largest.

With C the fillings of a voxel that would pass in the time ahead and w = W |differences of c to its neighbours|,

    m = <ln(1 + C)>_w,   s = spread of ln(1 + C) under w,   sub-steps = (exp(m + s) - 1) / Courant number aimed at

One voxel, or one sheet, that is 1e5 times faster than the front hardly moves m and s, and where c is level w is zero.
A smooth measure (no sorting, no bins) also gives the same steps in other units.
"""

import math

import numpy as np

from ...numerics.jit import njit_parallel, prange


@njit_parallel()
def variation_sums(window, c, flow, species, start, ahead, scale, sums):
    """Add the sums of w, w ln(1 + C) and w ln(1 + C)^2 over each i-plane of the window to `sums`, (nx, 3)."""
    qx, qy, qz, needle, _, lost, out, net, volume = flow
    nx, ny, nz = c.shape
    i0, i1, j0, j1, k0, k1 = window
    for i in prange(i0, i1):
        first, second, third = 0.0, 0.0, 0.0
        for j in range(j0, j1):
            for k in range(k0, k1):
                here = c[i, j, k]
                w = abs(c[i - 1, j, k] - here) if i > 0 else abs(species[1] - here) * (qx[i, j, k] > 0.0)
                w += abs(c[i + 1, j, k] - here) if i + 1 < nx else abs(species[1] - here) * (qx[i + 1, j, k] < 0.0)
                w += abs(c[i, j - 1, k] - here) if j > 0 else abs(species[1] - here) * (qy[i, j, k] > 0.0)
                w += abs(c[i, j + 1, k] - here) if j + 1 < ny else abs(species[1] - here) * (qy[i, j + 1, k] < 0.0)
                w += abs(c[i, j, k - 1] - here) if k > 0 else abs(species[1] - here) * (qz[i, j, k] > 0.0)
                w += abs(c[i, j, k + 1] - here) if k + 1 < nz else abs(species[1] - here) * (qz[i, j, k + 1] < 0.0)
                w += abs(species[0] - here) * (needle[i, j, k] > 0.0)
                holds = volume[i, j, k] + start * net[i, j, k]
                if w == 0.0 or holds <= 0.0:
                    continue
                w *= holds / scale
                passing = out[i, j, k] + lost[i, j, k] + max(net[i, j, k], 0.0)
                logarithm = math.log1p(ahead * passing / holds)
                first += w
                second += w * logarithm
                third += w * logarithm * logarithm
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
