"""The elliptic solver against sparse direct solves, and its conduct at the edges: pockets, dead voxels, bad numbers."""

import numba
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import spsolve

from oxablate.numerics.elliptic import EllipticSolver, FaceCoefficients, apply_operator
from oxablate.numerics.multigrid import Multigrid
from oxablate.numerics.outcome import Ending
from oxablate.numerics.stencil import survey

AXES = ("tx", "ty", "tz")


def couplings(conductivity, spacing=(1.0, 1.0, 1.0)):
    """Harmonic face couplings of a voxel field; the last face of every axis is 0."""
    volume = spacing[0] * spacing[1] * spacing[2]
    out = []
    for axis in range(3):
        moved = np.moveaxis(conductivity, axis, 0)
        t = np.zeros_like(moved)
        a, b = moved[:-1], moved[1:]
        joined = (a > 0) & (b > 0)
        t[:-1][joined] = 2.0 / (1.0 / a[joined] + 1.0 / b[joined]) * volume / spacing[axis] ** 2
        out.append(np.ascontiguousarray(np.moveaxis(t, 0, axis)))
    return out


def assemble(c: FaceCoefficients) -> sp.csr_matrix:
    """The same operator as a sparse matrix, built independently of the solver."""
    index = np.arange(c.diagonal.size).reshape(c.shape)
    matrix = sp.diags(c.diagonal.ravel()).tocsr()
    for axis, name in enumerate(AXES):
        low, high = (np.take(index, r, axis).ravel() for r in (range(c.shape[axis] - 1), range(1, c.shape[axis])))
        t = np.take(getattr(c, name), range(c.shape[axis] - 1), axis).ravel()
        ends = sp.csr_matrix(
            (np.r_[np.ones(low.size), -np.ones(low.size)], (np.r_[range(low.size), range(low.size)], np.r_[low, high])),
            shape=(low.size, index.size),
        )
        matrix = matrix + ends.T @ sp.diags(t) @ ends
    return matrix.tocsr()


def random_problem(shape, contrast, seed, grounded=0.3):
    rng = np.random.default_rng(seed)
    conductivity = contrast ** (rng.random(shape) - 0.5)
    diagonal = np.where(rng.random(shape) < grounded, conductivity * rng.random(shape), 0.0)
    diagonal.flat[rng.integers(diagonal.size)] = 1.0
    return FaceCoefficients(*couplings(conductivity), diagonal), rng.standard_normal(shape)


def solve(coefficients, rhs, tolerance=1e-10, guess=None, **options):
    x = np.zeros(coefficients.shape) if guess is None else guess.copy()
    solver = EllipticSolver(coefficients.shape)
    solver.setup(coefficients)
    return x, solver.solve(rhs, x, tolerance=tolerance, **options)


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.integers(1, 9)] * 3), st.floats(0.0, 4.0), st.integers(0, 10**6))
def test_agrees_with_a_sparse_direct_solve(shape, decades, seed):
    coefficients, rhs = random_problem(shape, 10.0**decades, seed)
    x, outcome = solve(coefficients, rhs, tolerance=1e-11)
    matrix = assemble(coefficients)
    exact = spsolve(matrix.tocsc(), rhs.ravel())
    assert outcome.ok, outcome
    # energy norm of the error <= residual in the inverse norm: compare where both solvers carry meaning
    error = x.ravel() - exact
    assert np.sqrt(error @ (matrix @ error)) <= 1e-6 * np.sqrt(exact @ (matrix @ exact))


@given(st.tuples(*[st.integers(1, 7)] * 3), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_operator_is_the_assembled_matrix(shape, seed):
    coefficients, field = random_problem(shape, 1e4, seed)
    out = np.full(shape, np.nan)
    energy = apply_operator(coefficients, field, out)
    expected = assemble(coefficients) @ field.ravel()
    scale = np.abs(assemble(coefficients)) @ np.abs(field.ravel())
    assert np.all(np.abs(out.ravel() - expected) <= 1e-13 * scale)
    assert energy == pytest.approx(field.ravel() @ expected, rel=1e-10)


@pytest.mark.parametrize("shape", [(1, 1, 37), (1, 41, 1), (13, 17, 19), (31, 2, 3), (1, 1, 1), (24, 24, 24)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.0, 8.0), (1.0, 8.0, 1.0), (8.0, 1.0, 1.0)])
def test_any_shape_and_slice_thickness_converges_quickly(shape, spacing):
    rng = np.random.default_rng(5)
    conductivity = 1e2 ** (rng.random(shape) - 0.5)
    diagonal = np.zeros(shape)
    diagonal.flat[-1] = conductivity.flat[-1] * spacing[0]
    coefficients = FaceCoefficients(*couplings(conductivity, spacing), diagonal)
    _, outcome = solve(coefficients, rng.standard_normal(shape), tolerance=1e-8)
    assert outcome.ok and outcome.iterations <= 30, outcome


def test_preconditioner_is_symmetric_and_positive():
    coefficients, u = random_problem((11, 12, 13), 1e4, 3)
    v = np.random.default_rng(4).standard_normal(u.shape)
    mg = Multigrid(u.shape)
    mg.setup(coefficients, 1.0 / survey(coefficients).largest)
    inner = (slice(1, -1),) * 3

    def applied(r):
        mg.b[inner] = r
        mg.cycle()
        return mg.x[inner].astype(float)

    mu, mv = applied(u), applied(v)
    size = np.sqrt(np.vdot(u, mu) * np.vdot(v, mv))
    assert np.vdot(u, mu) > 0.0 and np.vdot(v, mv) > 0.0
    assert abs(np.vdot(u, mv) - np.vdot(v, mu)) < 1e-5 * size  # single precision


def test_residual_reported_is_the_true_one():
    coefficients, rhs = random_problem((16, 15, 14), 1e6, 8)
    x, outcome = solve(coefficients, rhs, tolerance=1e-9)
    out = np.empty_like(x)
    apply_operator(coefficients, x, out)
    true = np.linalg.norm(rhs - out) / np.linalg.norm(rhs)
    assert outcome.ok and true <= 1e-9
    assert outcome.residual == pytest.approx(true, rel=1e-6)


def test_warm_start_and_norm_scale():
    coefficients, rhs = random_problem((12, 12, 12), 1e3, 1)
    x, cold = solve(coefficients, rhs)
    _, again = solve(coefficients, rhs, guess=x)
    assert cold.iterations > 3 and again.ok and again.iterations == 0
    _, loose = solve(coefficients, rhs, tolerance=1e-10, norm_scale=1e4 * np.linalg.norm(rhs))
    assert loose.ok and 0 < loose.iterations < cold.iterations


def test_zero_source_gives_zero():
    coefficients, rhs = random_problem((5, 6, 7), 1e3, 2)
    x, outcome = solve(coefficients, np.zeros_like(rhs), guess=rhs)
    assert outcome.ok and outcome.iterations == 0 and not x.any()


def test_strong_storage_needs_few_iterations():
    coefficients, rhs = random_problem((32, 32, 32), 1e2, 2)
    total = assemble(coefficients).diagonal().reshape(rhs.shape)
    _, outcome = solve(FaceCoefficients(*coefficients.arrays[:3], coefficients.diagonal + 20.0 * total), rhs, 1e-8)
    assert outcome.ok and outcome.iterations <= 4


def ball(n, radius):
    axes = np.indices((n, n, n)) - (n - 1) / 2
    return (axes**2).sum(axis=0) < radius**2


def test_inactive_voxels_stay_zero_and_do_not_disturb():
    inside = ball(20, 8.0)
    rng = np.random.default_rng(0)
    conductivity = np.where(inside, 1e2 ** rng.random(inside.shape), 0.0)
    diagonal = np.where(inside & (rng.random(inside.shape) < 0.1), 1.0, 0.0)
    coefficients = FaceCoefficients(*couplings(conductivity), diagonal)
    rhs = np.where(inside, rng.standard_normal(inside.shape), 0.0)
    x, outcome = solve(coefficients, rhs, guess=np.full(inside.shape, 3.0))
    assert outcome.ok and not x[~inside].any()
    keep = inside.ravel()
    exact = spsolve(assemble(coefficients)[keep][:, keep].tocsc(), rhs[inside])
    assert np.linalg.norm(x[inside] - exact) <= 1e-7 * np.linalg.norm(exact)


def pocket_problem():
    """A grounded box with a closed pocket of 3 x 3 x 3 voxels in it."""
    conductivity = np.ones((12, 12, 12))
    coefficients = couplings(conductivity)
    inside = np.zeros(conductivity.shape, bool)
    inside[4:7, 5:8, 3:6] = True
    for axis, t in enumerate(coefficients):
        t[inside != np.roll(inside, -1, axis)] = 0.0
    return FaceCoefficients(*coefficients, np.where(inside, 0.0, 0.1)), inside


def test_closed_pocket_is_solved_without_its_mean():
    coefficients, inside = pocket_problem()
    rhs = np.random.default_rng(1).standard_normal(inside.shape)
    rhs[inside] -= rhs[inside].mean()
    x, outcome = solve(coefficients, rhs, guess=np.full(inside.shape, 5.0))
    assert outcome.ok
    assert abs(x[inside].mean()) < 1e-12 * np.abs(x[inside]).max()
    residual = rhs.ravel() - assemble(coefficients) @ x.ravel()
    assert np.linalg.norm(residual) <= 2e-10 * np.linalg.norm(rhs)


def test_net_source_in_a_pocket_is_incompatible_and_named():
    coefficients, inside = pocket_problem()
    rhs = np.zeros(inside.shape)
    rhs[5, 6, 4] = 1.0
    x, outcome = solve(coefficients, rhs)
    assert outcome.ending is Ending.INCOMPATIBLE and outcome.where == (5, 6, 4)
    assert np.isfinite(x).all()


def test_source_in_a_dead_voxel_is_incompatible():
    coefficients, _ = pocket_problem()
    arrays = [a.copy() for a in coefficients.arrays]
    for axis, t in enumerate(arrays[:3]):
        t[9, 9, 9] = 0.0
        t[tuple(9 - (axis == a) for a in range(3))] = 0.0
    arrays[3][9, 9, 9] = 0.0
    rhs = np.zeros(arrays[3].shape)
    rhs[9, 9, 9] = 1e-3
    assert solve(FaceCoefficients(*arrays), rhs)[1].where == (9, 9, 9)


def test_closed_box_without_any_outlet():
    shape = (9, 10, 11)
    coefficients = FaceCoefficients(*couplings(np.ones(shape)), np.zeros(shape))
    rhs = np.zeros(shape)
    rhs[0, 0, 0], rhs[-1, -1, -1] = 1.0, -1.0
    x, outcome = solve(coefficients, rhs)
    assert outcome.ok and abs(x.mean()) < 1e-13
    assert np.allclose(x, -x[::-1, ::-1, ::-1], atol=1e-8 * np.abs(x).max())
    rhs[-1, -1, -1] = 0.0
    assert solve(coefficients, rhs)[1].ending is Ending.INCOMPATIBLE


@pytest.mark.parametrize("array", range(4))
@pytest.mark.parametrize(
    "value, ending", [(np.nan, Ending.NOT_FINITE), (np.inf, Ending.NOT_FINITE), (-1.0, Ending.NEGATIVE)]
)
def test_bad_coefficient_is_an_outcome_at_its_voxel(array, value, ending):
    coefficients, rhs = random_problem((6, 7, 8), 10.0, 1)
    coefficients.arrays[array][2, 3, 4] = value
    x, outcome = solve(coefficients, rhs)
    assert outcome.ending is ending and outcome.where == (2, 3, 4) and not x.any()


def test_bad_source_and_bad_guess():
    coefficients, rhs = random_problem((6, 7, 8), 10.0, 1)
    exact, _ = solve(coefficients, rhs)
    x, outcome = solve(coefficients, rhs, guess=np.full(rhs.shape, np.nan))
    assert outcome.ok and np.allclose(x, exact, rtol=1e-6)
    rhs[1, 2, 3] = np.nan
    x, outcome = solve(coefficients, rhs)
    assert outcome.ending is Ending.NOT_FINITE and outcome.where == (1, 2, 3) and np.isfinite(x).all()


def test_unreachable_tolerance_and_iteration_limit_are_outcomes():
    coefficients, rhs = random_problem((10, 10, 10), 1e4, 1)
    x, outcome = solve(coefficients, rhs, tolerance=1e-30)
    assert outcome.ending in (Ending.STALLED, Ending.TOO_MANY_ITERATIONS) and np.isfinite(x).all()
    assert outcome.residual < 1e-12 and outcome.where is not None
    x, outcome = solve(coefficients, rhs, max_iterations=2)
    assert outcome.ending is Ending.TOO_MANY_ITERATIONS and outcome.iterations == 2


def test_same_bits_for_any_number_of_threads():
    coefficients, rhs = random_problem((40, 42, 44), 1e4, 6)
    before = numba.get_num_threads()
    found = []
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            found.append(solve(coefficients, rhs, tolerance=1e-8)[0])
    finally:
        numba.set_num_threads(before)
    assert found[0].tobytes() == found[1].tobytes()


@pytest.mark.parametrize("unit", [1e-15, 1e-6, 1e9])
def test_change_of_units_changes_nothing(unit):
    coefficients, rhs = random_problem((15, 16, 17), 1e5, 6)
    x, first = solve(coefficients, rhs, tolerance=1e-12)
    y, second = solve(FaceCoefficients(*(a * unit for a in coefficients.arrays)), rhs * 1e-3, tolerance=1e-12)
    assert first.ok and second.ok
    assert np.linalg.norm(y * unit * 1e3 - x) <= 1e-10 * np.linalg.norm(x)


def test_memory_stays_below_160_bytes_per_unknown():
    solver = EllipticSolver((48, 48, 48))
    solver.setup(FaceCoefficients(*couplings(np.ones((48, 48, 48))), np.ones((48, 48, 48)) * 1e-3))
    assert solver.memory_bytes <= 160
