"""Fronts that advance from crack walls: the share f of a voxel swept is a layer p = f L on both sides of its cracks.

L = b_c / 2, half the distance of the cracks: the walls have the area 2 / b_c per volume, so that the layer fills the
voxel at p = L. What enters through the walls is found with the crack fluid's balance (transport); here it is stored,
the front moved and what it passes consumed, by the law of all fronts (`front_law`).
"""

from dataclasses import dataclass

import numpy as np

from ...numerics.jit import njit
from ..process import Booking
from .budget import book_front
from .closures import Kinetics, SharpFront
from .front import FrontState
from .front_kernels import advance_sweep, fast_demand
from .step import check_duration, check_fields


@dataclass(frozen=True)
class WalledMatter:
    """What the fronts of listed voxels work on; all fields (nx, ny, nz), as in `front.advance_front`.

    concentration [mol/m3]; fluid_fraction [1]; pools (n, nx, ny, nz) [mol/m3]; diffusivity [m2/s]; spacing [m].
    """

    concentration: np.ndarray
    fluid_fraction: np.ndarray
    pools: np.ndarray
    kinetics: Kinetics
    diffusivity: np.ndarray
    spacing: tuple[float, float, float]

    def width_square(self, law: SharpFront) -> float:
        """Square of the widest reaction zone that counts as a front [m2]."""
        return (law.zone * min(self.spacing)) ** 2


@njit()
def demand_sweep(cells, fields, pools, rates, width_square, mask, demand, held):
    """Fill demand s ahead and what is held, s f + shielded [mol/m3], of the listed voxels (flat indices)."""
    fluid, diffusivity, swept, shielded = fields
    _, ny, nz = fluid.shape
    for n in range(cells.size):
        i, j, k = cells[n] // (ny * nz), cells[n] // nz % ny, cells[n] % nz
        demand[n], held[n] = 0.0, 0.0
        if mask[i, j, k]:
            f = swept[i, j, k]
            ahead, _ = fast_demand(i, j, k, pools, rates, f, fluid[i, j, k] * diffusivity[i, j, k], width_square)
            demand[n], held[n] = ahead, ahead * f + shielded[i, j, k]


def wall_demand(state: FrontState, matter: WalledMatter, law: SharpFront, cells: np.ndarray):
    """Fast demand s ahead of the fronts and what they hold, s f + shielded, of listed voxels: two arrays (m,) [mol/m3].

    cells: flat indices (m,). Both are 0 where `state.mask` says that there is no front. Refuses fields that do not fit.
    """
    check_fields(matter.concentration, matter.pools, matter.kinetics, fluid_fraction=matter.fluid_fraction)
    demand, held = np.zeros(cells.size), np.zeros(cells.size)
    fields = (matter.fluid_fraction, matter.diffusivity, state.swept, state.shielded)
    rates, width_square = matter.kinetics.rate_array, matter.width_square(law)
    demand_sweep(cells, fields, matter.pools, rates, width_square, state.mask, demand, held)
    return demand, held


def advance_walls(
    state: FrontState, matter: WalledMatter, law: SharpFront, cells: np.ndarray, slab: np.ndarray, entered: np.ndarray,
    dt: float,
) -> Booking:  # fmt: skip
    """Let what entered through crack walls move the fronts of listed voxels for a time dt [s], in place.

        d(p^2)/dt = 4 D ln(U / (s p)),   p = f L,   U = (s f + shielded) L

    cells: flat indices (m,) of voxels in state.mask, others are passed over; slab: L [m], (m,); entered [mol per m3 of
    voxel], (m,). The fast pools are gone behind the front, others react with the shielded agent; a voxel that is swept
    gives its agent to its fluid and leaves state.mask. Returns the booking [mol]: lost "consumed by NAME", "decayed".
    """
    check_fields(matter.concentration, matter.pools, matter.kinetics, fluid_fraction=matter.fluid_fraction)
    check_duration(dt)
    rates, volume = matter.kinetics.rate_array, float(np.prod(matter.spacing))
    at = state.mask.reshape(-1)[cells] & ((entered > 0.0) | (state.shielded.reshape(-1)[cells] > 0.0))
    rows = np.ascontiguousarray(np.stack(np.unravel_index(cells[at], state.mask.shape), axis=1))
    granted, shape_of = np.zeros((rows.shape[0], 6)), np.zeros((rows.shape[0], 2))
    granted[:, 0], shape_of[:, 0] = entered[at] * volume, volume / slab[at]
    taken = np.zeros(rates.size + 1)
    fields = (matter.fluid_fraction, matter.diffusivity, state.swept, state.shielded, state.dose)
    advance_sweep(
        rows, granted, shape_of, fields, matter.concentration, matter.pools, rates, matter.kinetics.loss_rate,
        matter.width_square(law), volume, dt, state.mask, taken,
    )  # fmt: skip
    return book_front(taken, np.zeros(2), matter.kinetics, volume)
