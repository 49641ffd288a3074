"""E13, the elliptic operator: second order in space on a manufactured solution with smooth, varying conductivity.

    -div(K grad p) + c p = f in a box a x b x c,   p = 0 on its faces
    p = sin(pi x / a) sin(pi y / b) sin(pi z / c),   K = exp(x / a + y / (2 b) - z / c)

Face conductivities are harmonic means; the faces of the box are half a voxel from the outer centres, with conductance
2 K A / h. f follows by hand: with g = (1 / a, 1 / (2 b), -1 / c), -div(K grad p) = -K (g . grad p + laplace p).
"""

import numpy as np
import pytest

from oxablate.numerics.elliptic import EllipticSolver, FaceCoefficients

EDGES = (1.0, 0.8, 1.6)
EXCHANGE = 3.0


def manufactured(shape):
    """Coefficients, right-hand side and exact solution on a box of `shape` voxels; the spacing follows from EDGES."""
    spacing = [e / n for e, n in zip(EDGES, shape, strict=True)]
    volume = np.prod(spacing)
    axes = [(np.arange(n) + 0.5) * h for n, h in zip(shape, spacing, strict=True)]
    at = np.meshgrid(*axes, indexing="ij")
    slopes = (1 / EDGES[0], 0.5 / EDGES[1], -1 / EDGES[2])
    conductivity = np.exp(sum(g * x for g, x in zip(slopes, at, strict=True)))
    waves = [np.pi / e for e in EDGES]
    sines, cosines = ([f(w * x) for w, x in zip(waves, at, strict=True)] for f in (np.sin, np.cos))
    exact = sines[0] * sines[1] * sines[2]
    gradient = [waves[a] * cosines[a] * sines[(a + 1) % 3] * sines[(a + 2) % 3] for a in range(3)]
    laplacian = -sum(w * w for w in waves) * exact
    source = -conductivity * (sum(g * d for g, d in zip(slopes, gradient, strict=True)) + laplacian) + EXCHANGE * exact
    diagonal = np.full(shape, EXCHANGE * volume)
    faces = []
    for axis in range(3):
        k, s = np.moveaxis(conductivity, axis, 0), np.moveaxis(diagonal, axis, 0)
        t = np.zeros_like(k)
        conductance = volume / spacing[axis] ** 2
        t[:-1] = conductance * 2.0 / (1.0 / k[:-1] + 1.0 / k[1:])
        for end, sign in ((0, -1.0), (-1, 1.0)):  # K at the face of the box, not at the voxel centre: it is known here
            s[end] += 2.0 * conductance * k[end] * np.exp(sign * 0.5 * slopes[axis] * spacing[axis])
        faces.append(np.ascontiguousarray(np.moveaxis(t, 0, axis)))
    return FaceCoefficients(*faces, diagonal), source * volume, exact


def error(n, proportions):
    shape = tuple(max(1, round(n * p)) for p in proportions)
    coefficients, rhs, exact = manufactured(shape)
    solver, x = EllipticSolver(shape), np.zeros(shape)
    solver.setup(coefficients)
    outcome = solver.solve(rhs, x, tolerance=1e-10)
    assert outcome.ok, outcome
    return np.sqrt(np.mean((x - exact) ** 2)), np.max(abs(x - exact))


@pytest.mark.parametrize("proportions", [(1.0, 0.75, 1.5), (1.0, 1.0, 0.25), (0.25, 1.0, 1.25)])
def test_second_order_also_with_slices_thicker_than_wide(proportions):
    coarse, fine = error(24, proportions), error(48, proportions)
    for before, after in zip(coarse, fine, strict=True):
        assert np.log2(before / after) >= 1.9
