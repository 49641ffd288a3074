"""E13, flow: the opening pore space against independent one-dimensional references, in space and in time.

The references are written here from the equations, on fine grids, integrated by SciPy: no line of the package is in
them. Column: Cartesian, driven by a pressure on one face. Sphere: injection through a cavity, radial coordinate.
"""

from functools import cache

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from oxablate.physics.flow.closures import (
    ConvexStiffening,
    ExponentialConductivity,
    FluidExchange,
    SealedTissue,
    TissueFlow,
)
from oxablate.physics.flow.step import FlowModel
from oxablate.physics.flow.well import EndHole
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces
from oxablate.space.grid import VoxelGrid

H, B, M, OPEN, PHI, K = 7000.0, 3.2, 2.5, 500.0, 0.2, 1e-12
LEAK, LONG = 2e-6, 4e-3  # 1/(Pa s), m
EYE = tuple(map(tuple, np.eye(3)))


def strain(p):
    """J - 1 at an overpressure, for the convex law."""
    return np.where(p > 0, np.log1p(B * np.maximum(p, 0.0) / H) / B, p / H)


def compliance(p):
    return 1.0 / (H + B * np.maximum(p, 0.0))


def rise(p, exponent):
    """K/K0: exponential above the opening pressure, never above (1 + (J - 1)/phi0)^3 / J."""
    x = strain(p)
    bound = (1.0 + x / PHI) ** 3 / (1.0 + x)
    return np.where(p > OPEN, np.minimum(np.exp(exponent * (x - strain(np.array(OPEN)))), np.maximum(bound, 1.0)), 1.0)


def tissue(exponent, leak=0.0):
    exchange = FluidExchange(leak, 0.0, 0.0, 0.0) if leak else SealedTissue()
    return TissueFlow(PHI, ConvexStiffening(H, B), ExponentialConductivity(exponent, OPEN), exchange)


# -- the column -------------------------------------------------------------------------------------------------------


@cache
def column_reference(exponent, push, end, cells=640):
    """p over x as a spline: (K g p_x)_x - leak p = J'(p) p_t, p = push at x = 0, sealed at x = LONG, p = 0 at first."""
    h = LONG / cells

    def change(_, p):
        middle = rise(0.5 * (p[1:] + p[:-1]), exponent)
        flux = np.empty(cells + 1)
        flux[1:-1] = -K * middle * np.diff(p) / h
        # second order one-sided slope at the pushed face, from the face and the first two centres
        flux[0] = -K * rise(np.array(push), exponent) * (-8.0 * push + 9.0 * p[0] - p[1]) / (3.0 * h)
        flux[-1] = 0.0
        return (-np.diff(flux) / h - LEAK * p) / compliance(p)

    run = solve_ivp(change, (0, end), np.zeros(cells), method="LSODA", rtol=1e-8, atol=1e-6 * push, lband=1, uband=1)
    x = (np.arange(cells) + 0.5) * h
    return CubicSpline(x, run.y[:, -1])


def column_run(exponent, push, end, cells, steps):
    """The same by voxels, in steps that grow from the sudden start."""
    grid = VoxelGrid((cells, 1, 1), (LONG / cells, 1e-3, 1e-3), (0.0,) * 3, EYE)
    field, active = np.full(grid.shape, K), np.ones(grid.shape, bool)
    outer = OuterFaces((Dirichlet(push), *[NoFlow()] * 5))
    label, ones = np.zeros(grid.shape, np.uint8), np.ones(grid.shape)
    flow = FlowModel(grid, (tissue(exponent, LEAK),), label, field, active, outer)
    # rest is what the subject was before the pressure came: none anywhere
    flow.rest[...] = 0.0
    pressure, ratio = np.zeros(grid.shape), np.ones(grid.shape)
    times = end * (np.arange(steps + 1) / steps) ** 2
    now = 0.0
    for target in times[1:]:
        dt = target - now
        while now < target:  # a step that fails is tried again at half its length, as a run does
            if not flow.try_step(pressure, ratio, ones, 0.0, dt, tolerance=1e-8).outcome.ok:
                dt *= 0.5
                assert dt > 1e-9 * end
                continue
            pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
            now = target if dt >= (target - now) * (1 - 1e-9) else now + dt
            dt = min(dt, target - now)
    return (np.arange(cells) + 0.5) * LONG / cells, pressure.ravel(), ratio.ravel()


@pytest.mark.parametrize(("exponent", "push"), [(0.0, 8e3), (2.5, 8e3), (12.0, 6e3)], ids=["K0", "M = 2.5", "bounded"])
@pytest.mark.parametrize("end", [60.0, 2000.0], ids=["transient", "steady"])
def test_column_second_order_in_space(exponent, push, end):
    reference, errors = column_reference(exponent, push, end), []
    for cells in (16, 32, 64):
        x, pressure, ratio = column_run(exponent, push, end, cells, 200)
        exact = reference(x)
        errors.append((np.abs(pressure - exact).max() / push, np.abs(ratio - 1.0 - strain(exact)).max()))
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(rates > 1.7), (errors, rates)


# -- the sphere -------------------------------------------------------------------------------------------------------

RADIUS, OUTER, RATE, END = 0.35e-3, 12e-3, 2.5e-10, 20.0


@cache
def sphere_reference(cells=600):
    """p(r) and p(r_c): r^2 J'(p) p_t = (r^2 K g p_r)_r from a cavity that gives RATE; p = 0 far off and at first."""
    edges = np.geomspace(RADIUS, OUTER, cells + 1)
    r = 0.5 * (edges[1:] + edges[:-1])
    volume = 4.0 / 3.0 * np.pi * np.diff(edges**3)
    # between two radii a steady flow sees 1/r: conductance 4 pi K / (1/r_a - 1/r_b)
    inner = 4.0 * np.pi * K / (1.0 / r[:-1] - 1.0 / r[1:])
    last = 4.0 * np.pi * K / (1.0 / r[-1] - 1.0 / OUTER)

    def change(_, p):
        flow = np.empty(cells + 1)
        flow[0], flow[-1] = RATE, last * p[-1]
        flow[1:-1] = inner * rise(0.5 * (p[1:] + p[:-1]), M) * (p[:-1] - p[1:])
        return -np.diff(flow) / volume / compliance(p)

    run = solve_ivp(change, (0, END), np.zeros(cells), method="LSODA", rtol=1e-8, atol=1e-3, lband=1, uband=1)
    p = run.y[:, -1]
    # from the first centre to the cavity wall, by the flow that passes there
    drop = RATE / (4.0 * np.pi * K * rise(p[0], M)) * (1.0 / RADIUS - 1.0 / r[0])
    return CubicSpline(r, p), float(p[0] + drop)


def sphere_run(cells):
    edge = 10e-3 / cells
    grid = VoxelGrid((cells,) * 3, (edge,) * 3, (0.0,) * 3, EYE)
    tip = tuple(float(x) for x in grid.index_to_world([(cells - 1) / 2] * 3))
    active, label, ones = np.ones(grid.shape, bool), np.zeros(grid.shape, np.uint8), np.ones(grid.shape)
    needle = EndHole(grid, tip, RADIUS, active)
    flow = FlowModel(
        grid, (tissue(M),), label, np.full(grid.shape, K), active, OuterFaces.uniform(Dirichlet(0.0)), needle
    )
    assert flow.find_rest(ones).ok
    pressure, ratio = flow.rest.copy(), np.ones(grid.shape)
    for dt in np.diff(END * (np.arange(41) / 40) ** 2):
        assert flow.try_step(pressure, ratio, ones, RATE, dt).outcome.ok
        pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
    index = (np.indices(grid.shape) - (cells - 1) / 2) * edge
    return np.sqrt((index**2).sum(axis=0)), ratio, flow.needle_pressure(pressure, RATE)


def test_spherical_injection_against_the_radial_reference():
    """Needle pressure within 2 % at any voxel size; the profile of J converges."""
    profile, at_needle = sphere_reference()
    coarse, _ = sphere_reference(300)
    r = np.linspace(0.5e-3, 5e-3, 50)
    assert coarse(r) == pytest.approx(profile(r), abs=1e-3 * at_needle)  # the reference itself has converged
    errors = []
    for cells in (11, 21, 41):
        distance, ratio, needle = sphere_run(cells)
        assert needle == pytest.approx(at_needle, rel=0.02), cells
        # beyond one voxel of the coarsest grid, so that all grids are judged on the same part of the profile
        seen = (distance > 1e-3) & (distance < 4.5e-3)
        exact = strain(profile(distance[seen]))
        errors.append(np.abs(ratio[seen] - 1.0 - exact).mean() / exact.mean())
    assert strain(np.array(at_needle)) > 0.3  # finite dilatation
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(rates > 1.0), (errors, rates)


# -- time -------------------------------------------------------------------------------------------------------------


def filled_box(steps, end=40.0, rate=6e-3):
    """J of a sealed, leaking, uniform box filled evenly at `rate` per tissue volume [1/s]."""
    grid = VoxelGrid((2, 2, 2), (1e-3,) * 3, (0.0,) * 3, EYE)
    active, label, ones = np.ones(grid.shape, bool), np.zeros(grid.shape, np.uint8), np.ones(grid.shape)
    needle = EndHole(grid, (5e-4,) * 3, 1e-3, active)
    flow = FlowModel(
        grid, (tissue(M, LEAK),), label, np.full(grid.shape, K), active, OuterFaces.uniform(NoFlow()), needle
    )
    assert flow.find_rest(ones).ok
    pressure, ratio = flow.rest.copy(), np.ones(grid.shape)
    for _ in range(steps):
        assert flow.try_step(pressure, ratio, ones, rate * 8e-9, end / steps, tolerance=1e-13).outcome.ok
        pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
    return ratio[0, 0, 0]


def test_second_order_in_time_against_the_ode():
    """dJ/dt = q - leak P(J) of one voxel, by SciPy."""

    def change(_, y):
        return 6e-3 - LEAK * H / B * np.expm1(B * (y - 1.0))

    truth = solve_ivp(change, (0, 40.0), [1.0], method="LSODA", rtol=1e-12, atol=1e-13).y[0, -1]
    assert truth > 1.1
    errors = np.array([abs(filled_box(steps) - truth) for steps in (5, 10, 20, 40)])
    rates = np.log2(errors[:-1] / errors[1:])
    assert np.all(rates[1:] > 1.85), (errors, rates)


def test_second_order_in_time_with_neighbours():
    """A needle in an uneven box, against a step sixteen times finer: all of the coupled, nonlinear step."""
    grid = VoxelGrid((6, 5, 4), (1e-3,) * 3, (0.0,) * 3, EYE)
    uneven = K * np.exp(np.random.default_rng(3).normal(size=grid.shape))
    active, label, ones = np.ones(grid.shape, bool), np.zeros(grid.shape, np.uint8), np.ones(grid.shape)
    needle = EndHole(grid, (2.2e-3, 2e-3, 1.4e-3), 3e-4, active)

    def final(steps):
        flow = FlowModel(grid, (tissue(M, LEAK),), label, uneven, active, OuterFaces.uniform(Dirichlet(0.0)), needle)
        assert flow.find_rest(ones).ok
        pressure, ratio = flow.rest.copy(), np.ones(grid.shape)
        for _ in range(steps):
            assert flow.try_step(pressure, ratio, ones, 4e-10, 2.0 / steps, tolerance=1e-12).outcome.ok
            pressure[...], ratio[...] = flow.pressure_next, flow.ratio_next
        return ratio

    truth = final(640)
    errors = np.array([np.abs(final(steps) - truth).max() for steps in (10, 20, 40)])
    rates = np.log2(errors[:-1] / errors[1:])
    assert np.all(rates > 1.7), (errors, rates)
