"""Compiled sweeps of the sub-voxel front: mark the voxels, ask the donors, draw, advance.

A front voxel holds, per reference volume: the swept fraction f, the shielded agent m [mol/m3], and its pools as voxel
means. Demand ahead of the front is s = sum of fast R_i / (1 - f); a pool is fast where its reaction zone is narrow.
The six faces count as -x, +x, -y, +y, -z, +z throughout.
"""

import math

import numpy as np

from ...numerics.jit import njit, njit_parallel, prange
from .front_law import film, lagging_depth, uptake_after
from .kernels import voxel_exposure

_HALF_ROOT_PI = 0.5 * math.sqrt(math.pi)
_SWEPT = 1.0 - 1e-9  # a voxel swept this far counts as swept: what is left of it is consumed with the rest


@njit()
def neighbour(i, j, k, face):
    """Indices of the voxel across one of the six faces."""
    step = 2 * (face % 2) - 1
    axis = face // 2
    if axis == 0:
        return i + step, j, k
    if axis == 1:
        return i, j + step, k
    return i, j, k + step


@njit()
def inside(i, j, k, box):
    """Whether a voxel lies in the box."""
    return box[0] <= i < box[1] and box[2] <= j < box[3] and box[4] <= k < box[5]


@njit()
def flag(field, i, j, k):
    """A boolean field that is either of the grid's shape or a single value for all."""
    return field[min(i, field.shape[0] - 1), min(j, field.shape[1] - 1), min(k, field.shape[2] - 1)]


@njit()
def is_fast(rate, ahead, spread, width_square):
    """Whether the reaction zone is narrow: theta D / (k s) <= (zone h)^2, with ahead = s and spread = theta D."""
    return rate * ahead * width_square >= spread and rate * ahead > 0.0


@njit()
def fast_limit(i, j, k, pools, rates, rest, spread, width_square):
    """Square of the widest zone [m2] that moves with the sharpest front of a voxel: pools of one front, not of two.

    A tenth of the widest front, or three times the sharpest zone if that is more: a slower pool lags visibly behind
    and meets the agent in the swept part instead.
    """
    sharpest = 0.0
    for q in range(rates.size):
        sharpest = max(sharpest, rates[q] * pools[q, i, j, k] / rest)
    if sharpest <= 0.0:
        return width_square
    return min(width_square, max(0.01 * width_square, 9.0 * spread / sharpest))


@njit_parallel()
def mark_sweep(concentration, fluid, pools, rates, diffusivity, width_square, swept, shielded, box, mask):
    """Set mask in the box where diffusion meets fast demand; elsewhere give shielded agent back to the fluid."""
    for i in prange(box[0], box[1]):
        for j in range(box[2], box[3]):
            for k in range(box[4], box[5]):
                front = False
                theta, f = fluid[i, j, k], swept[i, j, k]
                spread = theta * diffusivity[i, j, k]
                if f < 1.0 and spread > 0.0:
                    for q in range(rates.size):
                        if is_fast(rates[q], pools[q, i, j, k] / (1.0 - f), spread, width_square):
                            front = True
                mask[i, j, k] = front
                if not front and shielded[i, j, k] > 0.0:
                    concentration[i, j, k] += shielded[i, j, k] / theta
                    shielded[i, j, k] = 0.0


@njit()
def donor_concentration(i, j, k, face, concentration, mask, walls, box):
    """Concentration that a face offers to the front voxel (i, j, k): of a neighbour without front, or of a wall."""
    a, b, c = neighbour(i, j, k, face)
    if a < 0 or b < 0 or c < 0 or a >= mask.shape[0] or b >= mask.shape[1] or c >= mask.shape[2]:
        return walls[face]
    if not inside(a, b, c, box) or mask[a, b, c]:
        return 0.0
    return concentration[a, b, c]


@njit()
def has_donor(i, j, k, concentration, mask, walls, box):
    """Whether a wall or a neighbour in the box offers agent: written out, since most voxels of a grid are asked."""
    i0, i1, j0, j1, k0, k1 = box[0], box[1], box[2], box[3], box[4], box[5]
    nx, ny, nz = mask.shape
    return (
        (i > i0 and concentration[i - 1, j, k] > 0.0 and not mask[i - 1, j, k])
        or (i + 1 < i1 and concentration[i + 1, j, k] > 0.0 and not mask[i + 1, j, k])
        or (j > j0 and concentration[i, j - 1, k] > 0.0 and not mask[i, j - 1, k])
        or (j + 1 < j1 and concentration[i, j + 1, k] > 0.0 and not mask[i, j + 1, k])
        or (k > k0 and concentration[i, j, k - 1] > 0.0 and not mask[i, j, k - 1])
        or (k + 1 < k1 and concentration[i, j, k + 1] > 0.0 and not mask[i, j, k + 1])
        or (i == 0 and walls[0] > 0.0)
        or (i == nx - 1 and walls[1] > 0.0)
        or (j == 0 and walls[2] > 0.0)
        or (j == ny - 1 and walls[3] > 0.0)
        or (k == 0 and walls[4] > 0.0)
        or (k == nz - 1 and walls[5] > 0.0)
    )


@njit()
def list_fronts(concentration, shielded, mask, walls, box, rows):
    """Collect the front voxels that have a donor or hold shielded agent. Returns their number.

    rows: (m, 3) filled as far as it reaches; where the number is larger, call again with more.
    """
    count = 0
    for i in range(box[0], box[1]):
        for j in range(box[2], box[3]):
            for k in range(box[4], box[5]):
                if not mask[i, j, k]:
                    continue
                if shielded[i, j, k] > 0.0 or has_donor(i, j, k, concentration, mask, walls, box):
                    if count < rows.shape[0]:
                        rows[count, 0], rows[count, 1], rows[count, 2] = i, j, k
                    count += 1
    return count


@njit()
def fast_demand(i, j, k, pools, rates, swept, spread, width_square):
    """Demand s ahead of the front [mol/m3] and the width [m] of its reaction zone, from the pools that are fast."""
    ahead, slowness = 0.0, 0.0
    rest = 1.0 - swept
    limit = fast_limit(i, j, k, pools, rates, rest, spread, width_square)
    for q in range(rates.size):
        s = pools[q, i, j, k] / rest
        if is_fast(rates[q], s, spread, limit):
            ahead += s
            slowness += s / rates[q]
    if ahead <= 0.0:
        return 0.0, 0.0
    return ahead, math.sqrt(spread * slowness) / ahead


@njit()
def donor_distance(i, j, k, face, half, fluid, diffusivity, swept, stirred):
    """(flat, opening, profiled, behind) of `front_law.inflow`: the donor's stretch, as metres of the front's tissue.

    A wall or a stirred donor brings its concentration to the face. A donor filled by flow is flat up to its face and is
    emptied from there: its mean counts from 1/sqrt(1/a^2 + 1/(h/2)^2), a = sqrt(pi D t) = sqrt(pi) p / (2 l), which is
    within 6 % of the mean of the error function over a voxel. A donor that a front has swept
    has the profile of that front already: its half voxel counts from the start. In between, both in proportion.
    """
    a, b, c = neighbour(i, j, k, face)
    if a < 0 or b < 0 or c < 0 or a >= fluid.shape[0] or b >= fluid.shape[1] or c >= fluid.shape[2]:
        return 0.0, 0.0, 0.0, 0.0
    if flag(stirred, a, b, c):
        return 0.0, 0.0, 0.0, 0.0
    d_here, d_there = diffusivity[i, j, k], diffusivity[a, b, c]
    if fluid[a, b, c] * d_there <= 0.0:
        return math.inf, 0.0, 0.0, 0.0
    ratio = fluid[i, j, k] * d_here / (fluid[a, b, c] * d_there)
    f = swept[a, b, c]
    opening = _HALF_ROOT_PI * ratio * math.sqrt(d_there / d_here)
    return (1.0 - f) * half * ratio, opening, f * half * ratio, 2.0 * half * f


@njit()
def feeding_area(offers, areas):
    """Area [m2] across the way in of the agent, and its share of the faces it comes through.

    Opposite faces add, (sum c)^2 / sum c^2 of them; axes combine as the components of a vector, weighted with what they
    offer: the faces of a staircase are the projections of the oblique surface that it stands for.
    """
    top = 0.0
    for face in range(6):
        top = max(top, offers[face])
    if top <= 0.0:
        return max(areas[0], areas[1], areas[2]), 1.0
    square, through = 0.0, 0.0
    for axis in range(3):
        one, other = offers[2 * axis] / top, offers[2 * axis + 1] / top
        if max(one, other) > 0.0:
            part = areas[axis] * (one + other) ** 2 / (one * one + other * other) * max(one, other)
            square += part * part
            through += part
    return math.sqrt(square), math.sqrt(square) / through


@njit_parallel()
def request_sweep(
    rows, fields, pools, rates, width_square, spacing, areas, mask, stirred, walls, box, dt, requests, shape_of
):
    """For each front voxel and face, the amount [mol] it would take in dt from a donor that does not tire.

    fields: (concentration, fluid, diffusivity, swept, shielded); requests: (m, 6) and shape_of: (m, 2), filled;
    shape_of holds the area that feeds the front [m2] and the depth swept on the side it comes from [m].
    """
    concentration, fluid, diffusivity, swept, shielded = fields
    volume = spacing[0] * spacing[1] * spacing[2]
    for row in prange(rows.shape[0]):
        i, j, k = rows[row, 0], rows[row, 1], rows[row, 2]
        offers = np.zeros(6)
        for face in range(6):
            offers[face] = donor_concentration(i, j, k, face, concentration, mask, walls, box)
        requests[row, :] = 0.0
        area, slant = feeding_area(offers, areas)
        shape_of[row, 0], shape_of[row, 1] = area, 0.0
        spread = fluid[i, j, k] * diffusivity[i, j, k]
        ahead, zone = fast_demand(i, j, k, pools, rates, swept[i, j, k], spread, width_square)
        if ahead <= 0.0:
            continue
        uptake = (shielded[i, j, k] + ahead * swept[i, j, k]) * volume / area
        given = 0.0
        for face in range(6):
            ratio = fluid[i, j, k] * offers[face] / ahead
            if ratio <= 0.0:
                continue
            half = 0.5 * slant * spacing[face // 2]
            donor = donor_distance(i, j, k, face, half, fluid, diffusivity, swept, stirred)
            if donor[0] < math.inf:
                after = uptake_after(uptake, ahead, ratio, diffusivity[i, j, k], donor, zone, dt)
                requests[row, face] = (after - uptake) * areas[face // 2] * slant
                given += requests[row, face]
                shape_of[row, 1] += requests[row, face] * donor[3]
        if given > 0.0:
            shape_of[row, 1] /= given


@njit()
def granted_share(asked, content):
    """Share of what is asked of a donor that it gives: (1 - exp(-x)) / x, x = asked / content."""
    if asked < 1e-12 * content:
        return 1.0
    x = asked / content if content > 0.0 else math.inf
    return -math.expm1(-x) / x if x < math.inf else 0.0


@njit()
def draw_sweep(rows, requests, concentration, fluid, held, box, volume, asked, gained):
    """Grant the requests and draw them from the donors: a donor asked for x times what it holds gives 1 - exp(-x).

    requests (m, 6): asked amounts in, granted amounts out; asked: (nx, ny, nz) workspace, zero where not in use;
    gained: (2,), amounts from outer walls and from held donors, added to. Serial, in the order of rows.
    """
    shape = concentration.shape
    for row in range(rows.shape[0]):
        for face in range(6):
            if requests[row, face] > 0.0:
                a, b, c = neighbour(rows[row, 0], rows[row, 1], rows[row, 2], face)
                if inside(a, b, c, (0, shape[0], 0, shape[1], 0, shape[2])):
                    asked[a, b, c] += requests[row, face]
    for row in range(rows.shape[0]):
        for face in range(6):
            if requests[row, face] > 0.0:
                a, b, c = neighbour(rows[row, 0], rows[row, 1], rows[row, 2], face)
                if not inside(a, b, c, (0, shape[0], 0, shape[1], 0, shape[2])):
                    gained[0] += requests[row, face]
                elif flag(held, a, b, c):
                    gained[1] += requests[row, face]
                else:
                    content = fluid[a, b, c] * concentration[a, b, c] * volume
                    requests[row, face] *= granted_share(asked[a, b, c], content)
    settle_donors(rows, concentration, fluid, held, volume, asked)


@njit()
def settle_donors(rows, concentration, fluid, held, volume, asked):
    """Take from each donor what it gave, once, and clear the workspace."""
    for row in range(rows.shape[0]):
        for face in range(6):
            a, b, c = neighbour(rows[row, 0], rows[row, 1], rows[row, 2], face)
            if min(a, b, c) < 0 or a >= asked.shape[0] or b >= asked.shape[1] or c >= asked.shape[2]:
                continue
            if asked[a, b, c] > 0.0:
                if not flag(held, a, b, c):
                    content = fluid[a, b, c] * concentration[a, b, c] * volume
                    given = granted_share(asked[a, b, c], content) * asked[a, b, c]
                    if given > 0.0:
                        left = max(content - given, 0.0) / content
                        concentration[a, b, c] *= left
                asked[a, b, c] = 0.0


@njit()
def consume_slow(i, j, k, pools, rates, loss_rate, fast, fluid, f, m, dt, work, taken):
    """Shielded agent meets, in the swept part, the pools that are not fast, and its own loss. Returns m and exposure.

    fast: (n,) marks; work: (4, n) scratch; taken: (n + 1,) added to [mol per m3 of voxel].
    """
    n = rates.size
    stores = work[3]
    for q in range(n):
        stores[q] = 0.0 if fast[q] else pools[q, i, j, k] * f
    theta = fluid[i, j, k] * f
    exposure = voxel_exposure(m / theta, theta, stores, rates, loss_rate, dt, work)
    spent = theta * loss_rate * exposure
    taken[n] += spent
    for q in range(n):
        consumed = -stores[q] * math.expm1(-rates[q] * exposure)
        if consumed > 0.0:
            pools[q, i, j, k] -= consumed
            taken[q] += consumed
            spent += consumed
    return max(m - spent, 0.0), exposure


@njit()
def advance_voxel(
    i, j, k, entered, shape, fields, pools, rates, loss_rate, width_square, volume, dt, work, fast, taken
):
    """One front voxel: store what entered, move the front, consume what it passes. Returns True once it is swept."""
    fluid, diffusivity, swept, shielded, dose = fields
    f0 = swept[i, j, k]
    spread = fluid[i, j, k] * diffusivity[i, j, k]
    ahead, zone = fast_demand(i, j, k, pools, rates, f0, spread, width_square)
    uptake = shielded[i, j, k] + entered + ahead * f0
    reach = volume / shape[0]
    zone = film(shape[1], zone)
    depth = lagging_depth(f0 * reach, uptake * reach, ahead, diffusivity[i, j, k], zone, dt)
    f1 = min(max(depth / reach, f0), 1.0)
    if f1 >= _SWEPT and uptake >= ahead:
        f1 = 1.0
    m = shielded[i, j, k] + entered
    limit = fast_limit(i, j, k, pools, rates, 1.0 - f0, spread, width_square)
    for q in range(rates.size):
        fast[q] = is_fast(rates[q], pools[q, i, j, k] / (1.0 - f0), spread, limit)
        if fast[q] and f1 > f0:
            consumed = min(pools[q, i, j, k] * ((f1 - f0) / (1.0 - f0)), m)
            taken[q] += consumed
            m -= consumed
            pools[q, i, j, k] = pools[q, i, j, k] - consumed if f1 < 1.0 else 0.0
    if f1 > 0.0 and m > 0.0:
        m, exposure = consume_slow(i, j, k, pools, rates, loss_rate, fast, fluid, f1, m, dt, work, taken)
        dose[i, j, k] += exposure
    swept[i, j, k], shielded[i, j, k] = f1, m
    return f1 >= 1.0


@njit()
def advance_sweep(
    rows, granted, shape_of, fields, concentration, pools, rates, loss_rate, width_square, volume, dt, mask, taken
):
    """Advance all listed front voxels; a voxel that is swept gives its agent to its fluid and becomes ordinary.

    fields: (fluid, diffusivity, swept, shielded, dose); taken: (n + 1,) added to, in the order of rows.
    """
    fluid, shielded = fields[0], fields[3]
    work, fast = np.empty((4, rates.size)), np.zeros(rates.size, dtype=np.bool_)
    for row in range(rows.shape[0]):
        i, j, k = rows[row, 0], rows[row, 1], rows[row, 2]
        entered = 0.0
        for face in range(6):
            entered += granted[row, face]
        if advance_voxel(
            i,
            j,
            k,
            entered / volume,
            shape_of[row],
            fields,
            pools,
            rates,
            loss_rate,
            width_square,
            volume,
            dt,
            work,
            fast,
            taken,
        ):
            mask[i, j, k] = False
            concentration[i, j, k] += shielded[i, j, k] / fluid[i, j, k]
            shielded[i, j, k] = 0.0
