"""The law of one front: how fast agent enters a partly swept voxel, and how far the front gets.

Per face, with p the depth of the front, U = s p + what is on its way (both per area), and a donor at distance delta:

    theta c_f / s = sqrt(pi) l exp(l^2) erf(l)                      similarity profile, c_f at the face
    J             = 2 s^2 l^2 exp(2 l^2) D / U                      inflow [mol m-2 s-1]
    J             = theta D (c_d - c_f) / delta                     through the donor's last stretch, if flat
    J = V (theta c_f + s),  V delta / D = ln((theta c_d + s) / (theta c_f + s))     the same, where a front has passed
    d(p^2)/dt     = 4 D ln(U / (s p))                               advance

The last follows from the profile's mean, theta c_mean / s = exp(l^2) - 1. All four are exact for a face at a constant
concentration (delta = 0) and, at small theta c / s, for the quasi-steady shrinking core at any delta.
"""

import math

from ...numerics.jit import njit

_ROOT_PI = math.sqrt(math.pi)
_ROOT_TWO = math.sqrt(2.0)


@njit()
def first_guess(ratio, goal, opening, flat, film_share, profiled):
    """An upper bound of the root of `front_number`, from each of its terms alone."""
    high = min(math.sqrt(0.5 * ratio), math.sqrt(goal))
    if flat > 0.0:
        high = min(high, max(_ROOT_TWO * ratio / opening, math.sqrt(_ROOT_TWO * ratio / flat)))
    if film_share > 0.0:
        high = min(high, math.sqrt(ratio / film_share))
    if profiled > 0.0:
        high = min(high, math.sqrt(goal * (1.0 + ratio) / profiled))
    return high


@njit()
def front_number(ratio, opening, flat, film_share, profiled):
    """Root l of ln(1 + M(l)) + profiled q / (1 + M(l)) = ln(1 + ratio), q = l^2 exp(2 l^2), to 1e-10.

        M = sqrt(pi) l exp(l^2) erf(l)                      theta c_f / s at the face
            + 1 / sqrt(1 / (opening l exp(l^2))^2 + 1 / (flat q)^2)     lost over a flat donor
            + film_share q                                  lost over the reaction zone

    Safeguarded Newton between zero and the least upper bound of the terms.
    """
    if ratio <= 0.0:
        return 0.0
    goal = math.log1p(ratio)
    low = 0.0
    high = first_guess(ratio, goal, opening, flat, film_share, profiled)
    root = high
    for _ in range(100):
        grown = math.exp(root * root)
        q = root * grown * root * grown
        steep = 1.0 + 2.0 * root * root
        dq = 2.0 * root * grown * grown * steep
        own = _ROOT_PI * math.erf(root) * grown
        m = root * own + film_share * q
        dm = own * steep + 2.0 * root + film_share * dq
        if flat > 0.0:
            along, across = 1.0 / (opening * root * grown) ** 2, 1.0 / (flat * q) ** 2
            lost = 1.0 / math.sqrt(along + across)
            m += lost
            dm += lost**3 * (along * steep / root + across * dq / q)
        value = math.log1p(m) + profiled * q / (1.0 + m) - goal
        slope = (dm + profiled * (dq - q * dm / (1.0 + m))) / (1.0 + m)
        if value > 0.0:
            high = root
        else:
            low = root
        new = root - value / slope if slope > 0.0 else low
        if not (low < new < high):
            new = 0.5 * (low + high)
        change = abs(new - root)
        root = new
        if change <= 1e-10 * root:
            break
    return root


@njit()
def film(depth, zone):
    """Extra distance [m] that a reaction zone of width `zone` [m] adds to a front at `depth` [m].

    Quasi-steady diffusion with k finite has the first integral depth^2 = 2 zone^2 (w - 1 + exp(-w)), w = k E at the
    face, and the inflow theta D c (1 - exp(-w)) / depth: a distance depth / (1 - exp(-w)) in place of depth.
    """
    if zone <= 0.0 or depth > 8.0 * zone:
        return 0.0
    if depth < 0.05 * zone:
        return zone - 2.0 / 3.0 * depth
    target = 0.5 * (depth / zone) ** 2
    w = target + 1.0
    for _ in range(60):
        change = (w - 1.0 + math.exp(-w) - target) / -math.expm1(-w)
        w -= change
        if change <= 1e-10 * w:
            break
    return depth / -math.expm1(-w) - depth


@njit()
def inflow(uptake, demand, ratio, diffusivity, donor, zone):
    """Inflow J [mol m-2 s-1] of a face: uptake U [mol/m2], demand s [mol/m3], ratio theta c_d / s, D [m2/s], zone [m].

    donor: (flat, opening, profiled, behind) [m, 1, m, m]: the flat stretch opens as opening p / l up to flat, the
    profiled one counts in full (see `donor_distance` in `front_kernels`); behind: depth swept on the donor's side.
    """
    flat, opening, profiled, behind = donor
    number = 0.0
    depth = uptake / demand
    for _ in range(2):
        extra = film(depth + behind, zone)
        if extra > 0.0:
            extra = 1.0 / math.sqrt((1.0 / extra) ** 2 + (2.0 / math.pi * ratio * demand / uptake) ** 2)
        scale = 2.0 * demand / uptake
        number = front_number(ratio, 2.0 * opening, flat * scale, extra * scale, profiled * scale)
        if extra <= 0.0:
            break
        depth = uptake * math.exp(-number * number) / demand
    square = number * number
    return 2.0 * demand * demand * square * math.exp(2.0 * square) * diffusivity / uptake


@njit()
def first_resistance(demand, ratio, diffusivity, donor):
    """1 / J of an unswept voxel [m2 s/mol]: the donor's profiled stretch alone, J = s D ln(1 + ratio) / profiled."""
    return donor[2] / (diffusivity * demand * math.log1p(ratio))


@njit()
def uptake_after(uptake, demand, ratio, diffusivity, donor, zone, dt):
    """U after a time dt [s] at constant donor concentration: the trapezoid of dt = dU / J, in which 1/J is near linear.

    Exact in both limits, a face at constant concentration and a front far slower than its donor.
    """
    if uptake > 0.0:
        start = 1.0 / inflow(uptake, demand, ratio, diffusivity, donor, zone)
    else:
        start = first_resistance(demand, ratio, diffusivity, donor)
    end = uptake + demand * math.sqrt(ratio * (1.0 + ratio) * diffusivity * dt)
    for _ in range(8):
        if not end > uptake:  # below round-off of what has entered before, or of what numbers hold
            return uptake
        rise = (1.0 / inflow(end, demand, ratio, diffusivity, donor, zone) - start) / (end - uptake)
        root = math.sqrt(max(start * start + 2.0 * rise * dt, 0.0))
        new = uptake + 2.0 * dt / (start + root)
        change = abs(new - end)
        end = new
        if change <= 1e-4 * (end - uptake):
            break
    return end


@njit()
def depth_after(depth, uptake, demand, diffusivity, dt):
    """Depth p [m] after a time dt at uptake U: backward Euler of d(p^2)/dt = 4 D ln(U / (s p)), never above U / s.

    Exact along the similarity solution. With z = (s p / U)^2: z + kappa ln z = z0, solved for ln z from the right.
    """
    most = uptake / demand
    if most <= depth:
        return depth
    z0 = (depth / most) ** 2
    kappa = 2.0 * diffusivity * dt / (most * most)
    if kappa <= 0.0:
        return depth
    at = 0.0
    if z0 > 0.0:
        at = min(0.0, math.log(z0 - kappa * math.log(z0)))
    for _ in range(100):
        grown = math.exp(at)
        change = (grown + kappa * at - z0) / (grown + kappa)
        at -= change
        if change <= 1e-13 * (1.0 + abs(at)):
            break
    return max(depth, most * math.exp(0.5 * at))


@njit()
def lagging_depth(depth, uptake, demand, diffusivity, zone, dt):
    """The same with a reaction zone of width `zone` [m]: the agent on its way takes time to react.

        (p1^2 - p0^2) / (4 D ln(U / (s p1))) + (p1 - p0) zone^2 / (D (U / s - p1)) = dt

    The second time is that of fresh demand, k s / theta = D / zone^2 per second, exact before the front is formed. The
    left side rises from 0 to infinity between p0 and U / s: bisection.
    """
    most = uptake / demand
    if most <= depth or dt <= 0.0:
        return depth
    if zone <= 0.0:
        return depth_after(depth, uptake, demand, diffusivity, dt)
    low, high = depth, most
    for _ in range(60):
        at = 0.5 * (low + high)
        spent = (at * at - depth * depth) / (4.0 * math.log(most / at)) + (at - depth) * zone * zone / (most - at)
        if spent > diffusivity * dt:
            high = at
        else:
            low = at
        if high - low <= 1e-14 * high:
            break
    return low
