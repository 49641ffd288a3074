"""Agent that flow carries into demand far faster than the flow passes the voxel: it spends the demand share by share.

Mixing such agent with its whole voxel would let the fastest pool pay first, everywhere at once; in truth all fast
pools are spent behind a front and none ahead of it, however the agent came. So with f the share already swept,

    f  -> f + (1 - f) m / s,        R_i -> R_i (1 - m / s)         m = theta c e, not more than s = sum R_i

over the pools with k_i s_i / theta > sharp Q/W, where agent on its way through the swept share is washed out first,

    e = exp(- w f W / Q)

m, s [mol/m3 of reference tissue]; w wash-out [1/s]; Q flow through the voxel [m3/s]; W its fluid [m3].
"""

import numpy as np

from ...numerics.jit import njit
from ..process import Booking
from .budget import book_reaction
from .closures import Kinetics
from .front import FrontState
from .step import check_duration, check_fields, whole_box


@njit()
def spend_sweep(concentration, fluid, pools, rates, throughflow, washout, swept, dose, mask, numbers, box, taken):
    """Spend the demand of the front voxels in `box` on the agent mixed into them, in place.

    throughflow: Q [m3/s]; washout: w [1/s] or of shape (0, 0, 0); numbers = (sharp, voxel volume, dt); taken: (n + 1,),
    consumed by pool and, last, washed out [mol per m3 of voxel].
    """
    sharp, volume, dt = numbers
    n = rates.size
    for i in range(box[0], box[1]):
        for j in range(box[2], box[3]):
            for k in range(box[4], box[5]):
                c, theta = concentration[i, j, k], fluid[i, j, k]
                if not mask[i, j, k] or c <= 0.0 or theta <= 0.0:
                    continue
                passing = throughflow[i, j, k] / (theta * volume)
                share = 1.0 - swept[i, j, k]
                fast, demand = 0, 0.0
                for q in range(n):
                    if rates[q] * pools[q, i, j, k] > sharp * passing * theta * share and pools[q, i, j, k] > 0.0:
                        fast += 1 << q
                        demand += pools[q, i, j, k]
                if demand <= 0.0:
                    continue
                dose[i, j, k] += c * dt
                if washout.size and passing > 0.0:
                    lost = -np.expm1(-washout[i, j, k] * swept[i, j, k] / passing) * c
                    taken[n] += theta * lost
                    c -= lost
                spent = min(1.0, theta * c / demand)
                for q in range(n):
                    if fast & (1 << q):
                        taken[q] += spent * pools[q, i, j, k]
                        pools[q, i, j, k] *= 1.0 - spent
                swept[i, j, k] += share * spent
                concentration[i, j, k] = max(0.0, c - spent * demand / theta) if spent == 1.0 else 0.0


def spend_carried(
    state: FrontState,
    concentration: np.ndarray,
    fluid_fraction: np.ndarray,
    pools: np.ndarray,
    kinetics: Kinetics,
    throughflow: np.ndarray,
    sharp: float,
    dt: float,
    voxel_volume: float,
    washout: np.ndarray | None = None,
    box: np.ndarray | None = None,
) -> Booking:
    """Let agent carried into the voxels of state.mask over dt [s] spend their fast demand, in place.

    concentration: c [mol/m3 of fluid]; fluid_fraction: theta [1]; pools: R_i (n, nx, ny, nz) [mol/m3 of reference
    tissue, agent equivalents]; throughflow: fluid leaving each voxel [m3/s]; washout: w [1/s] or None; all others
    (nx, ny, nz). sharp: how many times faster than the passage a pool must be, a number of the method. state.swept and
    state.dose change in place. What is left of the agent where all fast demand is gone stays in the fluid.
    Returns the booking [mol]: lost "consumed by NAME" and "vessels: washed out". Refuses fields that do not fit.
    """
    check_fields(concentration, pools, kinetics, fluid_fraction=fluid_fraction, throughflow=throughflow)
    check_duration(dt)
    box = whole_box(concentration.shape) if box is None else np.asarray(box, dtype=np.int64)
    taken = np.zeros(len(kinetics.names) + 1)
    empty = np.zeros((0, 0, 0)) if washout is None else washout
    spend_sweep(
        concentration, fluid_fraction, pools, kinetics.rate_array, throughflow, empty, state.swept, state.dose,
        state.mask, (sharp, voxel_volume, dt), box, taken,
    )  # fmt: skip
    consumed = np.append(taken[:-1], 0.0)[np.newaxis]
    booking = book_reaction(consumed, kinetics, voxel_volume)
    booking.lose("vessels: washed out", taken[-1] * voxel_volume)
    return booking
