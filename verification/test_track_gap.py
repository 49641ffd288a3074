"""Flow in the gap along a needle against closed forms and an independent integration."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq
from track_lines import solved, straight

from oxablate.physics.track.closures import GapWall
from oxablate.physics.track.equations import annulus_factor, annulus_integral

RADIUS, MU, LENGTH, RATE = 0.36e-3, 0.7e-3, 0.03, 1e-10


def rigid(count: int, width: float) -> GapWall:
    return GapWall.uniform(count, RADIUS, 0.0, np.inf, width, MU)


@pytest.mark.parametrize("width", [1e-4, 0.02, 0.0999, 0.1001, 0.7, 5.0])
def test_the_annulus_carries_what_its_velocity_profile_carries(width):
    """u = (R^2 - r^2 - (R^2 - 1) ln(R/r) / ln R) / 4 from r = 1 to R solves Stokes' equation; integrated: the flow."""
    outer = 1.0 + width

    def profile(s):  # s = r - 1, so that nothing cancels
        wide = (outer - 1.0 - s) * (outer + 1.0 + s)
        return (wide + width * (2 + width) * (np.log1p(s) - np.log1p(width)) / np.log1p(width)) * (1 + s)

    flow, _ = quad(profile, 0.0, width, epsabs=0.0, epsrel=1e-12)
    expected = 0.5 * np.pi * flow  # 2 pi / 4
    tolerance = 1e-9 if width > 1e-3 else 1e-6  # the profile itself loses digits in a narrow gap
    assert np.pi / 8 * annulus_factor(np.array(width)) == pytest.approx(expected, rel=tolerance)


def test_a_thin_annulus_is_a_slit():
    for width in (1e-2, 1e-3, 1e-4):
        slit = 4.0 / 3.0 * width**3
        assert float(annulus_factor(np.array(width))) == pytest.approx(slit, rel=0.51 * width)
    assert float(annulus_integral(np.array(1e-4))) == pytest.approx(1e-16 / 3.0, rel=1e-4)


def test_without_leak_the_pressure_falls_evenly():
    """Poiseuille: dp = Q L / (C f), with a leak too small to matter."""
    wall = rigid(8, 0.1)
    pressure = solved(straight(wall, LENGTH, 1e-30, 0.0), RATE)
    expected = RATE * LENGTH / wall.conductance(np.zeros(8))[0]
    assert pressure[0] == pytest.approx(expected, rel=1e-10)
    assert pressure[1:] == pytest.approx(expected * (1 - (np.arange(8) + 0.5) / 8), rel=1e-10)


@pytest.mark.parametrize("open_end", [True, False])
def test_a_leaking_gap_of_constant_width_is_a_fin(open_end):
    """p(0) = Q tanh(mL) / (m k) with an open end, Q coth(mL) / (m k) with a sealed one; m^2 = leak / k."""
    errors, lost = [], []
    for count in (16, 32, 64):
        wall = rigid(count, 0.05)
        k = wall.conductance(np.zeros(1))[0]
        m = 2.0 / LENGTH
        network = straight(wall, LENGTH, m**2 * k, 0.0 if open_end else None)
        pressure = solved(network, RATE)
        z = (np.arange(count) + 0.5) * LENGTH / count
        shape = np.sinh(m * (LENGTH - z)) / np.cosh(m * LENGTH)
        if not open_end:
            shape = np.cosh(m * (LENGTH - z)) / np.sinh(m * LENGTH)
        exact = RATE / (m * k) * shape
        errors.append(np.abs(pressure[1:] - exact).max() / exact.max())
        lost.append(abs(network.exits.flow(pressure).sum() / RATE - open_end / np.cosh(m * LENGTH)))
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 1e-3 and rates.min() > 1.9
    assert lost[-1] < 1e-3 and (not open_end or np.log2(lost[-2] / lost[-1]) > 1.9)


def shot(rate, modulus, stress, standing, leak):
    """The same statement, written anew: marched from the open end (p = 0) to the tip, shooting for the rate there."""
    scale = np.pi * RADIUS**4 / (8 * MU)

    def rhs(s, y):  # s = L - z
        x = standing + max(y[0] - stress, 0.0) / (2 * modulus)
        f = (1 + x) ** 4 - 1 - ((1 + x) ** 2 - 1) ** 2 / np.log1p(x)
        return [y[1] / (scale * f), leak * y[0]]

    def march(lost):
        return solve_ivp(
            rhs, (0.0, LENGTH), [0.0, lost], method="LSODA", rtol=1e-10, atol=[1e-8, 1e-20], dense_output=True
        )

    lost = brentq(lambda q: march(q).y[1, -1] - rate, 0.0, rate, xtol=1e-22, rtol=1e-12)
    return march(lost).sol, lost


@pytest.mark.parametrize("stress", [0.0, 300.0])
def test_a_gap_that_opens_under_its_own_pressure(stress):
    """Cubic and wide gaps, with a leak: second order towards a marched solution."""
    modulus, standing, leak, rate = 2e3, 0.05, 5e-11, 2e-9
    exact, lost = shot(rate, modulus, stress, standing, leak)
    errors = []
    for count in (20, 40, 80):
        wall = GapWall.uniform(count, RADIUS, stress, modulus, standing, MU)
        network = straight(wall, LENGTH, leak, 0.0)
        pressure = solved(network, rate)
        z = np.concatenate([[0.0], (np.arange(count) + 0.5) * LENGTH / count])
        errors.append(np.abs(pressure - exact(LENGTH - z)[0]).max() / exact(LENGTH)[0])
        assert network.exits.flow(pressure).sum() == pytest.approx(lost, rel=0.02)
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 3e-4
    assert np.mean(rates) > (1.9 if stress == 0.0 else 1.5), (
        errors,
        rates,
    )  # the kink at the stress lies in some piece
