"""What transport conserves, and where it went: per species the content of the fluid [mol], by name of counterpart.

content after - content before = needle + boundary in - boundary out - drained + exchanged
"""

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from ..process import Booking
from .kernels import donor_value, flattened

NEEDLE, BOUNDARY, DRAINED, EXCHANGED = "needle", "boundary", "vessels: drained", "vessels: exchanged"


@njit_parallel()
def content_planes(c, volume, planes):
    """Fill the sum of c W over each i-plane."""
    nx, ny, nz = c.shape
    for i in prange(nx):
        total = 0.0
        for j in range(ny):
            for k in range(nz):
                total += c[i, j, k] * volume[i, j, k]
        planes[i] = total


def content(concentration: np.ndarray, fluid_volume: np.ndarray) -> float:
    """Amount of one species in the fluid, sum of c W [mol]; the same bits for any number of threads."""
    planes = np.zeros(concentration.shape[0])
    content_planes(concentration, fluid_volume, planes)
    return float(sum(planes.tolist()))


@njit(forceinline=True)
def book_face(inwards, value, far, sums):
    """Add one outer face: `inwards` its flux into the grid [m3/s], `value` the upwind concentration inside."""
    if inwards > 0.0:
        sums[0] += inwards * far
    else:
        sums[1] -= inwards * value


@njit()
def through_boundary(window, c, low, theta, flow, far, sums):
    """Add to `sums` what enters and leaves per time through the outer faces of the voxels of the window [mol/s]."""
    qx, qy, qz = flow[0], flow[1], flow[2]
    _, (old, new, share) = flattened(flow, c, low, theta)
    nx, ny, nz = c.shape
    i0, i1, j0, j1, k0, k1 = window
    for side in range(2):
        i, j, k = side * (nx - 1), side * (ny - 1), side * (nz - 1)
        sign = 1.0 - 2.0 * side
        if (i0 == 0 and side == 0) or (i1 == nx and side == 1):
            for b in range(j0, j1):
                for a in range(k0, k1):
                    book_face(
                        sign * qx[side * nx, b, a], donor_value((i * ny + b) * nz + a, old, new, share), far, sums
                    )
        if (j0 == 0 and side == 0) or (j1 == ny and side == 1):
            for b in range(i0, i1):
                for a in range(k0, k1):
                    book_face(
                        sign * qy[b, side * ny, a], donor_value((b * ny + j) * nz + a, old, new, share), far, sums
                    )
        if (k0 == 0 and side == 0) or (k1 == nz and side == 1):
            for b in range(i0, i1):
                for a in range(j0, j1):
                    book_face(
                        sign * qz[b, a, side * nz], donor_value((b * ny + a) * nz + k, old, new, share), far, sums
                    )


@njit()
def into_vessels(window, c, low, theta, lost):
    """What leaves per time with fluid taken up inside the window, before retention [mol/s]."""
    i0, i1, j0, j1, k0, k1 = window
    total = 0.0
    for i in range(i0, i1):
        for j in range(j0, j1):
            for k in range(k0, k1):
                if lost[i, j, k] > 0.0:
                    share = max(0.5, theta[i, j, k])
                    total += lost[i, j, k] * (share * low[i, j, k] + (1.0 - share) * c[i, j, k])
    return total


class SpeciesBook:
    """Adds up one species over the sub-steps of a flow step, then closes into a `Booking` [mol].

    rate_needle: what the needle brings [mol/s].
    """

    def __init__(self, rate_needle: float) -> None:
        self.rate_needle = rate_needle
        self.boundary = [0.0, 0.0]
        self.drained = 0.0
        self.exchanged = [0.0, 0.0]

    def add_flow(self, window, c, low, theta, flow, species, dt: float, drains: bool) -> None:
        """Book the outer faces and the uptake by vessels of one advective sub-step, before c is replaced."""
        sums = np.zeros(2)
        through_boundary(window, c, low, theta, flow, species[0], sums)
        self.boundary[0] += dt * sums[0]
        self.boundary[1] += dt * sums[1]
        if drains:
            self.drained += dt * species[1] * into_vessels(window, c, low, theta, flow[5])

    def add_exchange(self, gained: float, lost: float) -> None:
        """Book what crossed vessel walls by exchange [mol]."""
        self.exchanged[0] += gained
        self.exchanged[1] += lost

    def close(self, dt: float) -> Booking:
        """The booking of the whole flow step of length dt [s]; counterparts that gave and took nothing are left out."""
        booking = Booking()
        rows = ((NEEDLE, self.rate_needle * dt, 0.0), (BOUNDARY, *self.boundary))
        rows += ((DRAINED, 0.0, self.drained), (EXCHANGED, *self.exchanged))
        for name, gained, lost in rows:
            if gained > 0.0:
                booking.gain(name, gained)
            if lost > 0.0:
                booking.lose(name, lost)
        return booking
