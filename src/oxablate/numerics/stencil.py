"""The seven-point operator on a box of voxels: its coefficients, its action, and what they reveal at a glance.

    (A p)_P = sum over the six neighbours N of T_f (p_P - p_N) + s_P p_P

Every sum here is taken plane by plane and the planes are added in order, so that its bits do not depend on the
number of threads.
"""

from dataclasses import dataclass

import numpy as np

from .jit import prange, sized_kernel


@dataclass(frozen=True)
class FaceCoefficients:
    """Coefficients of the seven-point operator, any consistent unit.

    tx, ty, tz: couplings T_f >= 0, each a C-ordered float64 array (nx, ny, nz); tx[i, j, k] couples voxels (i, j, k)
    and (i+1, j, k), and so on. The last planes tx[-1], ty[:, -1], tz[:, :, -1] lead nowhere: they must be 0 and are
    not read. diagonal: s_P >= 0, same shape; storage, exchange and boundary conductances go here. A voxel whose
    couplings and s are all 0 is inactive.
    """

    tx: np.ndarray
    ty: np.ndarray
    tz: np.ndarray
    diagonal: np.ndarray

    def __post_init__(self) -> None:
        shape = self.diagonal.shape
        for name in ("tx", "ty", "tz", "diagonal"):
            values = getattr(self, name)
            if values.shape != shape or len(shape) != 3 or values.dtype != np.float64:
                raise ValueError(f"{name} must be a 3-D float64 array like diagonal {shape}, got {values.shape}")
            if not values.flags.c_contiguous:
                raise ValueError(f"{name} must be C-contiguous; pass np.ascontiguousarray({name})")

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.diagonal.shape

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(tx, ty, tz, diagonal), the order in which kernels take them."""
        return self.tx, self.ty, self.tz, self.diagonal


def apply_operator(coefficients: FaceCoefficients, x: np.ndarray, out: np.ndarray) -> float:
    """Write A x into `out` and return the scalar product x . A x. x, out: float64 (nx, ny, nz), distinct arrays."""
    return _apply(*coefficients.arrays, x, out)


@sized_kernel
def _apply(tx, ty, tz, s, x, out):
    nx, ny, nz = x.shape
    partial_sums = np.zeros(nx)
    for i in prange(nx):
        west = max(i - 1, 0)  # at the edge of the box a voxel is its own neighbour: the difference vanishes
        east = min(i + 1, nx - 1)
        total = 0.0
        for j in range(ny):
            south = max(j - 1, 0)
            north = min(j + 1, ny - 1)
            c, row = x[i, j], out[i, j]
            xw, xe, xs, xn = x[west, j], x[east, j], x[i, south], x[i, north]
            tw, te, ts, tn, up, sc = tx[west, j], tx[i, j], ty[i, south], ty[i, j], tz[i, j], s[i, j]
            for k in range(nz):
                across = tw[k] * (c[k] - xw[k]) + te[k] * (c[k] - xe[k])
                row[k] = sc[k] * c[k] + (across + (ts[k] * (c[k] - xs[k]) + tn[k] * (c[k] - xn[k])))
            for k in range(nz - 1):
                row[k] += up[k] * (c[k] - c[k + 1])
            for k in range(1, nz):
                row[k] += up[k - 1] * (c[k] - c[k - 1])
            for k in range(nz):
                total += row[k] * c[k]
        partial_sums[i] = total
    total = 0.0
    for i in range(nx):
        total += partial_sums[i]
    return total


@dataclass(frozen=True)
class Survey:
    """What one pass over the coefficients shows.

    largest: largest coefficient; finite, negative: whether all are finite, whether any is negative; whole: no coupling
    between neighbours is missing; grounded: some s > 0; all_grounded: every s > 0.
    """

    largest: float
    finite: bool
    negative: bool
    whole: bool
    grounded: bool
    all_grounded: bool


def survey(coefficients: FaceCoefficients) -> Survey:
    """Look once over the coefficients."""
    largest, smallest, smallest_coupling, smallest_s, largest_s, sound = _extremes(*coefficients.arrays)
    return Survey(
        largest=float(largest),
        finite=bool(sound),
        negative=bool(smallest < 0.0),
        whole=bool(smallest_coupling > 0.0),
        grounded=bool(largest_s > 0.0),
        all_grounded=bool(smallest_s > 0.0),
    )


@sized_kernel
def _extremes(tx, ty, tz, s):
    nx, ny, nz = s.shape
    found = np.empty((nx, 6))
    for i in prange(nx):
        high, low, low_t, low_s, high_s, nought = 0.0, 0.0, np.inf, np.inf, 0.0, 0.0
        for j in range(ny):
            for k in range(nz):
                x, y, z, c = tx[i, j, k], ty[i, j, k], tz[i, j, k], s[i, j, k]
                if i == nx - 1:
                    x = 0.0
                if j == ny - 1:
                    y = 0.0
                if k == nz - 1:
                    z = 0.0
                # v - v is 0 for a number, NaN for NaN and for infinity
                nought += ((x - x) + (y - y)) + ((z - z) + (c - c))
                high = max(high, max(max(x, y), max(z, c)))
                low = min(low, min(min(x, y), min(z, c)))
                low_s, high_s = min(low_s, c), max(high_s, c)
                if i < nx - 1:
                    low_t = min(low_t, x)
                if j < ny - 1:
                    low_t = min(low_t, y)
                if k < nz - 1:
                    low_t = min(low_t, z)
        found[i, 0], found[i, 1], found[i, 2] = high, low, low_t
        found[i, 3], found[i, 4], found[i, 5] = low_s, high_s, nought
    high, low, low_t, low_s, high_s, nought = 0.0, 0.0, np.inf, np.inf, 0.0, 0.0
    for i in range(nx):
        high, low, low_t = max(high, found[i, 0]), min(low, found[i, 1]), min(low_t, found[i, 2])
        low_s, high_s, nought = min(low_s, found[i, 3]), max(high_s, found[i, 4]), nought + found[i, 5]
    return high, low, low_t, low_s, high_s, nought == 0.0
