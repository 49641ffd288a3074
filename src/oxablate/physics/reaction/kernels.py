"""Compiled sweeps of the reaction: every voxel that holds agent takes one exact step against its own pools."""

import math

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from .exposure_kernels import exposure_of_step, one_pool_exposure

_LINEAR = 1e-8  # k c0 dt below this: the pool is a first-order sink, exact to half of it
_ROUND_OFF = 4e-16


@njit()
def linear_exposure(loss):
    """Exposure x of one step under first-order sinks alone: (1 - exp(-loss)) / loss."""
    if loss < 1e-5:
        return 1.0 - loss * (0.5 - loss / 6.0)
    return -math.expm1(-loss) / loss


@njit()
def voxel_exposure(concentration, fluid, stores, rates, loss_rate, dt, work):
    """Exposure E [mol s/m3] of one voxel over dt [s]: the pools that still count, by the cheapest exact way.

    concentration > 0, fluid > 0; stores, rates: (n,); work: (3, n) scratch.
    """
    r, a, shares = work[0], work[1], work[2]
    scale = concentration * dt
    loss = loss_rate * dt
    n = 0
    for i in range(rates.size):
        if stores[i] > 0.0 and rates[i] > 0.0:
            if rates[i] * scale < _LINEAR:
                loss += stores[i] * rates[i] * dt / fluid
            else:
                r[n] = stores[i] / (fluid * concentration)
                a[n] = rates[i] * scale
                n += 1
    if n == 0:
        return scale * linear_exposure(loss)
    if n == 1 and loss == 0.0:
        return scale * one_pool_exposure(r[0], a[0])
    return scale * exposure_of_step(r, a, n, loss, shares)


@njit()
def react_voxel(concentration, fluid, stores, rates, loss_rate, dt, work, taken):
    """One voxel over one step: returns concentration after it and exposure; stores (n,) and taken (n + 1,) in place.

    taken[i] += what pool i consumed, taken[n] += what decayed, both in mol per m3 of voxel.
    """
    exposure = voxel_exposure(concentration, fluid, stores, rates, loss_rate, dt, work)
    decayed = fluid * loss_rate * exposure
    spent = decayed
    for i in range(rates.size):
        if stores[i] > 0.0:
            consumed = -stores[i] * math.expm1(-rates[i] * exposure)
            stores[i] -= consumed
            taken[i] += consumed
            spent += consumed
    taken[rates.size] += decayed
    left = concentration - spent / fluid
    if left <= _ROUND_OFF * (rates.size + 2) * concentration:
        left = 0.0
    return left, exposure


@njit_parallel()
def react_sweep(concentration, fluid, pools, rates, loss_rate, washout, dt, exposure, box, taken):
    """React in all voxels of `box` that hold agent. taken: (nx, n + 2), one row per plane, added to in place.

    washout: loss to the blood [1/s] (nx, ny, nz), or of shape (0, 0, 0) for none; it competes with the pools inside
    the one scalar equation, because a pool may be a million times faster than any step.
    """
    n = rates.size
    for i in prange(box[0], box[1]):
        work = np.empty((3, n))
        stores, lost = np.empty(n), np.zeros(n + 1)
        for j in range(box[2], box[3]):
            for k in range(box[4], box[5]):
                if concentration[i, j, k] <= 0.0 or fluid[i, j, k] <= 0.0:
                    continue
                for q in range(n):
                    stores[q] = pools[q, i, j, k]
                washed = washout[i, j, k] if washout.size else 0.0
                left, dose = react_voxel(
                    concentration[i, j, k], fluid[i, j, k], stores, rates, loss_rate + washed, dt, work, lost
                )
                for q in range(n):
                    taken[i, q] += lost[q]
                    lost[q] = 0.0
                taken[i, n] += fluid[i, j, k] * loss_rate * dose
                taken[i, n + 1] += fluid[i, j, k] * washed * dose
                concentration[i, j, k] = left
                exposure[i, j, k] += dose
                for q in range(n):
                    pools[q, i, j, k] = stores[q]
