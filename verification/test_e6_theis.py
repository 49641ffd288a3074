"""E6: transient line source (Theis 1935), p = Q/(4 pi K b) E1(r^2 / (4 K H t)): value, similarity, rates.

Also the consolidation column of Terzaghi (E1), the same equation with other data.
"""

import numpy as np
import pytest
from scipy.special import exp1

from oxablate.physics.flow.closures import ConvexStiffening, FixedConductivity, SealedTissue, TissueFlow
from oxablate.physics.flow.step import FlowModel
from oxablate.space.boundary import Dirichlet, NoFlow, OuterFaces
from oxablate.space.grid import VoxelGrid

K, H, RATE, THICK = 1e-12, 5e3, 1e-12, 1e-3
LINEAR = TissueFlow(0.3, ConvexStiffening(H, 0.0), FixedConductivity(), SealedTissue())


def uniform_model(grid, outer):
    shape = grid.shape
    return FlowModel(
        grid, (LINEAR,), np.zeros(shape, np.uint8), np.full(shape, K), np.ones(shape, bool), outer
    )  # fmt: skip


def march(model, pressure, ratio, duration, steps):
    vessels = np.ones(model.grid.shape)
    for _ in range(steps):
        step = model.try_step(pressure, ratio, vessels, 0.0, duration / steps, tolerance=1e-12)
        assert step.outcome.ok, step.outcome
        pressure, ratio = model.pressure_next.copy(), model.ratio_next.copy()
    return pressure, ratio


def theis(cells, steps, time=400.0, half=16e-3):
    n = 2 * cells + 1
    h = 2 * half / n
    grid = VoxelGrid((n, n, 1), (h, h, THICK))
    model = uniform_model(grid, OuterFaces())
    model.flows.needle[cells, cells, 0] = RATE
    pressure, _ = march(model, np.zeros(grid.shape), np.ones(grid.shape), time, steps)
    x = (np.arange(n) - cells) * h
    r = np.hypot(x[:, None], x[None, :])
    scale = RATE / (4 * np.pi * K * THICK)
    ring = (r > 3e-3) & (r < 8e-3)
    exact = scale * exp1(r[ring] ** 2 / (4 * K * H * time))
    return pressure[..., 0][ring] / scale, exact / scale


def test_line_source_converges_to_the_exponential_integral():
    """Mean error over the ring against the value at its rim; the largest error sits where the voxels put that rim."""
    errors = []
    for cells, steps in ((12, 40), (24, 80), (48, 160)):
        got, exact = theis(cells, steps)
        errors.append(np.abs(got - exact).mean() / exp1(9e-6 / (4 * K * H * 400.0)))
    assert errors[-1] < 2e-3, errors
    assert np.log2(errors[1] / errors[2]) > 1.7, errors


def test_similarity_in_r_squared_over_t():
    """p depends on r^2/t alone: doubling lengths and quadrupling times changes nothing."""
    a, _ = theis(24, 60, time=100.0, half=8e-3)
    # the same lattice, all lengths doubled: sample the same voxels through scaled radii
    n, h = 49, 32e-3 / 49
    grid = VoxelGrid((n, n, 1), (h, h, THICK))
    model = uniform_model(grid, OuterFaces())
    model.flows.needle[24, 24, 0] = RATE
    pressure, _ = march(model, np.zeros(grid.shape), np.ones(grid.shape), 400.0, 60)
    x = (np.arange(n) - 24) * h / 2
    r = np.hypot(x[:, None], x[None, :])
    ring = (r > 3e-3) & (r < 8e-3)
    assert pressure[..., 0][ring] / (RATE / (4 * np.pi * K * THICK)) == pytest.approx(a, rel=1e-9)


def test_second_order_in_time():
    """A decaying mode of the discrete operator: the time error alone, against exp(-lambda t)."""
    n, length = 16, 16e-3
    h = length / n
    grid = VoxelGrid((n, 1, 1), (h, h, h))
    outer = OuterFaces((Dirichlet(0.0), Dirichlet(0.0)) + (NoFlow(),) * 4)
    shape = np.sin(np.pi * (np.arange(n) + 0.5) / n)[:, None, None]
    decay = K * H * (2 - 2 * np.cos(np.pi / n)) / h**2
    errors = []
    for steps in (4, 8, 16):
        p, _ = march(uniform_model(grid, outer), 100 * shape, 1 + 100 * shape / H, 1.0 / decay, steps)
        errors.append(np.abs(p - 100 * shape * np.exp(-1.0)).max())
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert rates.min() > 1.9, errors


def test_terzaghi_column():
    """E1: degree of consolidation of a column drained at one end."""
    n = 64
    grid = VoxelGrid((n, 1, 1), (1e-3 / 4,) * 3)
    outer = OuterFaces((Dirichlet(0.0),) + (NoFlow(),) * 5)
    depth = grid.extent[0]
    reached = {}
    for t_v in (0.05, 0.1, 0.1967, 0.2, 0.5, 1.0):
        model = uniform_model(grid, outer)
        p, ratio = np.full(grid.shape, 50.0), np.full(grid.shape, 1 + 50.0 / H)
        total, done, dt = t_v * depth**2 / (K * H), 0.0, 1e-5 * depth**2 / (K * H)
        while done < total * (1 - 1e-12):  # steps grow with time: the start is a boundary layer
            dt = min(dt * 1.15, total - done, 0.01 * depth**2 / (K * H))
            p, ratio = march(model, p, ratio, dt, 1)
            done += dt
        reached[t_v] = 1 - p.mean() / 50.0
    expected = {0.05: 0.2523, 0.1: 0.3568, 0.1967: 0.5, 0.2: 0.5041, 0.5: 0.7640, 1.0: 0.9313}
    for t_v, degree in expected.items():
        assert reached[t_v] == pytest.approx(degree, abs=1e-3), t_v
