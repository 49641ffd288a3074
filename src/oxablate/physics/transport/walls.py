"""What a voxel's crack fluid gives to the matrix through the crack walls in one step: closed forms, no inner steps.

The walls have the area 2 / b_c per volume; the matrix between two of them is a slab of half thickness L = b_c / 2,
stirred crack fluid of concentration c on both sides. Per reference volume, u [mol/m3]:

(a) fresh fast demand s (a front at p = f L, Neumann's similarity solution, with theta c = s M, see reaction.equations):

    M(l) = sqrt(pi) l exp(l^2) erf(l)       (u1)^2 = (u0)^2 + 4 s^2 l^2 exp(2 l^2) D dt / L^2
    u1 - u0 <= s + theta c - u0             the slab is swept and full

(b) no fast demand (a tracer, or a swept slab), c_m the matrix mean: the slab's filling from uniform,

    F^2 = tanh(4 tau / pi),  tau = D t / L^2,  F = c_m / c    while c >= c_m
    c_m1^2 = c^2 (c_m0^2 + T c^2) / (c^2 + T c_m0^2)          T = tanh(4 dtau / pi): the same, from any filling on
    c_m1 - c = (c_m0 - c) exp(- 8 dtau / pi)                  while c < c_m: the slowest mode of the same form

F is exact early (2 sqrt(tau / pi)); its last rate is 8 / pi against pi^2 / 4. The balance of a voxel's crack fluid,

    A c + V u(c) = B,

has one root, as u grows with c; found to round-off. u0 holds what the slab has taken: s f + shielded. c, c_m [mol/m3 of
fluid]; theta matrix fluid per volume [1]; D pore diffusivity [m2/s]; A [m3], B [mol], V voxel [m3].

Sources: (a) H. S. Carslaw and J. C. Jaeger, Conduction of Heat in Solids, 2nd ed., Oxford 1959, section 11.2; the form
of (b) after T. Vermeulen, Ind. Eng. Chem. 45 (1953) 1664-1670, doi:10.1021/ie50524a025, its constant from early times.
"""

import math

from ...numerics.jit import njit

_ROOT_PI = math.sqrt(math.pi)


@njit()
def similarity(root):
    """M(l), l^2 exp(2 l^2), and the derivatives of both."""
    grown = math.exp(root * root)
    own = _ROOT_PI * math.erf(root) * grown
    m, dm = root * own, own * (1.0 + 2.0 * root * root) + 2.0 * root
    g = root * grown * root * grown
    return m, g, dm, 2.0 * root * grown * grown * (1.0 + 2.0 * root * root)


@njit()
def front_root(capacity, amount, demand, theta, held, number):
    """Root l of A c(l) + V u(l) = B per volume, c = s M / theta, u = sqrt(u0^2 + 4 s^2 g D dt / L^2) - u0.

    capacity: A / V [1]; amount: B / V [mol/m3], > 0; number: D dt / L^2, > 0. Both terms are convex in l: Newton from
    above falls onto the root.
    """
    ratio = theta * amount / (capacity * demand) if capacity > 0.0 else math.inf
    reach = ((held + amount) ** 2 - held * held) / (4.0 * demand * demand * number)
    root = math.sqrt(min(0.5 * ratio, reach, math.log1p(ratio)))
    if not root > 1e-100:
        return 0.0
    for _ in range(60):
        m, g, dm, dg = similarity(root)
        stretch = 4.0 * demand * demand * number
        after = math.sqrt(held * held + stretch * g)
        over = capacity * demand / theta * m + stretch * g / (after + held) - amount
        slope = capacity * demand / theta * dm + 0.5 * stretch * dg / after
        change = over / slope
        root = max(root - change, 0.5 * root)
        if abs(change) <= 1e-14 * root:
            break
    return root


@njit()
def front_uptake(capacity, amount, demand, theta, held, number):
    """What a slab of fast demand takes, u1 - u0 [mol/m3], and c [mol/m3] that is left; arguments of `front_root`.

    The smaller part of the balance comes from the law, the other from the balance: both are good to round-off.
    """
    if amount <= 0.0 or number <= 0.0 or theta <= 0.0:
        return 0.0, amount / capacity
    root = front_root(capacity, amount, demand, theta, held, number)
    if root == 0.0:
        return 0.0, amount / capacity
    m, g, _, _ = similarity(root)
    stretch = 4.0 * demand * demand * number * g
    taken = stretch / (math.sqrt(held * held + stretch) + held)
    # swept and full before the step is over: what the slab can hold at the concentration that is left
    full = max(theta * amount + capacity * (demand - held), 0.0) / (capacity + theta)
    if taken <= full and taken > 0.5 * amount:
        left = min(demand * m / theta, amount / capacity)
        return amount - capacity * left, left
    taken = min(taken, full, amount)
    return taken, (amount - taken) / capacity


@njit()
def filled(inside, outside, early):
    """Matrix mean c_m1 [mol/m3] after a step in which the crack fluid stays at `outside` >= c_m0; early: T."""
    if outside <= 0.0:
        return inside
    share = (inside / outside) ** 2
    return outside * math.sqrt((share + early) / (1.0 + early * share))


@njit()
def exchange(capacity, amount, theta, inside, early, late):
    """What a slab without demand takes, theta (c_m1 - c_m0) [mol/m3], negative where it gives back, and c [mol/m3].

    early: T = tanh(4 dtau / pi); late: 1 - exp(-8 dtau / pi); the others as for `front_root`.
    """
    if theta <= 0.0 or early <= 0.0:
        return 0.0, amount / capacity
    if amount <= capacity * inside:
        left = (amount + theta * late * inside) / (capacity + theta * late)
        return theta * late * (amount - capacity * inside) / (capacity + theta * late), left
    outside = exchange_root(capacity, amount, theta, inside, early)
    if capacity < theta:
        return amount - capacity * outside, outside
    taken = min(theta * (filled(inside, outside, early) - inside), amount)
    return taken, (amount - taken) / capacity


@njit()
def exchange_root(capacity, amount, theta, inside, early):
    """Root c >= c_m0 of A c + V theta (c_m1 - c_m0) = B, per volume; arguments of `exchange`. Newton, kept inside."""
    low, high = inside, amount / capacity
    outside = min((amount + theta * inside) / (capacity + theta * math.sqrt(early)), high)
    for _ in range(100):
        after = filled(inside, outside, early)
        over = capacity * outside + theta * (after - inside) - amount
        if over > 0.0:
            high = outside
        else:
            low = outside
        share = (inside / outside) ** 2
        rise = after / outside * (1.0 - share * (1.0 - early * early) / ((share + early) * (1.0 + early * share)))
        new = outside - over / (capacity + theta * rise)
        if not (low < new < high):
            new = 0.5 * (low + high)
        change, outside = abs(new - outside), new
        if change <= 1e-14 * outside:
            break
    return outside
