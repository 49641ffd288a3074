"""Compiled sweeps of the laws of death over the voxels of a box."""

from ...numerics.jit import njit_parallel, prange
from .equations import killed_share, odds_of_loss


@njit_parallel()
def thiol_sweep(killed, left, start, swept, tumour, lethal_odds, selectivity, steepness, box):
    """Death by thiol loss. `left` is the voxel mean: ahead of a front it is left / (1 - swept)."""
    for i in prange(box[0], box[1]):
        for j in range(box[2], box[3]):
            for k in range(box[4], box[5]):
                f = swept[i, j, k]
                share = 1.0
                if f < 1.0 and left[i, j, k] > 0.0:
                    dose = odds_of_loss(left[i, j, k] / (1.0 - f), start[i, j, k])
                    lethal = lethal_odds if tumour[i, j, k] else selectivity * lethal_odds
                    share = f + (1.0 - f) * killed_share(dose, lethal, steepness)
                if start[i, j, k] > 0.0:
                    killed[i, j, k] = max(killed[i, j, k], min(share, 1.0))


@njit_parallel()
def exposure_sweep(killed, exposures, seen, doses, swept, tumour, law, dt, box):
    """Death by exposure. exposures, seen, doses: (2, nx, ny, nz), mixed and swept; law: (lethal, power, m, sigma).

    The concentration is taken as even within the step, c = dE / dt, so dose += (dE / dt)^n dt, exact for n = 1. The
    swept part has seen both: what was mixed and what was on its way to the front.
    """
    lethal_dose, power, steepness, selectivity = law
    for i in prange(box[0], box[1]):
        for j in range(box[2], box[3]):
            for k in range(box[4], box[5]):
                for part in range(2):
                    gain = exposures[part][i, j, k] - seen[part, i, j, k]
                    if gain > 0.0:
                        doses[part, i, j, k] += dt * (gain / dt) ** power
                        seen[part, i, j, k] = exposures[part][i, j, k]
                f = swept[i, j, k]
                mixed, behind = doses[0, i, j, k], doses[0, i, j, k] + doses[1, i, j, k]
                lethal = lethal_dose if tumour[i, j, k] else selectivity * lethal_dose
                share = f * killed_share(behind, lethal, steepness)
                share += (1.0 - f) * killed_share(mixed, lethal, steepness)
                killed[i, j, k] = max(killed[i, j, k], min(share, 1.0))
