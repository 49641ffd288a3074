"""The pressure equation: time against packaged algebraic multigrid, memory, growth with size, high contrast.

The field is log-normal with a correlation length fixed in voxels; `contrast` is the ratio spanned by plus and minus
four standard deviations. Fixed pressure on all six sides, a point source in the middle, solved to a relative residual
of 1e-8. PyAMG (smoothed aggregation and Ruge-Stuben, both accelerated by conjugate gradients) is timed in turn with
ours on the same matrix, assembled outside the clock; set-up counts for everyone.
"""

import argparse
import math

import numpy as np
import scipy.sparse as sp
from common import Figure, alternating_times, footnotes, report
from scipy.ndimage import gaussian_filter

from oxablate.numerics.elliptic import EllipticSolver, FaceCoefficients

TOLERANCE = 1e-8
CORRELATION_VOXELS = 3.0
NOT_CONVERGED = 201  # one more than the iterations a solve may take


def log_normal(n: int, contrast: float, correlation: float = CORRELATION_VOXELS, seed: int = 1) -> np.ndarray:
    """Log-normal field (n, n, n) of median 1, contrast over +-4 standard deviations; correlation 0: independent."""
    field = np.random.default_rng(seed).standard_normal((n, n, n))
    if correlation > 0:
        field = gaussian_filter(field, correlation, mode="wrap")
    return contrast ** (field / field.std() / 8.0)


def uniform_log(n: int, contrast: float, correlation: float) -> np.ndarray:
    """The same with every decade of the contrast equally frequent."""
    field = log_normal(n, 10.0, correlation)
    rank = field.ravel().argsort().argsort().reshape(field.shape) / (field.size - 1)
    return contrast ** (rank - 0.5)


def coefficients(conductivity: np.ndarray) -> FaceCoefficients:
    """Harmonic face couplings on unit voxels; fixed pressure outside through half a voxel on every side."""
    diagonal = np.zeros_like(conductivity)
    faces = []
    for axis in range(3):
        k, t, s = (np.moveaxis(a, axis, 0) for a in (conductivity, np.zeros_like(conductivity), diagonal))
        t[:-1] = 2.0 / (1.0 / k[:-1] + 1.0 / k[1:])
        s[0] += 2.0 * k[0]
        s[-1] += 2.0 * k[-1]
        faces.append(np.ascontiguousarray(np.moveaxis(t, 0, axis)))
    return FaceCoefficients(*faces, diagonal)


def matrix(c: FaceCoefficients) -> sp.csr_matrix:
    """The operator as CSR."""
    _, ny, nz = c.shape
    diagonal = c.diagonal.copy()
    for axis, t in enumerate((c.tx, c.ty, c.tz)):
        diagonal += t + np.roll(t, 1, axis)
    offsets = (ny * nz, nz, 1)
    sides = [-t.ravel()[: t.size - o] for t, o in zip((c.tx, c.ty, c.tz), offsets, strict=True)]
    out = sp.diags([diagonal.ravel(), *sides, *sides], [0, *offsets, *(-o for o in offsets)], format="csr")
    out.eliminate_zeros()
    return out


class Ours:
    """Set-up and solve on one problem, memory taken once."""

    def __init__(self, conductivity: np.ndarray):
        self.coefficients = coefficients(conductivity)
        self.rhs = np.zeros(conductivity.shape)
        self.rhs[tuple(n // 2 for n in conductivity.shape)] = 1.0
        self.x = np.zeros(conductivity.shape)
        self.solver = EllipticSolver(conductivity.shape)

    def __call__(self):
        self.x.fill(0.0)
        self.solver.setup(self.coefficients)
        self.outcome = self.solver.solve(self.rhs, self.x, tolerance=TOLERANCE)
        return self.outcome


def peers(problem: Ours) -> dict:
    """PyAMG's two solvers as calls that set up, solve, and check that they reached the tolerance."""
    import pyamg

    a, b = matrix(problem.coefficients), problem.rhs.ravel()

    def call(build):
        x = build(a).solve(b, tol=TOLERANCE, accel="cg", maxiter=200)
        if np.linalg.norm(b - a @ x) > 2 * TOLERANCE * np.linalg.norm(b):
            raise RuntimeError(f"{build.__name__} did not converge")

    return {
        "smoothed_aggregation": lambda: call(pyamg.smoothed_aggregation_solver),
        "ruge_stuben": lambda: call(pyamg.ruge_stuben_solver),
    }


def speedup(n: int, contrast: float, repeats: int) -> list[Figure]:
    problem = Ours(log_normal(n, contrast))
    problem()  # compile
    times = alternating_times({"ours": problem, **peers(problem)}, repeats)
    best = min(value for name, value in times.items() if name != "ours")
    rows = [
        Figure.judged("pressure.speedup_vs_pyamg", best / times["ours"], "times", ">= 12"),
        Figure.judged("pressure.bytes_per_unknown", problem.solver.memory_bytes, "B", "<= 160"),
    ]
    rows += [Figure.judged(f"pressure.time_{name}_{n}", value, "s", "") for name, value in times.items()]
    return rows + [Figure.judged(f"pressure.iterations_{n}", problem.outcome.iterations, "iterations", "")]


def growth(small: int, middle: int, large: int, contrast: float, repeats: int) -> list[Figure]:
    """Iterations from `small` to `large`, cost exponent in the number of unknowns from `middle` to `large`."""
    problems = {n: Ours(log_normal(n, contrast)) for n in (small, middle, large)}
    iterations = {n: problem().iterations for n, problem in problems.items()}
    times = alternating_times({n: problems[n] for n in (middle, large)}, repeats)
    exponent = math.log(times[large] / times[middle]) / (3.0 * math.log(large / middle))
    ratio = iterations[large] / iterations[small]
    rows = [
        Figure.judged(f"pressure.iteration_growth_{small}_{large}", ratio, "times", "<= 1.3"),
        Figure.judged(f"pressure.cost_exponent_{middle}_{large}", exponent, "", "<= 1.1"),
    ]
    return rows + [Figure.judged(f"pressure.iterations_{n}", iterations[n], "iterations", "") for n in problems]


def high_contrast(n: int) -> list[Figure]:
    """Contrast 1e8 in several fields; the row counts the worst."""
    rng = np.random.default_rng(2)
    fields = {
        "log_normal": log_normal(n, 1e8),
        "uniform_log": uniform_log(n, 1e8, 2.0),
        "independent_voxels": uniform_log(n, 1e8, 0.0),
        "islands": np.where(rng.random((n, n, n)) < 0.05, 1e8, 1.0),
    }
    rows, worst = [], 0
    for name, field in fields.items():
        problem = Ours(field)
        outcome = problem()
        count = outcome.iterations if outcome.ok else NOT_CONVERGED
        worst = max(worst, count)
        rows.append(Figure.judged(f"pressure.iterations_1e8_{name}_{n}", count, "iterations", ""))
    return [Figure.judged("pressure.contrast_1e8_converges", worst, "iterations", "<= 200"), *rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=128, help="voxels along an edge for the comparison with PyAMG")
    parser.add_argument("--contrast", type=float, default=1e4)
    parser.add_argument("--quick", action="store_true", help="small boxes: a look, not the figures that are asked for")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    n, sizes, rough, repeats = arguments.n, (64, 96, 192), 64, 3
    if arguments.quick:
        n, sizes, rough = min(n, 48), (32, 48, 96), 32
    rows = growth(*sizes, arguments.contrast, repeats) + high_contrast(rough)
    rows = speedup(n, arguments.contrast, repeats) + rows + footnotes()
    report(rows, arguments.json)


if __name__ == "__main__":
    main()
