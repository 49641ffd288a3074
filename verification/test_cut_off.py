"""The cost of a finite grid: closed forms against solved boxes, and against their own limits."""

import numpy as np
import pytest

from oxablate.numerics.elliptic import EllipticSolver, FaceCoefficients
from oxablate.physics.flow.cut_off import (
    leaving_share,
    pressure_at_source_held,
    pressure_at_source_sealed,
    screening_length,
    speed_at_edge,
)

RATE, CONDUCTIVITY, EDGE = 1e-9, 1e-12, 1e-3


def solved(n, length, sealed=False):
    """Excess pressure around a source of one voxel in the middle of a box of n voxels a side, and its voxel edge."""
    h = EDGE
    transmissibility = np.full((n, n, n), CONDUCTIVITY * h)
    faces = []
    diagonal = np.full((n, n, n), 0.0 if np.isinf(length) else CONDUCTIVITY / length**2 * h**3)
    for axis in range(3):
        t = transmissibility.copy()
        np.moveaxis(t, axis, 0)[-1] = 0.0
        faces.append(t)
        if not sealed:
            ends = np.moveaxis(diagonal, axis, 0)
            ends[0] += 2 * CONDUCTIVITY * h
            ends[-1] += 2 * CONDUCTIVITY * h
    source = np.zeros((n, n, n))
    source[n // 2, n // 2, n // 2] = RATE
    solver, u = EllipticSolver((n, n, n)), np.zeros((n, n, n))
    solver.setup(FaceCoefficients(*faces, diagonal))
    assert solver.solve(source, u, tolerance=1e-11).ok
    return u


@pytest.mark.parametrize("length", [np.inf, 10e-3, 4e-3])
def test_the_pressure_lost_in_a_box_lies_between_the_balls_inside_and_around_it(length):
    """Two boxes share what the lattice does to a point source, so their difference is the boundary's alone."""
    small, large = 15, 45
    lost = solved(large, length).max() - solved(small, length).max()

    def ball(n, factor):
        return pressure_at_source_held(RATE, CONDUCTIVITY, length, factor * n * EDGE / 2)

    most = ball(small, 1.0) - ball(large, np.sqrt(3))
    least = ball(small, np.sqrt(3)) - ball(large, 1.0)
    assert least < lost < most


@pytest.mark.parametrize("length", [10e-3, 4e-3])
def test_the_share_that_leaves_a_box_is_less_than_what_leaves_the_ball_inside_it(length):
    n = 21
    u = solved(n, length)
    kept = u.sum() * CONDUCTIVITY / length**2 * EDGE**3
    leaving = 1 - kept / RATE
    inside, around = (leaving_share(length, f * n * EDGE / 2) for f in (1.0, np.sqrt(3)))
    assert around < leaving < inside


def test_a_sealed_box_gains_what_the_closed_form_says_to_the_difference_of_ball_and_cube():
    """The ball of the cube's volume holds the same uptake: both pressures rise to the same mean."""
    length, n = 12e-3, 15
    gained = solved(n, length, sealed=True).max() - solved(61, length).max()
    ball = pressure_at_source_sealed(RATE, CONDUCTIVITY, length, n * EDGE * (3 / (4 * np.pi)) ** (1 / 3))
    far = pressure_at_source_held(RATE, CONDUCTIVITY, length, 61 * EDGE / 2)
    assert gained == pytest.approx(ball, rel=0.05) and far < 0.02 * ball


@pytest.mark.parametrize("ratio", [1e-5, 1e-3, 0.5, 3.0, 40.0])
def test_closed_forms_solve_their_equation(ratio):
    """w = r u obeys w'' = w / s^2; the change w_R - w_inf is A sinh(r / s) with A fixed by the boundary."""
    s = 1e-2
    R = ratio * s
    unit = RATE / (4 * np.pi * CONDUCTIVITY)
    held = pressure_at_source_held(RATE, CONDUCTIVITY, s, R) * s  # A of the lowering
    assert unit * np.exp(-R / s) == pytest.approx(held * np.sinh(R / s), rel=1e-9)
    sealed = pressure_at_source_sealed(RATE, CONDUCTIVITY, s, R) * s
    slope = (-unit * np.exp(-R / s) + sealed * np.cosh(R / s)) / s
    value = (unit * np.exp(-R / s) + sealed * np.sinh(R / s)) / R
    assert slope == pytest.approx(value, rel=1e-6)


def test_limits_are_reached_and_numbers_stay_finite():
    assert screening_length(1e-12, 0.0) == np.inf
    assert screening_length(4e-12, 1e-6) == pytest.approx(2e-3)
    far = pressure_at_source_held(RATE, CONDUCTIVITY, 1e6, 1e-2)
    assert far == pytest.approx(pressure_at_source_held(RATE, CONDUCTIVITY, np.inf, 1e-2), rel=1e-6)
    assert pressure_at_source_sealed(RATE, CONDUCTIVITY, np.inf, 1e-2) == np.inf
    for function in (pressure_at_source_held, pressure_at_source_sealed):
        assert function(RATE, CONDUCTIVITY, 1e-6, 1.0) == 0.0
    assert leaving_share(np.inf, 1e-2) == 1.0 and leaving_share(1e-6, 1.0) == 0.0
    assert speed_at_edge(np.inf, 1e-2, 1e-2) == 1.0 and speed_at_edge(1e-2, 1e-2, 0.0) == 0.0


def test_the_change_of_speed_is_that_of_the_image_source():
    s, R, r = 7e-3, 9e-3, 4e-3

    def field(x):
        return -np.gradient(np.exp(-x / s) / x, x)

    near, image = (field(np.array([x - 1e-8, x, x + 1e-8]))[1] for x in (r, 2 * R - r))
    assert speed_at_edge(s, R, r) == pytest.approx(image / near, rel=1e-5)
