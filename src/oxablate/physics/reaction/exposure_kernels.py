"""One voxel, one step: the exposure that any number of competing pools leave of one agent, to 1e-6.

Dimensionless throughout, so that no unit can hide in a tolerance: time in units of the step dt, concentration in units
of its value c0 at the start, exposure x = E / (c0 dt), stores r_i = R_i / (theta c0), rates a_i = k_i c0 dt, loss
l = lambda dt. Then dx/ds = g(x) = 1 - sum r_i (1 - exp(-a_i x)) - l x over 0 <= s <= 1: convex, decreasing, g <= 1.

Time is a plain integral over exposure, s = integral of dx / g, so stiffness never enters. The integral is marched over
panels of five Gauss points; a panel is as wide as the fastest pool that still counts allows (width * a_i <= 3.2, where
the nearest complex pole of 1/g, at distance pi / a_i, leaves an error below 1e-6). The one real pole, the exposure x*
at which the agent is used up, is subtracted and integrated in closed form when a panel comes near it.
"""

import math

from ...numerics.jit import njit

#: Five-point Gauss-Legendre rule on (0, 1) (Abramowitz and Stegun 1964, table 25.4).
_NODES = (
    0.5 - 0.5 * 0.9061798459386640,
    0.5 - 0.5 * 0.5384693101056831,
    0.5,
    0.5 + 0.5 * 0.5384693101056831,
    0.5 + 0.5 * 0.9061798459386640,
)
_WEIGHTS = (
    0.5 * 0.2369268850561891,
    0.5 * 0.4786286704993665,
    0.5 * 0.5688888888888889,
    0.5 * 0.4786286704993665,
    0.5 * 0.2369268850561891,
)
_PANEL = 3.2  # width of a panel times the rate of the fastest pool that still counts
_NEGLIGIBLE = 1e-9  # a pool whose remaining part of g is below this is no longer seen
_LINEAR = 1e-8  # a pool with a_i below this is a linear loss: 1 - exp(-a x) = a x to half of it
_EXHAUSTED = 40.0  # e-folds after which the agent is gone to round-off
_MAX_NEWTON = 200
_MAX_PANELS = 4000


@njit()
def one_pool_exposure(r, a):
    """Exposure x after one step with one pool and no loss: x = ln(1 + a phi(a (1 - r))) / a, phi(z) = (e^z - 1)/z."""
    z = a * (1.0 - r)
    if abs(z) < 1e-5:
        return math.log1p(a * (1.0 + 0.5 * z + z * z / 6.0)) / a
    if z > 30.0:
        return (z + math.log(math.exp(-z) - a * math.expm1(-z) / z)) / a
    return math.log1p(a * math.expm1(z) / z) / a


@njit()
def _slopes(x, r, a, n, loss):
    """g and -g' at exposure x."""
    g = 1.0 - loss * x
    slope = loss
    for i in range(n):
        left = r[i] * math.exp(-a[i] * x)
        g += r[i] * math.expm1(-a[i] * x)
        slope += a[i] * left
    return g, slope


@njit()
def _used_up(r, a, n, loss):
    """Exposure at which the agent is used up, and -g' there; (inf, 0) where it lies beyond 2, out of reach of a step.

    Newton from the left on a convex falling function rises monotonically to the root and needs no other safeguard.
    """
    total = 0.0
    for i in range(n):
        total += r[i]
    if 1.0 - total >= 2.0 * loss:
        return math.inf, 0.0
    x = 0.0
    for _ in range(_MAX_NEWTON):
        g, slope = _slopes(x, r, a, n, loss)
        if slope <= 0.0:
            return math.inf, 0.0
        step = g / slope
        if step <= 1e-15 * x:
            return x, slope
        x += step
        if x > 2.0:
            return math.inf, 0.0
    return x, slope


@njit()
def _near_pole(d, used_up, r, shares, a, n, loss):
    """g and slope * d - g at distance d below the used-up exposure, free of cancellation.

    shares: r_i exp(-a_i x*). The second value is -sum shares_i (expm1(a_i d) - a_i d), never positive.
    """
    g = loss * d
    bend = 0.0
    for i in range(n):
        z = a[i] * d
        if z < 1e-2:
            curve = z * z * (0.5 + z * (1.0 / 6.0 + z * (1.0 / 24.0 + z * (1.0 / 120.0 + z / 720.0))))
            g += shares[i] * (z + curve)
            bend -= shares[i] * curve
        elif z < 30.0:
            full = math.expm1(z)
            g += shares[i] * full
            bend -= shares[i] * (full - z)
        else:  # the exponential may overflow where its share underflows
            full = r[i] * math.exp(-a[i] * (used_up - d))
            g += full
            bend -= full
    return g, bend


@njit()
def _panel_time(start, end, r, a, n, loss):
    """Time to go from exposure start to end: five Gauss points of 1/g."""
    width = end - start
    total = 0.0
    for q in range(5):
        x = start + width * _NODES[q]
        g = 1.0 - loss * x
        for i in range(n):
            g += r[i] * math.expm1(-a[i] * x)
        total += _WEIGHTS[q] / g
    return total * width


@njit()
def _pole_rest(gap, d, used_up, r, shares, a, n, loss, slope):
    """The regular part, 1/g - 1/(slope d'), integrated from distance gap to distance d below the used-up exposure."""
    width = gap - d
    total = 0.0
    for q in range(5):
        at = gap - width * _NODES[q]
        g, bend = _near_pole(at, used_up, r, shares, a, n, loss)
        total += _WEIGHTS[q] * bend / (g * slope * at)
    return total * width


@njit()
def _finish_plain(start, g, end, spent, left, r, a, n, loss):
    """Exposure at which the time `left` has passed since `start`, known to lie before `end`, reached after `spent`.

    Safeguarded Halley from the cubic through both ends and their slopes.
    """
    low, high = start, end
    g_end, _ = _slopes(end, r, a, n, loss)
    y = left / spent
    rise = end - start
    x = start + y * (rise * y * (3.0 - 2.0 * y) + spent * (1.0 - y) * (g * (1.0 - y) - g_end * y))
    x = min(max(x, low), high)
    for _ in range(60):
        residual = _panel_time(start, x, r, a, n, loss) - left
        if residual > 0.0:
            high = x
        else:
            low = x
        g, slope = _slopes(x, r, a, n, loss)
        # F = time, F' = 1/g, F'' = slope/g^2: Halley's step
        step = residual * g / max(1.0 - 0.5 * residual * slope, 0.5)
        new = x - step
        if not (low <= new <= high):
            new = 0.5 * (low + high)
        if abs(new - x) <= 2e-3 * min(rise, new):  # cubic convergence: what is left is below 1e-8
            return new
        x = new
    return x


@njit()
def _finish_at_pole(used_up, gap, left, r, shares, a, n, loss, slope):
    """The same in a panel whose pole is subtracted; the unknown is the number of e-folds of the gap, nearly linear."""
    folds = slope * left
    for _ in range(60):
        d = gap * math.exp(-folds)
        residual = folds / slope + _pole_rest(gap, d, used_up, r, shares, a, n, loss, slope) - left
        g, _ = _near_pole(d, used_up, r, shares, a, n, loss)
        new = folds - residual * g / d
        if new < 0.0:
            new = 0.5 * folds
        change = abs(new - folds) * d
        folds = new
        if change * change <= 1e-8 * (used_up - d) * d or folds > _EXHAUSTED:  # quadratic convergence
            break
    return used_up - gap * math.exp(-folds)


@njit()
def _panel_width(x, g, r, a, n):
    """The widest panel from exposure x whose five points see every pool that still counts."""
    width = math.inf
    for i in range(n):
        left = r[i] * math.exp(-a[i] * x)
        if left > _NEGLIGIBLE * g:
            ease = math.log(g / left) if left < g else 0.0
            width = min(width, _PANEL / a[i] * (1.0 + ease * (0.1 + 0.005 * ease)))
    return width


@njit()
def exposure_of_step(r, a, n, loss, shares):
    """Exposure x = E/(c0 dt) after one step of n competing pools and a linear loss.

    r, a: (>= n,) stores and rates, a_i > 0, r_i > 0, large rates first or not; shares: (>= n,) workspace.
    Relative error below 1e-6 (3e-7 the worst measured); 0 < x <= 1.
    """
    used_up, slope = _used_up(r, a, n, loss)
    if used_up < math.inf:
        if slope >= _EXHAUSTED:
            return used_up
        for i in range(n):
            shares[i] = r[i] * math.exp(-a[i] * used_up)
    x, elapsed, g = 0.0, 0.0, 1.0
    for _ in range(_MAX_PANELS):
        width = _panel_width(x, g, r, a, n)
        gap = used_up - x
        left = 1.0 - elapsed
        reach = x + g * left  # g falls, so the step ends before this
        if gap < math.inf and width >= 0.5 * gap:
            if width >= gap:
                return _finish_at_pole(used_up, gap, left, r, shares, a, n, loss, slope)
            d = gap - width
            spent = math.log(gap / d) / slope + _pole_rest(gap, d, used_up, r, shares, a, n, loss, slope)
            if spent >= left:
                return _finish_at_pole(used_up, gap, left, r, shares, a, n, loss, slope)
            end = x + width
        else:
            end = min(x + min(width, 0.5 * gap), reach)
            spent = _panel_time(x, end, r, a, n, loss)
            if spent >= left or end >= reach:
                return _finish_plain(x, g, end, spent, left, r, a, n, loss)
        elapsed += spent
        x = end
        g, _ = _slopes(x, r, a, n, loss)
    return x
