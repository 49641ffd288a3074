"""E1: Terzaghi's column, and a first step through a layer that hardly conducts."""

import numpy as np
import pytest
from biot_bodies import CONDUCTIVITY, LOAD, SHEAR, advance, aggregate, column, consolidation
from scipy.linalg import expm

from oxablate.physics.mechanics.closures import Alexander, ImplicitEuler

HEIGHT, POISSON = 0.02, 0.2
QUOTED = {0.05: 0.2523, 0.1: 0.3568, 0.2: 0.5041, 0.5: 0.7640, 1.0: 0.9313}
TIME = HEIGHT**2 / (CONDUCTIVITY * aggregate(POISSON))  # of T = 1


def settlement(cells, scheme, step, count):
    """Degree of consolidation after each step: settlement of the top over the final one."""
    final = LOAD * HEIGHT / aggregate(POISSON)
    states = advance(column(cells, HEIGHT, POISSON), scheme, step * TIME, count)
    return np.array([-state.displacement[2][0, 0, -1] / final for state in states])


def test_the_series_gives_the_quoted_values():
    assert [round(consolidation(t), 4) for t in QUOTED] == list(QUOTED.values())
    assert consolidation(0.1967) == pytest.approx(0.5, abs=5e-5)


def test_degrees_of_consolidation():
    computed = settlement(40, Alexander(), 0.0125, 80)
    for time, quoted in QUOTED.items():
        assert computed[round(time / 0.0125) - 1] == pytest.approx(quoted, abs=3e-4)
    times = 0.0125 * np.arange(1, 81)
    assert np.interp(0.5, computed, times) == pytest.approx(0.1967, abs=5e-4)


def test_second_order_in_space_and_time():
    errors = [abs(settlement(n, Alexander(), 1 / n / 10, n)[-1] - consolidation(0.1)) for n in (10, 20, 40)]
    assert errors[-1] < 2e-4
    assert np.all(np.log2(np.divide(errors[:-1], errors[1:])) > 1.9)


@pytest.mark.parametrize(("scheme", "order"), [(ImplicitEuler(), 1.0), (Alexander(), 2.0)])
def test_order_in_time_against_the_exact_solution_of_the_same_cells(scheme, order):
    """The cells of the column by hand: H e_t = K p_zz, p = LOAD + H e, half a cell to the drained top."""
    n, end = 8, 0.2
    h = 1.0 / n
    matrix = (np.diag(np.full(n - 1, 1.0), 1) + np.diag(np.full(n - 1, 1.0), -1) - 2 * np.eye(n)) / h**2
    matrix[0, 0] = -1 / h**2
    matrix[-1, -1] = -3 / h**2
    pressure = expm(matrix * end) @ np.ones(n)
    errors = []
    for count in (8, 16, 32):
        *_, last = advance(column(n, HEIGHT, POISSON), scheme, end / count * TIME, count, tolerance=1e-12)
        errors.append(np.abs(last.pressure[0, 0] / LOAD - pressure).max())
    assert np.all(np.log2(np.divide(errors[:-1], errors[1:])) > order - 0.1)


@pytest.mark.parametrize("across", [1, 5])
@pytest.mark.parametrize("step", [1e-8, 1e-5, 1e-2])
def test_no_oscillation_in_the_first_step_through_a_tight_layer(step, across):
    """The exact pressure lies between 0 and the load, and falls towards the drained top, whatever the layers are."""
    cells = 16
    conductivity = np.full(cells, CONDUCTIVITY)
    conductivity[6:10] = 1e-4 * CONDUCTIVITY
    (state,) = advance(column(cells, HEIGHT, POISSON, conductivity, across), ImplicitEuler(), step * TIME, 1, 1e-12)
    pressure = state.pressure / LOAD
    assert pressure.min() >= 0 and pressure.max() <= 1 + 1e-9
    assert np.diff(pressure, axis=2).max() <= 1e-9
    assert pressure[..., -1].max() < 1 - 1e-9  # the top has begun to drain


def test_a_load_that_reaches_the_solid_and_the_fluid_at_once():
    """Before anything drains, the fluid bears the whole load of a column of incompressible constituents."""
    (state,) = advance(column(8, HEIGHT, POISSON), ImplicitEuler(), 1e-12 * TIME, 1, 1e-12)
    assert state.pressure == pytest.approx(np.full((1, 1, 8), LOAD), rel=1e-6)
    assert SHEAR * np.abs(state.displacement[2]).max() < 1e-6 * LOAD * HEIGHT
