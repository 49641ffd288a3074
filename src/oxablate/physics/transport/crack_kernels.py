"""The crack fluid of a step, voxel by voxel in the order of the flow: upwind and implicit, walls inside the balance.

    (W1 + dt (out + lambda W1)) c1 + V u(c1) = W0 c0 + dt (sum of q_in c_up + q_needle c_n + q_seeping c_m)

out: all that leaves, through faces, into the matrix and the track. The coefficient of c1 is computed from the right, as
W0 + dt (all that enters): a concentration that is the same everywhere stays so to round-off.

Flows: the tuple of `kernels`, with needle (crack_needle), gained (seeping), lost (leaking and crack_drawn). walls =
(slab [m], theta [1], matrix concentration [mol/m3], diffusivity [m2/s], demand [mol/m3], held [mol/m3]), a row for each
listed voxel. The list holds flat indices; out-of-order voxels, from `sorted` on, in growing order.
"""

import math

import numpy as np

from ...numerics.jit import njit
from .walls import exchange, front_uptake


@njit(forceinline=True)
def inflow(at, i, j, k, shape, faces, c):
    """Amount [mol/s] and fluid [m3/s] that enter voxel (i, j, k) through its faces; nothing is brought from outside."""
    nx, ny, nz = shape
    qx, qy, qz = faces
    sx = ny * nz
    y, z = (i * (ny + 1) + j) * nz + k, (i * ny + j) * (nz + 1) + k
    inwards = (qx[at], -qx[at + sx], qy[y], -qy[y + nz], qz[z], -qz[z + 1])
    steps = (-sx * (i > 0), sx * (i + 1 < nx), -nz * (j > 0), nz * (j + 1 < ny), -1 * (k > 0), 1 * (k + 1 < nz))
    amount = fluid = 0.0
    for side in range(6):
        if inwards[side] > 0.0:
            fluid += inwards[side]
            amount += inwards[side] * c[at + steps[side]] if steps[side] != 0 else 0.0
    return amount, fluid


@njit(forceinline=True)
def wall_uptake(capacity, amount, slab, theta, inside, diffusivity, demand, held, dt):
    """What the matrix takes through the walls [mol/m3 of voxel], and what is left in the crack fluid. See `walls`."""
    number = diffusivity * dt / (slab * slab)
    if demand > 0.0:
        return front_uptake(capacity, amount, demand, theta, held, number)
    return exchange(
        capacity, amount, theta, inside, math.tanh(4.0 / math.pi * number), -math.expm1(-8.0 / math.pi * number)
    )


@njit(forceinline=True)
def cell_terms(n, cells, shape, faces, sources, old, new, volumes, needle, seeped, decay, times):
    """Coefficient [m3] and right-hand side [mol] of the balance of listed voxel n, without its walls.

    sources = (needle, seeping) [m3/s]; volumes = (before, after) of the flow step; seeped: matrix concentration, rows;
    times = (start, end) as shares of the flow step, and its length [s]. All but rows are flat fields.
    """
    start, end, whole = times
    dt, at = (end - start) * whole, cells[n]
    ny, nz = shape[1], shape[2]
    amount, fluid = inflow(at, at // (ny * nz), at // nz % ny, at % nz, shape, faces, new)
    w0 = (1.0 - start) * volumes[0][at] + start * volumes[1][at]
    w1 = (1.0 - end) * volumes[0][at] + end * volumes[1][at]
    brought, drawn = sources[0][at], sources[1][at]
    capacity = w0 + dt * (fluid + brought + drawn) + dt * decay * w1
    return capacity, w0 * old[at] + dt * (amount + brought * needle + drawn * seeped[n])


@njit()
def solve_cells(cells, first, last, shape, faces, sources, old, new, volumes, needle, decay, times, walls, voxel, out):
    """Solve the listed voxels first..last one after the other; those upstream of each must be done.

    out: what the walls took, per row [mol/m3].
    """
    slab, theta, inside, diffusivity, demand, held = walls
    dt = (times[1] - times[0]) * times[2]
    for n in range(first, last):
        at = cells[n]
        capacity, amount = cell_terms(n, cells, shape, faces, sources, old, new, volumes, needle, inside, decay, times)
        out[n], new[at] = 0.0, 0.0
        if capacity > 0.0:
            out[n], new[at] = wall_uptake(
                capacity / voxel, amount / voxel, slab[n], theta[n], inside[n], diffusivity[n], demand[n], held[n], dt
            )


@njit()
def secants(cells, first, last, shape, faces, sources, old, new, volumes, needle, decay, times, walls, voxel, linear):
    """Fill linear (m, 4) at the present concentrations: `cell_terms`, then k [m3] and r [mol] of V u = k c - r."""
    slab, theta, inside, diffusivity, demand, held = walls
    dt = (times[1] - times[0]) * times[2]
    for n in range(first, last):
        capacity, amount = cell_terms(n, cells, shape, faces, sources, old, new, volumes, needle, inside, decay, times)
        linear[n, 0], linear[n, 1], linear[n, 2], linear[n, 3] = capacity, amount, 0.0, 0.0
        if capacity <= 0.0:
            continue
        taken, left = wall_uptake(
            capacity / voxel, amount / voxel, slab[n], theta[n], inside[n], diffusivity[n], demand[n], held[n], dt
        )
        # a slab without demand takes at most what brings its mean to that of the cracks: V theta (c - c_m)
        base, steepest = (0.0, 1e12 * capacity) if demand[n] > 0.0 else (inside[n], voxel * theta[n])
        over = left - base
        if taken != 0.0:
            slope = min(voxel * taken / over, steepest) if over * taken > 0.0 else steepest
            linear[n, 2], linear[n, 3] = slope, slope * base


@njit()
def coupling(cells, first, last, shape, faces, dt, columns, values):
    """Fill, per listed voxel and face, the row of the voxel across that it gets fluid from (-1: none), and dt q."""
    nx, ny, nz = shape
    qx, qy, qz = faces
    sx = ny * nz
    for n in range(first, last):
        at = cells[n]
        i, j, k = at // sx, at // nz % ny, at % nz
        y, z = (i * (ny + 1) + j) * nz + k, (i * ny + j) * (nz + 1) + k
        inwards = (qx[at], -qx[at + sx], qy[y], -qy[y + nz], qz[z], -qz[z + 1])
        steps = (-sx * (i > 0), sx * (i + 1 < nx), -nz * (j > 0), nz * (j + 1 < ny), -1 * (k > 0), 1 * (k + 1 < nz))
        for side in range(6):
            columns[n - first, side] = -1
            if inwards[side] > 0.0 and steps[side] != 0:
                row = first + np.searchsorted(cells[first:last], at + steps[side])
                if row < last and cells[row] == at + steps[side]:
                    columns[n - first, side], values[n - first, side] = row - first, dt * inwards[side]


@njit()
def settle(cells, shape, faces, drawn, new, volumes, decay, times, sums):
    """Add up, in mol: what left through outer faces, went into the track, decayed, and is still held. sums: (4,)."""
    nx, ny, nz = shape
    qx, qy, qz = faces
    sx = ny * nz
    end, dt = times[1], (times[1] - times[0]) * times[2]
    for at in cells:
        c = new[at]
        if c <= 0.0:
            continue
        i, j, k = at // sx, at // nz % ny, at % nz
        y, z = (i * (ny + 1) + j) * nz + k, (i * ny + j) * (nz + 1) + k
        out = max(-qx[at], 0.0) if i == 0 else 0.0
        out += max(qx[at + sx], 0.0) if i + 1 == nx else 0.0
        out += max(-qy[y], 0.0) if j == 0 else 0.0
        out += max(qy[y + nz], 0.0) if j + 1 == ny else 0.0
        out += max(-qz[z], 0.0) if k == 0 else 0.0
        out += max(qz[z + 1], 0.0) if k + 1 == nz else 0.0
        w1 = (1.0 - end) * volumes[0][at] + end * volumes[1][at]
        sums[0] += dt * out * c
        sums[1] += dt * drawn[at] * c
        sums[2] += dt * decay * w1 * c
        sums[3] += w1 * c
