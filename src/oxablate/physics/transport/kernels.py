"""Sweeps of the advective step over a window of the grid.

A window is six integers (i0, i1, j0, j1, k0, k1), half open. A flow is the tuple
(qx, qy, qz, needle, gained, lost, out, net, volume, supplied): the fluxes of the step, the fluid leaving each voxel
through its faces, dW/dt, W at the start of the flow step, so that W(t) = volume + t net, and what the needle field
brings of the species at work [mol/s].

Traffic in float64 words per voxel, sub-step and species when no array stays in cache (a roofline counts these):
filling `supplied` 2, prepare 7, upwind_sweep 17, correction_fluxes 10, correction_limits 9, apply_correction 9, and 10
for choosing the step and the window. Once a flow step, on the whole grid: survey_flow 9, advance_volume 3, the window
1 a species.
"""

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from .equations import face_value

#: float64 words moved per voxel by one advective sub-step of one species (read and written, nothing kept in cache).
ADVECTION_WORDS = 2 + 7 + 17 + 10 + 9 + 9 + 10

#: The same per flow step for the fluid alone, on the whole grid.
FLOW_WORDS = 9 + 3

#: Indices of this type need no check for negative values in the inner loops, which can then be vectorised.
uint = np.uint64

#: A limiter factor is shortened by this, so that round-off cannot carry a voxel past its bounds.
SHORTENED = 1.0 - 4e-15


#: What `survey_flow` finds of each i-plane, by column.
LEAST_SOURCE, LEAST_VOLUME, MOST_MOVING, MOST_LOST, FASTEST, STRAY = range(6)


#: Concentrations below this, in any unit, are next to the smallest numbers a machine can hold.
_UNDERFLOW = 1e-290


@njit_parallel()
def survey_flow(flow, dt, planes):
    """Fill `out` (fluid leaving through faces) and `net` (dW/dt) [m3/s] of the flow tuple; survey each i-plane.

    planes: (nx, 6), filled: least source, least W at start or end of dt, most of out and |net|, most of lost, the
    largest rate at which a voxel is emptied through its outlets, (out + lost) / least W [1/s], count of voxels that
    are not finite.
    """
    qx, qy, qz, needle, gained, lost, out, net, volume, _ = flow
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
    """Upwind amount [mol/s] and fluid [m3/s] entering voxel (i, j, k) through its faces; arguments from `flattened`."""
    nx, ny, nz = shape
    qx, qy, qz = faces
    c, low, theta = values
    sx = ny * nz
    at, y, z = i * sx + j * nz + k, (i * (ny + 1) + j) * nz + k, (i * ny + j) * (nz + 1) + k
    inwards = (qx[at], -qx[at + sx], qy[y], -qy[y + nz], qz[z], -qz[z + 1])
    steps = (-sx * (i > 0), sx * (i + 1 < nx), -nz * (j > 0), nz * (j + 1 < ny), -1 * (k > 0), 1 * (k + 1 < nz))
    amount = fluid = 0.0
    for side in range(6):
        if inwards[side] > 0.0:
            fluid += inwards[side]
            amount += inwards[side] * (donor_value(at + steps[side], c, low, theta) if steps[side] != 0 else far)
    return amount, fluid


@njit(forceinline=True)
def upwind_terms(here, share, amount, fluid, out, lost, net, volume, leaks, start, end):
    """Numerator and denominator of the upwind solution of a voxel at the end of a sub-step.

    (W1 + dt theta out + dt b lost) c1 = (W0 - dt (1 - theta) out - dt (1 - b) lost) c0 + dt amount: all coefficients
    non-negative, and those on the right add up to the one on the left when nothing is gained or retained. So that they
    do in floating point, where W1 may be a small rest of what passes, the one on the left is computed as their sum.
    b = max(1/2, theta) makes the uptake by vessels second order in time. here: c0; share: theta; amount, fluid:
    entering through faces and sources [mol/s, m3/s]; out, lost, net, volume: of this voxel; leaks: 1 - retained.
    """
    dt = end - start
    leaving, taken, taken_share = dt * out, dt * leaks * lost, max(0.5, share)
    explicit = max((volume + start * net) - (1.0 - share) * leaving - (1.0 - taken_share) * taken, 0.0)
    return explicit * here + dt * amount, explicit + dt * fluid - dt * (1.0 - leaks) * lost


@njit_parallel()
def prepare(window, c, low, theta, flow, when, middle, given):
    """Fill W at time `when` and the concentration each voxel gives to its neighbours, inside the window."""
    net, volume = flow[7], flow[8]
    i0, i1, j0, j1, k0, k1 = window
    for i in prange(i0, i1):
        for j in range(j0, j1):
            for k in range(k0, k1):
                middle[i, j, k] = volume[i, j, k] + when * net[i, j, k]
                share, old = theta[i, j, k], c[i, j, k]
                given[i, j, k] = share * low[i, j, k] + (1.0 - share) * old if share > 0.0 else old


@njit(forceinline=True)
def slope(at, back, ahead, c, middle):
    """Central difference per voxel, one-sided beside the outside of the grid or a dry voxel, zero between two such.

    back, ahead: steps to the neighbours in flat indices, 0 where the grid ends.
    """
    before, here, after = c[uint(at - back)], c[uint(at)], c[uint(at + ahead)]
    has_before = back > 0 and middle[uint(at - back)] > 0.0
    has_after = ahead > 0 and middle[uint(at + ahead)] > 0.0
    one_sided = after - here if has_after else (here - before if has_before else 0.0)
    return 0.5 * (after - before) if has_before and has_after else one_sided


@njit(forceinline=True)
def from_faces(at, back, ahead, low_flux, high_flux, given, far):
    """Upwind amount [mol/s] and fluid [m3/s] entering through the two faces of one axis."""
    before = given[uint(at - back)] if back > 0 else far
    after = given[uint(at + ahead)] if ahead > 0 else far
    first, second = max(low_flux, 0.0), max(-high_flux, 0.0)
    return first * before + second * after, first + second


@njit(forceinline=True)
def upwind_line(first, last, steps, offsets, flat, arrays, species, start, end):
    """`upwind_sweep` for voxels first..last (flat) of a line along k that have the same neighbours on all sides.

    steps: to the neighbours before and behind on each axis, 0 where the grid ends; offsets: from a voxel to its low y
    and z faces, and between the two x and y faces.
    """
    xb, xa, yb, ya, zb, za = steps
    to_y, to_z, next_x, next_y = offsets
    qx, qy, qz, needle, gained, lost, out, net, volume, supplied = flat
    c, low, drift, theta, middle, given = arrays
    far, leaks = species
    half = 0.5 * (end - start)
    for at in range(first, last):
        u, y, z = uint(at), uint(at + to_y), uint(at + to_z)
        west, east, south, north = qx[u], qx[uint(at + next_x)], qy[y], qy[uint(at + to_y + next_y)]
        bottom, top = qz[z], qz[uint(at + to_z + 1)]
        here, brought, injected, taken = c[u], needle[u], supplied[u], lost[u]
        x_amount, x_fluid = from_faces(at, xb, xa, west, east, given, far)
        y_amount, y_fluid = from_faces(at, yb, ya, south, north, given, far)
        z_amount, z_fluid = from_faces(at, zb, za, bottom, top, given, far)
        amount = x_amount + y_amount + z_amount + injected
        fluid = x_fluid + y_fluid + z_fluid + brought + gained[u]
        above, below = upwind_terms(here, 0.0, amount, fluid, out[u], taken, net[u], volume[u], leaks, start, end)
        value = above / below if below > 0.0 else here
        low[u] = value if theta[u] == 0.0 else low[u]
        sources = injected - (brought + gained[u]) * here + (1.0 - leaks) * taken * here
        sources -= 0.5 * (west + east) * slope(at, xb, xa, c, middle)
        sources -= 0.5 * (south + north) * slope(at, yb, ya, c, middle)
        sources -= 0.5 * (bottom + top) * slope(at, zb, za, c, middle)
        drift[u] = half * sources / middle[u] if middle[u] > 0.0 else 0.0


@njit_parallel()
def upwind_sweep(window, shape, flat, arrays, species, start, end):
    """Fill `low` (upwind solution; implicit voxels keep theirs) and `drift` (half-step change) inside the window.

    flat: the flow tuple, flat; arrays = (c, low, drift, theta, middle, given), flat, the last two from `prepare`;
    species = (far-field concentration, 1 - retained).
    """
    nx, ny, nz = shape
    i0, i1, j0, j1, k0, k1 = window
    sx = ny * nz
    for i in prange(i0, i1):
        for j in range(j0, j1):
            line = i * sx + j * nz
            sides = (sx * (i > 0), sx * (i + 1 < nx), nz * (j > 0), nz * (j + 1 < ny))
            offsets = (i * nz, i * ny + j, sx, nz)
            low_end, high_end = max(k0, 1), min(k1, nz - 1)
            if k0 == 0:
                steps = (*sides, 0, 1 * (nz > 1))
                upwind_line(line, line + 1, steps, offsets, flat, arrays, species, start, end)
            upwind_line(line + low_end, line + high_end, (*sides, 1, 1), offsets, flat, arrays, species, start, end)
            if k1 == nz and nz > 1:
                upwind_line(line + nz - 1, line + nz, (*sides, 1, 0), offsets, flat, arrays, species, start, end)


@njit(forceinline=True)
def correction_line(first, last, step, back, ahead, to_face, q, edge, arrays, dt):
    """Second-order minus upwind amount [mol] through the low faces of voxels first..last (flat), along the index.

    step: to the voxel before; back, ahead: from there and from here one voxel further, 0 where the grid ends; to_face:
    from a voxel to its face in q. Zero beside an implicit voxel.
    """
    c, _, drift, theta, middle, _ = arrays
    for at in range(first, last):
        left_at, right_at = uint(at - step), uint(at)
        before_at, after_at = uint(at - step - back), uint(at + ahead)
        left, right, amount = c[left_at], c[right_at], dt * q[uint(at + to_face)]
        before = c[before_at] if back > 0 and middle[before_at] > 0.0 else 2.0 * left - right
        after = c[after_at] if ahead > 0 and middle[after_at] > 0.0 else 2.0 * right - left
        forward = amount > 0.0
        donor, receiver, beyond = left if forward else right, right if forward else left, before if forward else after
        fluid = middle[left_at] if forward else middle[right_at]
        change = drift[left_at] if forward else drift[right_at]
        value = face_value(beyond, donor, receiver, abs(amount) / fluid, change)
        slow = amount != 0.0 and theta[left_at] + theta[right_at] == 0.0
        edge[right_at] = amount * (value - donor) if slow else 0.0


@njit_parallel()
def correction_fluxes(window, shape, flat, arrays, edges, dt):
    """Fill the corrections [mol] at the low faces of the voxels of the window, zero on its rim.

    edges = (x, y, z), flat, filled; the others as for `upwind_sweep`.
    """
    nx, ny, nz = shape
    i0, i1, j0, j1, k0, k1 = window
    sx = ny * nz
    for i in prange(i0, i1):
        for j in range(j0, j1):
            line = i * sx + j * nz
            first, last, z = line + k0, line + k1, i * ny + j
            for edge in edges:
                edge[first:last] = 0.0
            if i > i0:
                back, ahead = sx * (i > 1), sx * (i + 1 < nx)
                correction_line(first, last, sx, back, ahead, 0, flat[0], edges[0], arrays, dt)
            if j > j0:
                back, ahead = nz * (j > 1), nz * (j + 1 < ny)
                correction_line(first, last, nz, back, ahead, i * nz, flat[1], edges[1], arrays, dt)
            if k0 < 1 < k1:
                correction_line(line + 1, line + 2, 1, 0, 1 * (nz > 2), z, flat[2], edges[2], arrays, dt)
            low_end, high_end = line + max(k0 + 1, 2), line + min(k1, nz - 1)
            correction_line(low_end, high_end, 1, 1, 1, z, flat[2], edges[2], arrays, dt)
            if k1 == nz > max(k0 + 1, 2):
                correction_line(line + nz - 1, line + nz, 1, 1, 0, z, flat[2], edges[2], arrays, dt)


@njit(forceinline=True)
def limit_line(first, last, steps, flat, arrays, edges, end):
    """`correction_limits` for voxels first..last (flat) of a line that have the same neighbours on all sides.

    steps: to the six neighbours, 0 at the rim of the window.
    """
    c, low, _, _, rise, fall = arrays
    net, volume = flat[7], flat[8]
    for at in range(first, last):
        u = uint(at)
        least, most = min(c[u], low[u]), max(c[u], low[u])
        up = down = 0.0
        for side in range(6):
            step = steps[side]
            forward = side % 2 == 1
            v = uint(at + step) if forward else uint(at - step)
            wet = volume[v] > 0.0
            least = min(least, c[v], low[v]) if wet else least
            most = max(most, c[v], low[v]) if wet else most
            edge = edges[side // 2][v if forward else u]
            inwards = (-edge if forward else edge) if step > 0 else 0.0
            up, down = up + max(inwards, 0.0), down + max(-inwards, 0.0)
        room = SHORTENED * (volume[u] + end * net[u])
        room_up, room_down = room * (most - low[u]), room * (low[u] - least)
        rise[u] = 1.0 if up <= room_up else room_up / up
        fall[u] = 1.0 if down <= room_down else room_down / down


@njit_parallel()
def correction_limits(window, shape, flat, arrays, edges, end):
    """Fill the shares of rises and falls that keep each voxel between its neighbours' old and upwind values.

    Arguments as for `correction_fluxes`, but the last two of `arrays` are (rise, fall), filled.
    """
    _, ny, nz = shape
    i0, i1, j0, j1, k0, k1 = window
    sx = ny * nz
    for i in prange(i0, i1):
        for j in range(j0, j1):
            line = i * sx + j * nz
            first, last = line + k0, line + k1
            sides = (sx * (i > i0), sx * (i + 1 < i1), nz * (j > j0), nz * (j + 1 < j1))
            limit_line(first, first + 1, (*sides, 0, 1 * (k1 > k0 + 1)), flat, arrays, edges, end)
            limit_line(first + 1, last - 1, (*sides, 1, 1), flat, arrays, edges, end)
            limit_line(max(last - 1, first + 1), last, (*sides, 1, 0), flat, arrays, edges, end)


@njit(forceinline=True)
def limited(amount, rise_left, fall_left, rise_right, fall_right):
    """A correction from left to right, shortened to what both voxels can bear."""
    return amount * (min(fall_left, rise_right) if amount >= 0.0 else min(rise_left, fall_right))


@njit_parallel()
def apply_correction(window, shape, flat, arrays, edges, end):
    """c = low + limited corrections / W1 inside the window; arguments as for `correction_limits`."""
    _, ny, nz = shape
    i0, i1, j0, j1, k0, k1 = window
    c, low, _, _, rise, fall = arrays
    net, volume = flat[7], flat[8]
    for i in prange(i0, i1):
        for j in range(j0, j1):
            line = (i * ny + j) * nz
            for at in range(line + k0, line + k1):
                u, total = uint(at), 0.0
                for axis in range(3):
                    step = (ny * nz, nz, 1)[axis]
                    # corrections on the rim of the window are zero: any voxel of the grid will do beyond it
                    before = uint(max(at - step, 0))
                    total += limited(edges[axis][u], rise[before], fall[before], rise[u], fall[u])
                    inside = (i + 1 < i1, j + 1 < j1, at + 1 < line + k1)[axis]
                    after = uint(at + step) if inside else u
                    leaving = limited(edges[axis][after], rise[u], fall[u], rise[after], fall[after])
                    total -= leaving if inside else 0.0
                w = volume[u] + end * net[u]
                value = low[u] + total / w if w > 0.0 else low[u]
                # limiters lose their guarantee where products underflow: there, nothing is left of the agent
                c[u] = value if value > _UNDERFLOW else 0.0
