"""Sweeps of the advective step over a window of the grid.

A window is six integers (i0, i1, j0, j1, k0, k1), half open. A flow is the tuple
(qx, qy, qz, needle, gained, lost, out, net, volume): the fluxes of the step, the fluid leaving each voxel through its
faces, dW/dt, and W at the start of the flow step, so that W(t) = volume + t net.

Traffic in float64 words per voxel, sub-step and species when no array stays in cache (a roofline counts these):
upwind_sweep 14, half_step_volume 3, correction_fluxes 10, correction_limits 9, apply_correction 9, and 7 for choosing
the step and the window. Once a flow step, on the whole grid: survey_flow 9, advance_volume 3, the window 1 a species.
"""

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from .equations import face_value

#: float64 words moved per voxel by one advective sub-step of one species (read and written, nothing kept in cache).
ADVECTION_WORDS = 14 + 3 + 10 + 9 + 9 + 7

#: The same per flow step for the fluid alone, on the whole grid.
FLOW_WORDS = 9 + 3

#: A limiter factor is shortened by this, so that round-off cannot carry a voxel past its bounds.
SHORTENED = 1.0 - 4e-15


#: What `survey_flow` finds of each i-plane, by column.
LEAST_SOURCE, LEAST_VOLUME, MOST_MOVING, MOST_LOST, FASTEST, STRAY = range(6)


@njit_parallel()
def survey_flow(flow, dt, planes):
    """Fill `out` (fluid leaving through faces) and `net` (dW/dt) [m3/s] of the flow tuple; survey each i-plane.

    planes: (nx, 6), filled: least source, least W at start or end of dt, most of out and |net|, most of lost, the
    largest rate at which a voxel is emptied through its outlets, (out + lost) / least W [1/s], count of voxels that
    are not finite.
    """
    qx, qy, qz, needle, gained, lost, out, net, volume = flow
    nx, ny, nz = out.shape
    for i in prange(nx):
        least_source, least_volume, moving, most_lost, fastest, stray = np.inf, np.inf, 0.0, 0.0, 0.0, 0
        for j in range(ny):
            for k in range(nz):
                leaving = max(-qx[i, j, k], 0.0) + max(qx[i + 1, j, k], 0.0)
                leaving += max(-qy[i, j, k], 0.0) + max(qy[i, j + 1, k], 0.0)
                leaving += max(-qz[i, j, k], 0.0) + max(qz[i, j, k + 1], 0.0)
                entering = max(qx[i, j, k], 0.0) + max(-qx[i + 1, j, k], 0.0)
                entering += max(qy[i, j, k], 0.0) + max(-qy[i, j + 1, k], 0.0)
                entering += max(qz[i, j, k], 0.0) + max(-qz[i, j, k + 1], 0.0)
                change = (entering - leaving) + needle[i, j, k] + gained[i, j, k] - lost[i, j, k]
                out[i, j, k], net[i, j, k] = leaving, change
                holds = volume[i, j, k] + min(dt * change, 0.0)
                least_source = min(least_source, needle[i, j, k], gained[i, j, k], lost[i, j, k])
                moving, most_lost = max(moving, leaving, abs(change)), max(most_lost, lost[i, j, k])
                stray += not (np.isfinite(change) and np.isfinite(leaving) and np.isfinite(holds))
                passing = leaving + entering + lost[i, j, k]
                if holds != 0.0 or passing > 0.0:  # a voxel outside the body is dry and stays so
                    least_volume = min(least_volume, holds)
                    fastest = max(fastest, (leaving + lost[i, j, k]) / holds)
        planes[i, 0], planes[i, 1], planes[i, 2] = least_source, least_volume, moving
        planes[i, 3], planes[i, 4], planes[i, 5] = most_lost, fastest, stray


@njit_parallel()
def advance_volume(volume, net, dt):
    """W = W + dt net, in place."""
    nx, ny, nz = volume.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                volume[i, j, k] += dt * net[i, j, k]


@njit(forceinline=True)
def flattened(flow, c, low, theta):
    """The faces (qx, qy, qz) and (c, low, theta), flat: one index instead of three in the inner loops."""
    qx, qy, qz = flow[0], flow[1], flow[2]
    return (
        (qx.reshape(qx.size), qy.reshape(qy.size), qz.reshape(qz.size)),
        (c.reshape(c.size), low.reshape(c.size), theta.reshape(c.size)),
    )


@njit(forceinline=True)
def donor_value(at, c, low, theta):
    """Concentration that the upwind flux out of voxel `at` carries: theta new + (1 - theta) old."""
    share = theta[at]
    if share == 0.0:
        return c[at]
    return share * low[at] + (1.0 - share) * c[at]


@njit(forceinline=True)
def carried_in(i, j, k, shape, faces, values, far):
    """Upwind amount entering voxel (i, j, k) through its faces per time [mol/s]; arguments from `flattened`."""
    nx, ny, nz = shape
    qx, qy, qz = faces
    c, low, theta = values
    sx = ny * nz
    at, y, z = i * sx + j * nz + k, (i * (ny + 1) + j) * nz + k, (i * ny + j) * (nz + 1) + k
    total = 0.0
    if qx[at] > 0.0:
        total += qx[at] * (donor_value(at - sx, c, low, theta) if i > 0 else far)
    if qx[at + sx] < 0.0:
        total -= qx[at + sx] * (donor_value(at + sx, c, low, theta) if i + 1 < nx else far)
    if qy[y] > 0.0:
        total += qy[y] * (donor_value(at - nz, c, low, theta) if j > 0 else far)
    if qy[y + nz] < 0.0:
        total -= qy[y + nz] * (donor_value(at + nz, c, low, theta) if j + 1 < ny else far)
    if qz[z] > 0.0:
        total += qz[z] * (donor_value(at - 1, c, low, theta) if k > 0 else far)
    if qz[z + 1] < 0.0:
        total -= qz[z + 1] * (donor_value(at + 1, c, low, theta) if k + 1 < nz else far)
    return total


@njit(forceinline=True)
def upwind_terms(here, share, inflow, out, lost, net, volume, leaks, start, end):
    """Numerator and denominator of the upwind solution of a voxel at the end of a sub-step.

    (W1 + dt theta out + dt b lost) c1 = (W0 - dt (1 - theta) out - dt (1 - b) lost) c0 + dt inflow: all coefficients
    non-negative, and those on the right add up to the one on the left when nothing is gained or retained.
    b = max(1/2, theta) makes the uptake by vessels second order in time. here: c0; share: theta; inflow: through faces
    and needle [mol/s]; out, lost, net, volume: of this voxel; leaks: 1 - retained.
    """
    dt = end - start
    leaving, taken, taken_share = dt * out, dt * leaks * lost, max(0.5, share)
    explicit = (volume + start * net) - (1.0 - share) * leaving - (1.0 - taken_share) * taken
    return max(explicit, 0.0) * here + dt * inflow, (volume + end * net) + share * leaving + taken_share * taken


@njit(forceinline=True)
def slope(at, step, c, volume, has_before, has_after):
    """Central difference per voxel, one-sided beside the outside of the grid or a dry voxel, zero between two such."""
    has_before, has_after = has_before and volume[at - step] > 0.0, has_after and volume[at + step] > 0.0
    if has_before and has_after:
        return 0.5 * (c[at + step] - c[at - step])
    if has_after:
        return c[at + step] - c[at]
    return c[at] - c[at - step] if has_before else 0.0


@njit(forceinline=True)
def carried_past(i, j, k, shape, faces, c, volume):
    """Amount that central slopes carry out of voxel (i, j, k) per time, Q . grad c [mol/s]."""
    nx, ny, nz = shape
    qx, qy, qz = faces
    sx = ny * nz
    at, y, z = i * sx + j * nz + k, (i * (ny + 1) + j) * nz + k, (i * ny + j) * (nz + 1) + k
    total = 0.5 * (qx[at] + qx[at + sx]) * slope(at, sx, c, volume, i > 0, i + 1 < nx)
    total += 0.5 * (qy[y] + qy[y + nz]) * slope(at, nz, c, volume, j > 0, j + 1 < ny)
    total += 0.5 * (qz[z] + qz[z + 1]) * slope(at, 1, c, volume, k > 0, k + 1 < nz)
    return total


@njit_parallel()
def upwind_sweep(window, c, low, drift, theta, flow, species, start, end):
    """Fill `low` (upwind solution; implicit voxels keep theirs) and `drift` (half-step change) inside the window.

    species = (needle concentration, far-field concentration, 1 - retained).
    """
    _, _, _, needle, gained, lost, out, net, volume = flow
    injected, far, leaks = species
    i0, i1, j0, j1, k0, k1 = window
    half, middle = 0.5 * (end - start), 0.5 * (start + end)
    faces, values = flattened(flow, c, low, theta)
    fluid = volume.reshape(volume.size)
    for i in prange(i0, i1):
        for j in range(j0, j1):
            for k in range(k0, k1):
                here, brought, taken = c[i, j, k], needle[i, j, k], lost[i, j, k]
                change, w = net[i, j, k], volume[i, j, k]
                if theta[i, j, k] == 0.0:
                    inflow = carried_in(i, j, k, c.shape, faces, values, far) + brought * injected
                    above, below = upwind_terms(here, 0.0, inflow, out[i, j, k], taken, change, w, leaks, start, end)
                    low[i, j, k] = above / below if below > 0.0 else here
                sources = brought * (injected - here) - gained[i, j, k] * here + (1.0 - leaks) * taken * here
                sources -= carried_past(i, j, k, c.shape, faces, values[0], fluid)
                w += middle * change
                drift[i, j, k] = half * sources / w if w > 0.0 else 0.0


@njit(forceinline=True)
def face_correction(at, step, flux, dt, has_before, has_after, c, drift, theta, middle):
    """Second-order minus upwind amount [mol] through the face between voxels `at - step` and `at`, along the index.

    flux: through the face [m3/s]; has_before, has_after: whether there is a voxel beyond either; middle: W at half
    step. Zero beside an implicit voxel.
    """
    before = at - step
    if flux == 0.0 or theta[at] > 0.0 or theta[before] > 0.0:
        return 0.0
    amount, left, right = dt * flux, c[before], c[at]
    if flux > 0.0:
        beyond = c[before - step] if has_before and middle[before - step] > 0.0 else 2.0 * left - right
        return amount * (face_value(beyond, left, right, amount / middle[before], drift[before]) - left)
    beyond = c[at + step] if has_after and middle[at + step] > 0.0 else 2.0 * right - left
    return amount * (face_value(beyond, right, left, -amount / middle[at], drift[at]) - right)


@njit_parallel()
def half_step_volume(window, flow, when, middle):
    """Fill W at time `when` inside the window."""
    net, volume = flow[7], flow[8]
    i0, i1, j0, j1, k0, k1 = window
    for i in prange(i0, i1):
        for j in range(j0, j1):
            for k in range(k0, k1):
                middle[i, j, k] = volume[i, j, k] + when * net[i, j, k]


@njit_parallel()
def correction_fluxes(window, c, drift, theta, flow, middle, edges, dt):
    """Fill the corrections [mol] at the low faces of the voxels of the window, zero on its rim.

    middle: W at half step; edges = (x, y, z), filled.
    """
    ax, ay, az = edges
    (qx, qy, qz), (old, _, share) = flattened(flow, c, c, theta)
    nx, ny, nz = c.shape
    i0, i1, j0, j1, k0, k1 = window
    change, fluid = drift.reshape(c.size), middle.reshape(c.size)
    sx = ny * nz
    for i in prange(i0, i1):
        for j in range(j0, j1):
            for k in range(k0, k1):
                at, y, z = i * sx + j * nz + k, (i * (ny + 1) + j) * nz + k, (i * ny + j) * (nz + 1) + k
                x_part = y_part = z_part = 0.0
                if i > i0:
                    x_part = face_correction(at, sx, qx[at], dt, i > 1, i + 1 < nx, old, change, share, fluid)
                if j > j0:
                    y_part = face_correction(at, nz, qy[y], dt, j > 1, j + 1 < ny, old, change, share, fluid)
                if k > k0:
                    z_part = face_correction(at, 1, qz[z], dt, k > 1, k + 1 < nz, old, change, share, fluid)
                ax[i, j, k], ay[i, j, k], az[i, j, k] = x_part, y_part, z_part


@njit_parallel()
def correction_limits(window, c, low, edges, limits, flow, end):
    """Fill the shares of rises and falls that keep each voxel between its neighbours' old and upwind values.

    edges: the corrections (x, y, z); limits = (rise, fall), filled.
    """
    ax, ay, az = edges
    rise, fall = limits
    net, volume = flow[7], flow[8]
    i0, i1, j0, j1, k0, k1 = window
    for i in prange(i0, i1):
        for j in range(j0, j1):
            for k in range(k0, k1):
                least = min(c[i, j, k], low[i, j, k])
                most = max(c[i, j, k], low[i, j, k])
                for side in range(6):
                    ii = min(max(i + (side == 1) - (side == 0), i0), i1 - 1)
                    jj = min(max(j + (side == 3) - (side == 2), j0), j1 - 1)
                    kk = min(max(k + (side == 5) - (side == 4), k0), k1 - 1)
                    if volume[ii, jj, kk] > 0.0:
                        least = min(least, c[ii, jj, kk], low[ii, jj, kk])
                        most = max(most, c[ii, jj, kk], low[ii, jj, kk])
                east = ax[i + 1, j, k] if i + 1 < i1 else 0.0
                north = ay[i, j + 1, k] if j + 1 < j1 else 0.0
                top = az[i, j, k + 1] if k + 1 < k1 else 0.0
                west, south, bottom = ax[i, j, k], ay[i, j, k], az[i, j, k]
                up = max(west, 0.0) + max(south, 0.0) + max(bottom, 0.0)
                up += max(-east, 0.0) + max(-north, 0.0) + max(-top, 0.0)
                down = max(-west, 0.0) + max(-south, 0.0) + max(-bottom, 0.0)
                down += max(east, 0.0) + max(north, 0.0) + max(top, 0.0)
                room = SHORTENED * (volume[i, j, k] + end * net[i, j, k])
                room_up, room_down = room * (most - low[i, j, k]), room * (low[i, j, k] - least)
                rise[i, j, k] = 1.0 if up <= room_up else room_up / up
                fall[i, j, k] = 1.0 if down <= room_down else room_down / down


@njit(forceinline=True)
def limited(amount, rise_left, fall_left, rise_right, fall_right):
    """A correction from left to right, shortened to what both voxels can bear."""
    if amount >= 0.0:
        return amount * min(fall_left, rise_right)
    return amount * min(rise_left, fall_right)


@njit_parallel()
def apply_correction(window, c, low, edges, limits, flow, end):
    """c = low + limited corrections / W1 inside the window; arguments as for `correction_limits`."""
    ax, ay, az = edges
    rise, fall = limits
    net, volume = flow[7], flow[8]
    i0, i1, j0, j1, k0, k1 = window
    for i in prange(i0, i1):
        for j in range(j0, j1):
            for k in range(k0, k1):
                up, down = rise[i, j, k], fall[i, j, k]
                total = 0.0
                if i > i0:
                    total += limited(ax[i, j, k], rise[i - 1, j, k], fall[i - 1, j, k], up, down)
                if i + 1 < i1:
                    total -= limited(ax[i + 1, j, k], up, down, rise[i + 1, j, k], fall[i + 1, j, k])
                if j > j0:
                    total += limited(ay[i, j, k], rise[i, j - 1, k], fall[i, j - 1, k], up, down)
                if j + 1 < j1:
                    total -= limited(ay[i, j + 1, k], up, down, rise[i, j + 1, k], fall[i, j + 1, k])
                if k > k0:
                    total += limited(az[i, j, k], rise[i, j, k - 1], fall[i, j, k - 1], up, down)
                if k + 1 < k1:
                    total -= limited(az[i, j, k + 1], up, down, rise[i, j, k + 1], fall[i, j, k + 1])
                w = volume[i, j, k] + end * net[i, j, k]
                c[i, j, k] = low[i, j, k] + total / w if w > 0.0 else low[i, j, k]
