"""The elliptic solver where coefficients jump by 1e8 from voxel to voxel, and how its work grows with size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve
from test_numerics_elliptic import assemble, couplings

from oxablate.numerics.aggregation import Aggregation
from oxablate.numerics.elliptic import EllipticSolver, FaceCoefficients, apply_operator
from oxablate.numerics.multigrid import Multigrid
from oxablate.numerics.pockets import find_pockets
from oxablate.numerics.stencil import survey


def held_outside(conductivity, spacing=(1.0, 1.0, 1.0)):
    """Couplings of a box with pressure 0 on all six faces, half a voxel away."""
    volume = spacing[0] * spacing[1] * spacing[2]
    diagonal = np.zeros_like(conductivity)
    for axis in range(3):
        k, s = np.moveaxis(conductivity, axis, 0), np.moveaxis(diagonal, axis, 0)
        s[0] += 2.0 * k[0] * volume / spacing[axis] ** 2
        s[-1] += 2.0 * k[-1] * volume / spacing[axis] ** 2
    return FaceCoefficients(*couplings(conductivity, spacing), diagonal)


def uniform_log(n, contrast, correlation, seed=3):
    field = np.random.default_rng(seed).standard_normal((n, n, n))
    if correlation:
        field = gaussian_filter(field, correlation, mode="wrap")
    rank = field.ravel().argsort().argsort().reshape(field.shape) / (field.size - 1)
    return contrast ** (rank - 0.5)


def log_normal(n, contrast, seed=1):
    """Contrast over +-4 standard deviations, correlation length fixed in voxels."""
    field = gaussian_filter(np.random.default_rng(seed).standard_normal((n, n, n)), 3.0, mode="wrap")
    return contrast ** (field / field.std() / 8.0)


def fields(n):
    """Conductivities spanning 1e8: the shapes that tissue takes (capsules, cracks, islands) and worse."""
    x, y, z = np.indices((n, n, n))
    radius = np.sqrt((x - n / 2 + 0.3) ** 2 + (y - n / 2 - 0.2) ** 2 + (z - n / 2) ** 2)
    stairs = np.ones((n, n, n))
    for m in range(2 * n):
        stairs[min(n // 5 + (m + 2) // 3, n - 1), min(n // 5 + (m + 1) // 3, n - 1), min(n // 5 + m // 3, n - 1)] = 1e8
    lines = np.ones((n, n, n))
    lines[n // 2 + 1, n // 3 + 1, :] = lines[:, n // 2, n // 4] = lines[n // 5, :, n // 2 + 1] = 1e8
    rng = np.random.default_rng(8)
    return {
        "independent voxels": uniform_log(n, 1e8, 0.0),
        "correlated": uniform_log(n, 1e8, 2.0),
        "two phases": np.where(uniform_log(n, 1e8, 2.0) > 1e1, 1e8, 1.0),
        "capsule": np.where(abs(radius - n / 4) < 0.6, 1e-8, 1.0),
        "islands": np.where(rng.random((n, n, n)) < 0.05, 1e8, 1.0),
        "near percolation": np.where(rng.random((n, n, n)) < 0.3, 1e8, 1.0),
        "crack lines": lines,
        "slanted crack": stairs,
        "crack plane": np.where(abs(x + y - n) < 1, 1e8, 1.0),
    }


def solve(coefficients, rhs, tolerance=1e-8):
    x = np.zeros(coefficients.shape)
    solver = EllipticSolver(coefficients.shape)
    solver.setup(coefficients)
    return x, solver.solve(rhs, x, tolerance=tolerance), solver


@pytest.mark.parametrize("name", list(fields(6)))
def test_contrast_of_1e8_converges(name):
    coefficients = held_outside(fields(22)[name])
    rhs = np.zeros(coefficients.shape)
    rhs[11, 11, 11] = 1.0
    x, outcome, solver = solve(coefficients, rhs)
    assert outcome.ok and outcome.iterations <= 100, outcome
    out = np.empty_like(x)
    apply_operator(coefficients, x, out)
    assert np.linalg.norm(rhs - out) <= 1e-8 * np.linalg.norm(rhs)
    assert (x >= -1e-6 * x.max()).all()  # an M-matrix: a source alone makes no negative pressure
    assert solver.memory_bytes <= 160


@pytest.mark.parametrize("name", ["independent voxels", "islands", "slanted crack", "correlated"])
def test_contrast_of_1e8_agrees_with_a_direct_solve(name):
    coefficients = held_outside(fields(11)[name])
    rhs = np.random.default_rng(0).standard_normal(coefficients.shape)
    x, outcome, _ = solve(coefficients, rhs)
    matrix = assemble(coefficients)
    exact = spsolve(matrix.tocsc(), rhs.ravel())
    error = x.ravel() - exact
    assert outcome.ok
    assert np.sqrt(error @ (matrix @ error)) <= 1e-5 * np.sqrt(exact @ (matrix @ exact))


def test_aggregation_takes_over_only_where_blocks_crawl():
    rhs = np.zeros((20, 20, 20))
    rhs[10, 10, 10] = 1.0
    easy = solve(held_outside(log_normal(20, 1e4)), rhs)[2].memory_bytes
    hard = solve(held_outside(fields(20)["near percolation"]), rhs)[2].memory_bytes
    assert easy < 80 < hard <= 160


def test_aggregation_alone_is_a_good_preconditioner():
    """One cycle must reduce the energy of the error, whatever the right-hand side: it is what bounds the iteration."""
    coefficients = held_outside(fields(12)["islands"])
    mg = Multigrid(coefficients.shape)
    scale = 1.0 / survey(coefficients).largest
    mg.setup(coefficients, scale)
    cycle = Aggregation(mg.levels[0])
    matrix = assemble(coefficients).tocsc() * scale
    inner = (slice(1, -1),) * 3
    for seed in range(3):
        rhs = np.random.default_rng(seed).standard_normal(coefficients.shape)
        cycle.b[inner] = rhs
        cycle.cycle()
        z, exact = cycle.x[inner].astype(float).ravel(), spsolve(matrix, rhs.ravel())
        gain = (z @ rhs.ravel()) ** 2 / (z @ (matrix @ z)) / (exact @ rhs.ravel())
        assert gain > 0.5  # share of the error's energy that a step along z removes


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.0, 8.0)])
def test_iterations_hardly_grow_with_size(spacing):
    count = {}
    for n in (24, 48):
        rhs = np.zeros((n, n, n))
        rhs[n // 2, n // 2, n // 2] = 1.0
        count[n] = solve(held_outside(log_normal(n, 1e4), spacing), rhs)[1].iterations
    assert count[48] <= 1.3 * count[24]


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(1, 14)] * 3), st.sampled_from([0.0, 2.0, 4.0]), st.integers(0, 10**6))
def test_torn_boxes_with_pockets_and_weak_outlets(shape, decades, seed):
    """Couplings missing at random, so closed pockets of every shape; a few weak outlets."""
    rng = np.random.default_rng(seed)
    arrays = [10.0 ** (decades * rng.random(shape)) * (rng.random(shape) > 0.5) for _ in range(3)]
    for axis, t in enumerate(arrays):
        np.moveaxis(t, axis, 0)[-1] = 0.0
    coefficients = FaceCoefficients(*arrays, np.where(rng.random(shape) < 0.02, 1e-3, 0.0))
    rhs = rng.standard_normal(shape)
    pockets = find_pockets(coefficients, survey(coefficients))
    if pockets is not None:
        pockets.remove_means(rhs)
    x, outcome, _ = solve(coefficients, rhs, tolerance=1e-7)
    assert outcome.ok, outcome
    residual = rhs.ravel() - assemble(coefficients) @ x.ravel()
    assert np.linalg.norm(residual) <= 1.01e-7 * np.linalg.norm(rhs)
    if pockets is not None:
        assert np.all(abs(pockets.sums(x)) <= 1e-14 * pockets.sizes * abs(x).max())


@pytest.mark.parametrize("seed", range(3))
def test_pockets_are_the_connected_components_without_diagonal(seed):
    rng = np.random.default_rng(seed)
    shape = (7, 8, 9)
    arrays = [np.where(rng.random(shape) < 0.3, rng.random(shape), 0.0) for _ in range(3)]
    for axis, t in enumerate(arrays):
        np.moveaxis(t, axis, 0)[-1] = 0.0
    coefficients = FaceCoefficients(*arrays, np.where(rng.random(shape) < 0.05, 1.0, 0.0))
    graph = assemble(coefficients)
    graph.setdiag(0.0)
    graph.eliminate_zeros()
    _, component = connected_components(graph, directed=False)
    open_ones = np.unique(component[coefficients.diagonal.ravel() > 0])
    closed = ~np.isin(component, open_ones)
    found = find_pockets(coefficients, survey(coefficients)).labels.ravel()
    assert np.array_equal(found >= 0, closed)
    pairs = set(zip(found[closed], component[closed], strict=True))
    assert len(pairs) == len(set(found[closed])) == len(set(component[closed]))
