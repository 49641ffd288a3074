"""E8: spherical injection with finite dilatation: the reference of equilibrium, and the default model's distance to it.

The reference is checked against a boundary value problem in other unknowns (steady state), against the similarity
solution of linear theory, and against itself on more shells. The default model is held to the one-dimensional solution
of its own equations, and its distance from equilibrium must vanish with the dilatation.
"""

from functools import cache

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.interpolate import BarycentricInterpolator, CubicSpline
from scipy.special import erfc
from spherical_equilibrium import Body, Sphere, chebyshev, linear_pressure, steady

from oxablate.physics.flow.closures import ConvexStiffening, FixedConductivity, SealedTissue, TissueFlow
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.space.boundary import Dirichlet, OuterFaces
from oxablate.space.grid import VoxelGrid

H, G, B, K, CAVITY = 7e3, 2e3, 2.0, 1e-12, 1e-3
OWN_TIME = CAVITY**2 / (K * H)  # s
NARROW = 0.25e-3  # m, a cavity that holds next to nothing: on voxels it is filled with tissue


def body(last: float, exponent: float = B) -> Body:
    return Body(H, G, exponent, K, CAVITY, last)


def rate_of(load: float) -> float:
    """Injection rate [m3/s] whose steady pressure at the cavity is `load` x H in an endless body."""
    return load * H * 4 * np.pi * K * CAVITY


# -- the reference ----------------------------------------------------------------------------------------------------


def test_the_reference_ends_in_the_steady_state():
    """Method of lines against the boundary value problem, J at the wall 1.18: to 1e-8."""
    small = body(6e-3)
    sphere = Sphere(small, 20)
    strain = sphere.inject(np.zeros(20), rate_of(0.3), np.array([0.0, 1e3 * OWN_TIME]), 1e-7)[-1]
    radius, radial, hoop, _, residual = steady(small, rate_of(0.3))
    exact = CubicSpline(np.log(radius), radial * hoop**2)(np.log(sphere.radius[:-1])) - 1.0
    assert residual < 1e-8 and exact[0] > 0.15
    assert np.abs(strain - exact).max() < 1e-8


def test_the_reference_does_not_depend_on_its_shells():
    """A transient at finite strain on 20 and 28 shells, started gently: equal to 1e-6 of the strain, in the steady
    state to 1e-8."""
    finals = []
    for shells in (20, 28):
        sphere = Sphere(body(6e-3), shells)
        strain = sphere.inject(np.zeros(shells), rate_of(0.3), OWN_TIME * np.array([0.0, 2.0, 1e3]), 1e-9)
        probe = np.linspace(np.log(1.05e-3), np.log(5e-3), 9)
        finals.append([BarycentricInterpolator(np.log(sphere.radius[:-1]), row)(probe) for row in strain[1:]])
    assert np.abs(np.subtract(*finals)[0]).max() < 1e-6
    assert np.abs(np.subtract(*finals)[1]).max() < 1e-8


def test_the_reference_becomes_the_similarity_solution():
    """Linear theory at a constant rate: the strain per load, extrapolated to no load, to 1e-5."""
    ball, per_load = body(30e-3), []
    sphere = Sphere(ball, 28)
    for load in (2e-3, 1e-3):
        start = linear_pressure(ball, sphere.radius, OWN_TIME, rate_of(load)) / H
        strain = sphere.inject(start[:-1], rate_of(load), OWN_TIME * np.array([1.0, 8.0]), 1e-7)[-1]
        per_load.append(strain / load)
    exact = linear_pressure(ball, sphere.radius, 8 * OWN_TIME, rate_of(1.0))[:-1] / H
    assert np.abs(per_load[1] - exact).max() < 2e-3 * exact.max()
    assert np.abs(2 * per_load[1] - per_load[0] - exact).max() < 1e-5 * exact.max()
    # far beyond the cavity's own time that solution depends on R / sqrt(c t) alone
    for time in (1e4 * OWN_TIME, 1e6 * OWN_TIME):
        reach = np.sqrt(K * H * time)
        radius = reach * np.array([0.3, 1.0, 2.0])
        alone = rate_of(1.0) / (4 * np.pi * K * radius) * erfc(radius / (2 * reach))
        assert linear_pressure(ball, radius, time, rate_of(1.0)) == pytest.approx(alone, rel=4 * CAVITY / reach)


# -- the default model ------------------------------------------------------------------------------------------------


@cache
def irrotational(load: float, end: float, last: float, shells: int = 48):
    """Radius and J of the default model's own equations: S'(p) dp/dt = (1/R^2) (R^2 K p')', p = P(J)."""
    x, derive, _ = chebyshev(shells, np.log(NARROW), np.log(last))
    radius = np.exp(x)

    def change(_, p):
        full = np.append(p, 0.0)
        through = -K * (derive @ full) * radius
        through[0] = rate_of(load) / (4 * np.pi)
        return (-(derive @ through) / radius**3)[:-1] * (H + B * p)

    run = solve_ivp(change, (0, end), np.zeros(shells), "Radau", rtol=1e-9, atol=1e-6)
    p = np.append(run.y[:, -1], 0.0)
    return radius, 1 + np.log1p(B * p / H) / B


def voxels(load: float, end: float, last: float, cells: int):
    """Distance from the tip and J of the default model on voxels."""
    edge = 2 * last / cells
    grid = VoxelGrid((cells,) * 3, (edge,) * 3, (0.0,) * 3, tuple(map(tuple, np.eye(3))))
    tissue = TissueFlow(0.2, ConvexStiffening(H, B), FixedConductivity(), SealedTissue())
    active, ones = np.ones(grid.shape, bool), np.ones(grid.shape)
    tip = tuple(float(x) for x in grid.index_to_world([(cells - 1) / 2] * 3))
    flow = FlowModel(
        grid, (tissue,), np.zeros(grid.shape, np.uint8), np.full(grid.shape, K), active,
        OuterFaces.uniform(Dirichlet(0.0)), EndHole(grid, tip, NARROW, active),
    )  # fmt: skip
    assert flow.find_rest(ones).ok
    pressure, ratio = flow.rest.copy(), ones.copy()
    for dt in np.diff(end * (np.arange(31) / 30) ** 2):
        assert flow.try_step(pressure, ratio, ones, rate_of(load), dt).outcome.ok
        pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
    index = np.indices(grid.shape) - (cells - 1) / 2
    return np.linalg.norm(index * edge, axis=0), ratio, flow.needle_pressure(pressure, rate_of(load))


def test_the_default_model_converges_to_its_own_radial_solution():
    """J of the wall 2, before the far faces matter; second order once the voxels see the profile."""
    end, last, load, errors = 2.0 * OWN_TIME, 10e-3, 1.0, []
    radius, exact = irrotational(load, end, last)
    assert exact[0] > 1.8 and exact[radius > 8e-3].max() < 1.001
    profile = CubicSpline(radius, exact)
    for cells in (10, 20, 40):
        r, ratio, needle = voxels(load, end, last, cells)
        seen = (r > 2.5e-3) & (r < 8e-3)
        errors.append(np.abs(ratio[seen] - profile(r[seen])).mean() / (profile(2.5e-3) - 1.0))
        assert needle == pytest.approx(H / B * np.expm1(B * (exact[0] - 1)), rel=0.05)
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert rates[0] > 0.8 and rates[1] > 1.7, (errors, rates)


def distance_from_equilibrium(load: float) -> tuple[float, float]:
    """Largest |J - J_equilibrium| of the steady default model over its largest J - 1; J - 1 at the wall."""
    far = body(0.3)
    radius, radial, hoop, *_ = steady(far, rate_of(load))
    pressure = rate_of(load) / (4 * np.pi * K) * (1 / radius - 1 / far.last)
    own = np.log1p(B * pressure / H) / B
    return float(np.abs(own + 1 - radial * hoop**2).max() / own.max()), float(own.max())


def test_the_distance_from_equilibrium_vanishes_with_the_dilatation():
    """In first order: tenfold less dilatation, tenfold less distance. At a dilatation of 0.2 it is a tenth of it."""
    small, middle, large = (distance_from_equilibrium(load)[0] for load in (1e-3, 1e-2, 1e-1))
    assert 8 < middle / small < 12 and 8 < large / middle < 12
    distance, strain = distance_from_equilibrium(0.3)
    assert 0.2 < strain < 0.25 and 0.05 < distance < 0.2


def test_linear_theory_is_a_model_one_can_choose_and_its_error_shows():
    """b = 0 and a fixed conductivity: right to 0.2 % at a strain of 0.001, wrong by more than half at 0.3."""
    far = body(0.3)
    for load, low, high in ((1e-3, 0.0, 2e-3), (1.0, 0.5, np.inf)):
        radius, radial, hoop, *_ = steady(far, rate_of(load))
        wall = radial[0] * hoop[0] ** 2 - 1
        over = rate_of(load) / (4 * np.pi * K) * (1 / radius[0] - 1 / far.last)
        linear, convex = (ConvexStiffening(H, exponent).strain(over) for exponent in (0.0, B))
        assert low <= abs(linear / wall - 1) <= high
        assert abs(convex - wall) < 0.5 * abs(linear - wall)
