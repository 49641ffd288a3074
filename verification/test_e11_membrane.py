"""E11: a reactive membrane between a source and a sink.

The amount that has left approaches J (t - lag), J = theta D c0 / L, lag = s0 L^2 / (2 D c0) + L^2 / (6 D) (s0 per fluid
volume: s / theta), whatever the rate constant; a second run over the spent membrane lags L^2 / (6 D). Both follow from
the diffusion equation weighted with the distance to the sink, for any kinetics that use up the demand; J. Crank, The
Mathematics of Diffusion, 2nd ed., Oxford 1975, section 4.3.
"""

import numpy as np
import pytest
from reaction_column import Column

THETA, DIFFUSIVITY, SOURCE = 0.3, 8e-10, 40.0
VOXELS, LENGTH = 5, 1.5e-3


def lag_of(column, until):
    """Lag of the amount through, from its value at the end: t - Q / J. Steps of a tenth of h^2 / D."""
    steps = int(np.ceil(10 * until * DIFFUSIVITY / column.h**2))
    start, through = column.time, column.through
    for _ in range(steps):
        column.advance(until / steps)
    flux = THETA * DIFFUSIVITY * SOURCE / LENGTH * column.h**2
    return column.time - start - (column.through - through) / flux


def membrane(demand, rate, voxels=VOXELS):
    return Column(voxels, LENGTH / voxels, THETA, DIFFUSIVITY, [demand], [rate], (SOURCE, 0.0))


def expected(demand):
    return demand / THETA * LENGTH**2 / (2 * DIFFUSIVITY * SOURCE) + LENGTH**2 / (6 * DIFFUSIVITY)


@pytest.mark.parametrize("ratio", [0.1, 0.3, 2.0])
def test_lag_and_second_run(ratio):
    """Ratio theta c0 / s. The second run starts from the spent and emptied membrane."""
    demand = THETA * SOURCE / ratio
    column = membrane(demand, 1e3)
    diffusion_time = LENGTH**2 / DIFFUSIVITY
    lag = lag_of(column, 1.2 * expected(demand) + diffusion_time)
    assert lag == pytest.approx(expected(demand), rel=0.02)
    assert column.pools.max() == 0.0
    column.c[...] = 0.0
    assert lag_of(column, 2 * diffusion_time) == pytest.approx(LENGTH**2 / (6 * DIFFUSIVITY), rel=0.02)


def test_lag_does_not_depend_on_the_rate():
    """From a reaction zone of a quarter of a voxel to one of 0.05 micrometres (1e9 1/(M s))."""
    demand = 100.0
    slow = THETA * DIFFUSIVITY / (demand * (0.25 * LENGTH / VOXELS) ** 2)
    lags = np.array([lag_of(membrane(demand, rate), 3 * expected(demand)) for rate in (slow, 1.0, 1e2, 1e4, 1e6)])
    assert lags == pytest.approx(expected(demand), rel=0.02)


def test_lag_converges_with_the_voxel():
    demand = 20.0
    errors = [abs(lag_of(membrane(demand, 1e3, n), 3 * expected(demand)) / expected(demand) - 1) for n in (3, 12)]
    assert errors[1] < 0.5 * errors[0] or errors[1] < 2e-3
