"""E3: Mandel's slab between rigid plates: the pressure in the centre rises before it falls."""

import numpy as np
import pytest
from biot_bodies import CONDUCTIVITY, LOAD, advance, aggregate, mandel, slab
from scipy.optimize import minimize_scalar

from oxablate.physics.mechanics.closures import Alexander

WIDTH = 0.01
QUOTED = {0.0: (1.1556, 0.0834), 0.2: (1.1069, 0.0716), 0.33: (1.0662, 0.0612)}


def centre(cells, poisson, step, count, layers=1, rows=1):
    """Pressure at the centre over its undrained value after each step; even in x, so extrapolated with x^2."""
    time = WIDTH**2 / (CONDUCTIVITY * aggregate(poisson))
    states = advance(slab(cells, WIDTH, poisson, layers, rows), Alexander(), step * time, count)
    return np.array([(9 * s.pressure[0, 0, 0] - s.pressure[1, 0, 0]) / 8 / (LOAD / 2) for s in states])


def peak(values, step):
    """(height, time) of the top of the parabola through the largest value and its neighbours."""
    i = int(np.argmax(values))
    a, b, c = values[i - 1 : i + 2]
    shift = (a - c) / (a - 2 * b + c) / 2
    return b - (a - c) * shift / 4, (i + 1 + shift) * step


@pytest.mark.parametrize("poisson", QUOTED)
def test_the_series_gives_the_quoted_peaks(poisson):
    pressure = mandel(poisson)
    best = minimize_scalar(lambda t: -pressure(t, 0.0), bounds=(0.01, 0.3), method="bounded", options={"xatol": 1e-8})
    assert (round(-best.fun, 4), round(best.x, 4)) == QUOTED[poisson]


@pytest.mark.parametrize("poisson", QUOTED)
def test_the_peak_in_the_centre(poisson):
    height, time = peak(centre(32, poisson, 0.004, 30), 0.004)
    assert height == pytest.approx(QUOTED[poisson][0], abs=5e-4)
    assert time == pytest.approx(QUOTED[poisson][1], abs=1e-3)


def test_second_order_in_space_and_time():
    pressure, errors = mandel(0.2), []
    for n in (10, 20, 40):
        step = 0.2 / n
        values = centre(n, 0.2, step, n // 2)
        exact = np.array([pressure((i + 1) * step, 0.0) for i in range(n // 2)])
        errors.append(np.abs(values - exact)[np.arange(1, n // 2 + 1) * step >= 0.039].max())
    assert np.all(np.log2(np.divide(errors[:-1], errors[1:])) > 1.85) and errors[-1] < 3e-4


def test_more_layers_and_rows_change_nothing():
    """Mandel's solution does not depend on z; nothing depends on y."""
    flat, full = centre(8, 0.2, 0.02, 5), centre(8, 0.2, 0.02, 5, layers=4, rows=3)
    assert full == pytest.approx(flat, rel=1e-7)
