"""Backflow that ends before the shaft does: fronts with closed forms, steady and in time."""

import numpy as np
import pytest
from track_lines import solved, straight

from oxablate.physics.track.closures import GapWall

RADIUS, MU, MODULUS = 0.36e-3, 0.7e-3, 2e3


def cubic(modulus=MODULUS, radius=RADIUS, mu=MU) -> float:
    """a in Q = - a p^3 dp/dz of a thin gap, pi r^4 / (48 G^3 mu)."""
    return np.pi * radius**4 / (48 * modulus**3 * mu)


def reach(rate, leak, a) -> float:
    """L of (a p^3 p')' = leak p, Q given at the tip: p = A (1 - z/L)^(2/3), A^3 = 0.9 leak L^2 / a, Q = 0.6 leak A L.

    So L^5 = Q^3 a / (0.1944 leak^4): the scaling of Morrison et al. 1999 with R = 1 / leak.
    """
    return (rate**3 * a / (0.6**3 * 0.9 * leak**4)) ** 0.2


def walls(count, stress=0.0, modulus=MODULUS):
    return GapWall.uniform(count, RADIUS, stress, modulus, 0.0, MU)


@pytest.mark.parametrize("stress", [0.0, 700.0])
def test_a_steady_front_stands_where_the_closed_form_says(stress):
    """Thin gap (rate small), tissue at the contact stress: profile and length of the closed form, error falls."""
    leak, rate = 1e-12, 1e-15
    a = cubic()
    length = reach(rate, leak, a)
    tip = (0.9 * leak * length**2 / a) ** (1 / 3)
    assert tip / (2 * MODULUS) < 2e-3  # thin: f(x) = (4/3) x^3 within a thousandth
    errors, open_lengths = [], []
    for count in (50, 100, 200):
        inserted = 1.5 * length
        network = straight(walls(count, stress), inserted, leak, 0.0)
        pressure = solved(network, rate, tissue=stress)[1:] - stress
        z = (np.arange(count) + 0.5) * inserted / count
        exact = tip * np.maximum(1 - z / length, 0.0) ** (2 / 3)
        errors.append(np.abs(pressure - exact).mean() / tip)
        open_lengths.append((pressure > 1e-6 * tip).sum() * inserted / count / length)
    assert errors[-1] < 3e-3 and np.log2(errors[0] / errors[-1]) / 2 > 1.0, errors
    assert open_lengths[-1] == pytest.approx(1.0, abs=0.03)


def test_the_scaling_of_the_length():
    """L ~ Q^(3/5), r^(4/5), G^(-3/5), mu^(-1/5), leak^(-4/5): the exact prefactor, at every combination."""
    for rate, radius, modulus, mu, leak in [
        (1e-15, RADIUS, MODULUS, MU, 1e-12),
        (8e-15, RADIUS, MODULUS, MU, 1e-12),
        (1e-15, 2 * RADIUS, MODULUS, MU, 1e-12),
        (1e-15, RADIUS, 4 * MODULUS, MU, 1e-12),
        (1e-15, RADIUS, MODULUS, 5 * MU, 1e-12),
        (1e-15, RADIUS, MODULUS, MU, 3e-12),
    ]:
        length = reach(rate, leak, cubic(modulus, radius, mu))
        network = straight(GapWall.uniform(300, radius, 0.0, modulus, 0.0, mu), 1.3 * length, leak, 0.0)
        pressure = solved(network, rate)[1:]
        # mean distance of the leak from the tip is L times 3/8 for a profile (1 - z/L)^(2/3)
        z = (np.arange(300) + 0.5) * 1.3 * length / 300
        assert np.sum(z * pressure) / np.sum(pressure) == pytest.approx(0.375 * length, rel=3e-3)


def test_a_gap_that_drains_along_itself_follows_barenblatt():
    """No leak, no flow at the ends: w_t = (w^4)_zz of a thin gap, from one time of Barenblatt's solution to a later."""
    a = cubic()
    storage = 2 * np.pi * RADIUS * RADIUS / (2 * MODULUS)  # area per pressure of a thin gap [m2/Pa]
    d = a / (4 * storage)  # p_t = d (p^4)_zz
    span, amplitude = 0.01, 1.0  # width of the box [m], pressure [Pa]

    def barenblatt(z, t):  # t in units in which d = 1; source at z = 0, half-line
        k = 3.0 / 40.0
        return t**-0.2 * np.maximum(amplitude**3 - k * (z / t**0.2) ** 2, 0.0) ** (1 / 3)

    front = np.sqrt(amplitude**3 * 40.0 / 3.0)  # at t = 1, in m where d = 1; scaled to a third of the box
    scale = span / 3 / front
    errors = []
    for count, steps in ((60, 40), (120, 80), (240, 160)):
        network = straight(walls(count), span, 1e-24, None, tip=1e-24)
        z = (np.arange(count) + 0.5) * span / count
        pressure = np.concatenate([[0.0], barenblatt(z / scale, 1.0)])
        pressure[0] = pressure[1]
        first, last = 1.0, 16.0
        held, start = network.volume(pressure), network.volume(pressure).sum()
        for _ in range(steps):
            duration = (last - first) / steps * scale**2 / d
            pressure = solved(network, 0.0, duration, held, pressure)
            held = network.volume(pressure)
        assert held.sum() == pytest.approx(start, rel=1e-8)
        errors.append(np.abs(pressure[1:] - barenblatt(z / scale, last)).mean())
    assert errors[-1] < 5e-3 and errors[-1] < 0.6 * errors[-2] < 0.36 * errors[-3], errors
