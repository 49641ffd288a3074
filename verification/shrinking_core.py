"""Independent reference for a front that eats into a slab, a cylinder or a sphere from all sides (one dimension).

    c_t = D (c_rr + (m / r) c_r),  X(t) < r < a,    c(a) = c0,  c(X) = 0,  s dX/dt = -D c_r(X)

m = 0, 1, 2. The moving part is mapped to 0 < y < 1 (H. G. Landau, Q. Appl. Math. 8 (1950) 81-94), Chebyshev points
in y, Radau in time, started from Neumann's planar solution at a depth of 1e-3 a. Units: a = D = s = 1. Shares nothing
with the package.
"""

import numpy as np
from numpy.polynomial import chebyshev
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.special import erf


def neumann_number(ratio):
    """l of sqrt(pi) l exp(l^2) erf(l) = ratio."""
    return brentq(lambda n: np.sqrt(np.pi) * n * np.exp(n * n) * erf(n) - ratio, 1e-8, 8.0, xtol=1e-14)


def free_number(ratio):
    """l of sqrt(pi) l exp(l^2) (1 + erf(l)) = ratio: the source is a half-space of tissue filled with agent."""
    return brentq(lambda n: np.sqrt(np.pi) * n * np.exp(n * n) * (1 + erf(n)) - ratio, 1e-8, 8.0, xtol=1e-14)


def quasi_steady_time(m):
    """Time to the centre over a^2 s / (D c0): 1/2, 1/4, 1/6 (that is d^2/8, /16, /24)."""
    return 1.0 / (2.0 * (m + 1.0))


def differentiation(n):
    """Points on (0, 1), rising, and the first-derivative matrix on them."""
    y = 0.5 * (1 - np.cos(np.pi * np.arange(n + 1) / n))
    vander = chebyshev.chebvander(2 * y - 1, n)
    slopes = np.stack([chebyshev.chebval(2 * y - 1, 2 * chebyshev.chebder(row)) for row in np.eye(n + 1)], axis=1)
    return y, slopes @ np.linalg.inv(vander)


def time_to_centre(ratio, m, n=24, last=4e-3):
    """Time for the front to reach the centre, in a^2 / D; from X = last on, quasi-steadily."""
    y, slope = differentiation(n)
    number = neumann_number(ratio)
    depth = 1e-3
    start = ratio * (1 - erf(number * (1 - y)) / erf(number))
    start_time = (depth / (2 * number)) ** 2

    def rates(_, state):
        x, c = state[-1], np.concatenate(([0.0], state[:-1], [ratio]))
        width = 1.0 - x
        c_r = slope @ c / width
        speed = -c_r[0]
        change = slope @ c_r / width + m / (x + y * width) * c_r + speed * (1 - y) * c_r
        return np.append(change[1:-1], speed)

    def arrived(_, state):
        return state[-1] - last

    arrived.terminal = True
    begin = np.append(start[1:-1], 1.0 - depth)
    run = solve_ivp(rates, (start_time, 10 / ratio + 10), begin, method="Radau", events=arrived, rtol=1e-7, atol=1e-9)
    rest = {0: last, 1: 0.5 * last**2 * (0.5 - np.log(last)), 2: last**2 / 2 - last**3 / 3}[m] / ratio
    return run.t_events[0][0] + rest
