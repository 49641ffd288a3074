"""E10: a front that closes on the middle of a slab, a cylinder, a sphere.

Quasi-steady law t = (1/8, 1/16, 1/24) d^2 s0 / (D c0); the full equation is slower, by an independent one-dimensional
front-fixing solution (`shrinking_core`). The slab also runs through the voxels and their fronts, from both faces.
"""

import numpy as np
import pytest
from reaction_column import Column
from shrinking_core import quasi_steady_time, time_to_centre

from oxablate.physics.reaction.closures import Kinetics, SharpFront
from oxablate.physics.reaction.front import Donors, FrontState, advance_front, front_mask

MOLAR_MASS = 67.45  # g/mol, so g/m3 = mg/L become mol/m3
STRONG, WEAK = 300 / MOLAR_MASS, 0.25 / MOLAR_MASS
SLAB, CYLINDER, SPHERE = 0, 1, 2


def slower(ratio, shape):
    """How much slower than the quasi-steady law."""
    return time_to_centre(ratio, shape) * ratio / quasi_steady_time(shape) - 1


@pytest.mark.parametrize(("shape", "share"), [(SLAB, 1 / 8), (CYLINDER, 1 / 16), (SPHERE, 1 / 24)])
def test_the_quasi_steady_limit_and_its_ratio(shape, share):
    """At c0 / s0 = 1e-4 the full equation is the law to 1e-4; 300 against 0.25 mg/L is 1200 by the law."""
    assert time_to_centre(1e-4, shape) * 1e-4 == pytest.approx(share * 2**2, rel=4e-4)
    assert share * 4 / WEAK / (share * 4 / STRONG) == pytest.approx(1200, rel=1e-12)


@pytest.mark.parametrize(
    ("shape", "ratio", "expected", "within"),
    [
        (SLAB, 0.014, 0.005, 0.0005), (SLAB, 0.139, 0.045, 0.0005), (SLAB, 1.0, 0.30, 0.005),
        (SPHERE, 0.014, 0.013, 0.0005), (SPHERE, 0.139, 0.11, 0.005), (SPHERE, 1.0, 0.65, 0.005),
    ],
)  # fmt: skip
def test_the_full_equation_is_slower(shape, ratio, expected, within):
    assert slower(ratio, shape) == pytest.approx(expected, abs=within)


@pytest.mark.parametrize(("demand", "expected"), [(320.0, 1190.0), (32.0, 1080.0)])
def test_the_ratio_of_times_falls_with_the_demand(demand, expected):
    """A sphere at 300 against 0.25 mg/L."""
    strong, weak = (time_to_centre(c / demand, SPHERE) for c in (STRONG, WEAK))
    assert weak / strong == pytest.approx(expected, rel=0.005)


def voxel_time(ratio, n):
    """Time to the middle of a slab of n voxels between two faces, over a^2 / D, a half the thickness.

    Steps of at most h^2 / (10 D), and short enough to tell the time to 0.2 %.
    """
    h, diffusivity, demand = 1e-4, 1e-9, 60.0
    half = 0.5 * n * h
    column = Column(n, h, 1.0, diffusivity, [demand], [1e5], (ratio * demand, ratio * demand))
    step = min(0.1 * h**2, 1e-3 / ratio * half**2) / diffusivity
    while column.pools.sum() > 1e-9 * column.start.sum():
        column.advance(step)
        assert np.allclose(column.pools, column.pools[:, ::-1], rtol=1e-9, atol=1e-9 * demand)
    assert column.imbalance < 1e-11
    return column.time * diffusivity / half**2


@pytest.mark.parametrize("n", [1, 2, 5, 6])
@pytest.mark.parametrize("ratio", [0.014, 0.139, 1.0])
def test_the_voxels_close_a_slab_in_time(ratio, n):
    """Truth: the independent solution."""
    assert voxel_time(ratio, n) == pytest.approx(time_to_centre(ratio, SLAB), rel=0.03)


def ball_history(radius, ratio):
    """A ball of voxels in a held, stirred bath: times over that to the centre, and shares consumed."""
    h, d, s = 2e-4, 1e-9, 60.0
    along = np.arange(2 * radius + 3) - (radius + 1)
    ball = along[:, None, None] ** 2 + along[:, None] ** 2 + along**2 < radius**2
    c, pools = np.where(ball, 0.0, ratio * s), np.where(ball, s, 0.0)[np.newaxis].copy()
    around = c, np.ones(ball.shape), pools, Kinetics(("thiols",), (1e4,), 0.0), np.full(ball.shape, d), (h,) * 3
    state, law, donors = FrontState.fresh(ball.shape), SharpFront(), Donors(~ball, ~ball, (0.0,) * 6)
    whole = time_to_centre(ratio, SPHERE) * (ball.sum() * 3 / (4 * np.pi)) ** (2 / 3) * h**2 / d
    times, shares = [], []
    while not shares or shares[-1] < 1:
        mask = front_mask(state, *around, law)
        for axis in range(3):
            diffuse_along(*(np.moveaxis(field, axis, 0) for field in (c, mask, ~ball)))
        advance_front(state, *around, law, donors, 0.1 * h**2 / d)
        times.append((len(times) + 1) * 0.1 * h**2 / d / whole)
        shares.append(1 - pools.sum() / (s * ball.sum()))
    return np.array(times), np.array(shares)


def diffuse_along(c, mask, bath):
    """One explicit step of D dt / h^2 = 0.1 on axis 0, the bath held and half a voxel away."""
    open_faces = ~mask[1:] & ~mask[:-1]
    flow = 0.1 * np.where(bath[1:] ^ bath[:-1], 2.0, 1.0) * open_faces * (c[:-1] - c[1:])
    change = np.zeros_like(c)
    change[:-1] -= flow
    change[1:] += flow
    c += np.where(bath, 0.0, change)


def test_the_voxels_close_a_sphere_in_time():
    """A staircase of radius four voxels. Truth, quasi-steady: t = 1 - 3 x^2 + 2 x^3, share = 1 - x^3. Held: 0.04.

    The faces of the staircase, counted each in full, would take 1.5 times too much at first.
    """
    times, shares = ball_history(4, 0.014)
    x = np.linspace(1, 0, 401)
    for at in (0.1, 0.3, 0.6, 0.9):
        exact = np.interp(at, 1 - 3 * x**2 + 2 * x**3, 1 - x**3)
        assert np.interp(at, times, shares) == pytest.approx(exact, abs=0.04)
    assert np.interp(0.999, shares, times) == pytest.approx(1.0, rel=0.1)
