"""Compiled laws of the gap: the annulus and what follows from it, place by place.

A table of walls has one row per place and the columns below; see `closures.GapWall`, which makes it. All pressures in
Pa; what is not a number stays so, and ends as an outcome of the solver.
"""

from fractions import Fraction

import numpy as np

from ...numerics.jit import njit

#: Columns of a table of walls: r_n, sigma_n, G, x_0, C, and f and its integral at x_0.
RADIUS, STRESS, MODULUS, STANDING, SCALE, CLOSED, BELOW = range(7)

_TERMS = 22
_SMALL = 0.1  # below it the closed form of f loses digits; there its series has them all


def _series() -> np.ndarray:
    """Coefficients of f(x), x^0 first: from x (2 + x)^2 times the series of x / ln(1 + x) (Gregory's coefficients)."""
    gregory = [Fraction(1)]
    for n in range(1, _TERMS):
        gregory.append(-sum(g * Fraction((-1) ** (n - k), n - k + 1) for k, g in enumerate(gregory)))
    found = [Fraction(c) for c in (0, 4, 6, 4, 1)] + [Fraction(0)] * (_TERMS - 4)
    for n, a in enumerate(gregory):
        for m, b in enumerate((4, 4, 1)):
            if n + m + 1 < len(found):
                found[n + m + 1] -= a * b
    return np.array([float(c) for c in found])


_FACTOR = _series()[::-1].copy()
_INTEGRAL = np.polyint(_FACTOR)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@njit()
def factor(x):
    """f(x) [1] of the annulus for x >= 0: its series for narrow gaps, the closed form for wide ones."""
    if x < _SMALL:
        value = 0.0
        for c in _FACTOR:
            value = value * x + c
        return value
    square = x * (2.0 + x)
    return square * (2.0 + square - square / np.log1p(x))


@njit()
def factor_integral(x):
    """Integral of f from 0 to x [1]: its series, or Gauss quadrature, exact to round-off for x up to about ten."""
    value, half = 0.0, 0.5 * x
    if x < _SMALL:
        for c in _INTEGRAL:
            value = value * x + c
        return value
    for n in range(_NODES.size):
        value += _WEIGHTS[n] * factor(half * (1.0 + _NODES[n]))
    return half * value


@njit()
def each(integral, x, out):
    """f, or its integral, at every x (n,), into `out`."""
    for i in range(x.size):
        out[i] = factor_integral(x[i]) if integral else factor(x[i])


@njit()
def width_at(pressure, stress, modulus, standing):
    """Width x [1] of the gap over r_n at one place: x_0 and what the pressure opens."""
    over = pressure - stress
    return standing if over <= 0.0 else standing + over / (2.0 * modulus)


@njit()
def potential_at(pressure, stress, modulus, standing, scale, closed, below):
    """Kirchhoff potential [m4/s] from the contact stress on."""
    over = pressure - stress
    if over <= 0.0 or modulus == np.inf:
        return scale * closed * over
    return scale * 2.0 * modulus * (factor_integral(standing + over / (2.0 * modulus)) - below)


@njit()
def potentials(pressure, law, out):
    """Kirchhoff potentials [m4/s] at pressures (n,) of the places of a table, into `out`."""
    for i in range(out.size):
        w = law[i]
        out[i] = potential_at(pressure[i], w[STRESS], w[MODULUS], w[STANDING], w[SCALE], w[CLOSED], w[BELOW])


@njit()
def conductances(pressure, law, out):
    """C f(x) [m4/(Pa s)] at pressures (n,) of the places of a table, into `out`."""
    for i in range(out.size):
        w = law[i]
        out[i] = w[SCALE] * factor(width_at(pressure[i], w[STRESS], w[MODULUS], w[STANDING]))


@njit()
def leaks(pressure, law, span, ring, conductance, difference, by_node, flow, slope, rate):
    """Flow into the tissue [m3/s], its slope by the node's pressure, and that by D; (n,) each, see `Contacts`.

    span: ln E; ring: E^2 - 1. difference, by_node: D [Pa] and its slope [1].
    """
    for i in range(pressure.size):
        w, spread, wide = law[i], 1.0, 0.0
        if span[i] < np.inf:
            u = 1.0 + width_at(pressure[i], w[STRESS], w[MODULUS], w[STANDING])
            opening = 0.5 / w[MODULUS] if pressure[i] >= w[STRESS] else 0.0
            spread = 0.5 * np.log1p(ring[i] / u**2) / span[i]
            wide = opening * ring[i] / (u * (u**2 + ring[i]) * span[i])
        rate[i] = conductance[i] / spread
        flow[i] = rate[i] * difference[i]
        slope[i] = rate[i] * by_node[i] + flow[i] * wide / spread


@njit()
def own_sides(pressure, law, held, linear, flow, slope, node, distance, faces, value, tangent):
    """What each node's own pressure moves [m3/s] and its slope [m3/(Pa s)], into `value` and `tangent` (n,).

    held: length over duration of each node's gap [m/s]. linear: conductance of tubes and drives there [m3/(Pa s)].
    flow, slope: of the leaks. node, distance, faces: of each end of a face, the table of whose wall is `faces`.
    """
    for i in range(pressure.size):
        w, p = law[i], pressure[i]
        x = width_at(p, w[STRESS], w[MODULUS], w[STANDING])
        opening = 0.5 / w[MODULUS] if p >= w[STRESS] else 0.0
        value[i] = np.pi * w[RADIUS] ** 2 * x * (2.0 + x) * held[i] + flow[i] + linear[i] * p
        tangent[i] = 2.0 * np.pi * w[RADIUS] ** 2 * (1.0 + x) * opening * held[i] + slope[i] + linear[i]
    for e in range(node.size):
        i, w = node[e], faces[e]
        p = pressure[i]
        whole = potential_at(p, w[STRESS], w[MODULUS], w[STANDING], w[SCALE], w[CLOSED], w[BELOW])
        value[i] += whole / distance[e]
        tangent[i] += w[SCALE] * factor(width_at(p, w[STRESS], w[MODULUS], w[STANDING])) / distance[e]
