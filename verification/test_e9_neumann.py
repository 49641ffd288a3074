"""E9: diffusive uptake by fast demand, against Neumann's solution, at voxels of 0.5 and 0.25 mm.

Front p = 2 l sqrt(D t), sqrt(pi) l exp(l^2) erf(l) = theta c0 / s (theta is not inside D). Truth is the formula; the
range is that of the field: 0.3 to 20 g/L, 10 to 230 mM of demand, 10 to 600 s, D 1.5e-10 to 2e-9 m2/s.
"""

import numpy as np
import pytest
from reaction_column import OPEN, Column
from scipy.integrate import solve_ivp
from shrinking_core import free_number, neumann_number

from oxablate.physics.reaction.closures import Kinetics, SharpFront
from oxablate.physics.reaction.front import Donors, FrontState, advance_front, front_mask

MOLAR_MASS = 67.45e-3  # kg/mol, chlorine dioxide
FAST = 1.0e4  # m3/(mol s) = 1e7 1/(M s)
TIMES = (10.0, 30.0, 60.0, 200.0, 600.0)


def run(column, times, diffusivity):
    """Depths at the times; steps of at most a twentieth of h^2 / D and a third of the time from one to the next."""
    depths = []
    for before, time in zip((0.0, *times[:-1]), times, strict=True):
        longest = min(0.05 * column.h**2 / diffusivity, (time - before) / 3)
        steps = int(np.ceil((time - before) / longest))
        for _ in range(steps):
            column.advance((time - before) / steps)
        depths.append(column.depth)
    return np.array(depths)


def test_the_number_at_a_ratio_of_one():
    assert neumann_number(1.0) == pytest.approx(0.6201, abs=5e-5)


@pytest.mark.parametrize("h", [0.5e-3, 0.25e-3])
@pytest.mark.parametrize("diffusivity", [1.5e-10, 6e-10, 2e-9])
@pytest.mark.parametrize("grams_per_litre", [0.3, 3.0, 20.0])
@pytest.mark.parametrize("demand", [10.0, 50.0, 230.0])
def test_uptake_from_a_face_over_the_whole_range(h, diffusivity, grams_per_litre, demand):
    c0 = grams_per_litre / MOLAR_MASS
    column = Column(40, h, 1.0, diffusivity, [demand], [FAST], (c0, None))
    exact = 2 * neumann_number(c0 / demand) * np.sqrt(diffusivity * np.array(TIMES))
    found = run(column, TIMES, diffusivity)
    assert np.abs(found / exact - 1).max() < 0.05
    assert column.imbalance < 1e-12


@pytest.mark.parametrize("theta", [0.1, 0.4])
def test_fluid_fraction_scales_the_source_and_not_the_diffusivity(theta):
    column = Column(20, 0.5e-3, theta, 1e-9, [40.0], [FAST], (60.0, None))
    exact = 2 * neumann_number(theta * 60.0 / 40.0) * np.sqrt(1e-9 * np.array(TIMES))
    assert np.abs(run(column, TIMES, 1e-9) / exact - 1).max() < 0.05


def test_plain_splitting_takes_far_too_little():
    """Why the front exists: the same voxels without it (0.5 mm, 300 mg/L, 100 mM, 60 s)."""
    c0 = 0.3 / MOLAR_MASS
    exact = 2 * neumann_number(c0 / 100.0) * np.sqrt(1e-9 * 60)
    plain = Column(6, 0.5e-3, 1.0, 1e-9, [100.0], [FAST], (c0, None), SharpFront(zone=1e-9))
    front = Column(6, 0.5e-3, 1.0, 1e-9, [100.0], [FAST], (c0, None))
    assert run(plain, (60.0,), 1e-9)[0] < 0.3 * exact
    assert run(front, (60.0,), 1e-9)[0] == pytest.approx(exact, rel=0.01)


def test_a_longer_step_costs_little():
    """D dt / h^2 = 1/4, five times the steps above: still within 5 % once the front has left the first voxel."""
    column = Column(20, 0.25e-3, 1.0, 1e-9, [50.0], [FAST], (100.0, None))
    for _ in range(12):
        column.advance(0.25 * column.h**2 / 1e-9)
    assert column.depth == pytest.approx(2 * neumann_number(2.0) * np.sqrt(1e-9 * column.time), rel=0.05)


@pytest.mark.parametrize("h", [0.5e-3, 0.25e-3])
@pytest.mark.parametrize("diffusivity", [1.5e-10, 2e-9])
@pytest.mark.parametrize("ratio", [0.02, 0.2, 1.0, 5.0, 30.0])
def test_uptake_from_tissue_that_flow_has_filled(h, diffusivity, ratio):
    """Source: a half-space of spent tissue full of agent, which is emptied: sqrt(pi) l exp(l^2) (1 + erf l) = ratio."""
    column = Column(48, h, 0.2, diffusivity, [20.0], [FAST], (ratio * 20.0 / 0.2, None))
    column.c[:24], column.pools[0, :24] = ratio * 20.0 / 0.2, 0.0
    column.start = column.pools.copy()
    exact = 2 * free_number(ratio) * np.sqrt(diffusivity * np.array(TIMES))
    assert np.abs(run(column, TIMES, diffusivity) / exact - 1).max() < 0.05


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("ratio", [0.02, 1.0, 30.0])
def test_uptake_from_a_stirred_voxel(held, ratio):
    """A bath voxel beside fresh tissue: unlimited it is Neumann's face, limited theta h dc/dt = -J(c)."""
    h, d, s, theta, time = 0.5e-3, 5e-10, 50.0, 0.5, 40.0
    shape = (2, 1, 1)
    c, pools = np.zeros(shape), np.zeros((1, *shape))
    c[0], pools[0, 1] = ratio * s / theta, s
    stirred = np.array([True, False]).reshape(shape)
    donors = Donors(stirred, stirred if held else OPEN, (0.0,) * 6)
    state, kinetics = FrontState.fresh(shape), Kinetics(("thiols",), (FAST,), 0.0)
    around = c, np.full(shape, theta), pools, kinetics, np.full(shape, d), (h,) * 3
    for _ in range(60):
        front_mask(state, *around, SharpFront())
        advance_front(state, *around, SharpFront(), donors, time / 60)
    depth = (s - pools[0, 1, 0, 0]) / s * h
    if held:
        assert depth == pytest.approx(2 * neumann_number(ratio) * np.sqrt(d * time), rel=0.01)
    else:
        assert depth == pytest.approx(drained(ratio * s, s, theta, d, h, time), rel=0.05)


def drained(content, demand, theta, d, h, time, n=300):
    """Depth from a stirred voxel that tires: fine grid, a reaction zone of one and a half cells (method of lines)."""
    dx = h / n
    k = theta * d / (demand * (1.5 * dx) ** 2)

    def rates(_, y):
        bath, c, left = y[0], y[1::2], y[2::2]
        flux = theta * d * np.diff(np.concatenate(([2 * bath - c[0]], c, [c[-1]]))) / dx
        took = k * c * left
        change = np.empty_like(y)
        change[0], change[1::2], change[2::2] = flux[0] / (theta * h), (np.diff(flux) / dx - took) / theta, -took
        return change

    start = np.zeros(2 * n + 1)
    start[0], start[2::2] = content / theta, demand
    run = solve_ivp(
        rates, (0, time), start, method="LSODA", rtol=1e-6, atol=1e-8 * demand, lband=3, uband=3, t_eval=[time]
    )
    return float((demand - run.y[2::2, -1]).sum() / demand) * dx
