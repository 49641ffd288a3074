"""Flexible GMRES for several fields at once, with a preconditioner in single precision.

Arnoldi's basis is kept in double precision, the preconditioned vectors in single: they come from single precision, so
nothing is lost (Saad, SIAM J. Sci. Comput. 14 (1993) 461). Sums are taken plane by plane and added in order: the same
bits for any number of threads.
"""

from collections.abc import Callable

import numpy as np

from .jit import SMALL, prange, sized_kernel
from .outcome import Ending, SolveOutcome

#: A cycle that leaves more than this share of the residual makes no progress.
STUCK = 0.7


@sized_kernel
def _overlaps(basis, count, w, sums):
    """Overlaps of w with the first `count` vectors, per plane, into sums (planes, >= count)."""
    planes, size = w.shape
    for i in prange(planes):
        for c in range(count):
            v, row, total = basis[c, i], w[i], 0.0
            for k in range(size):
                total += v[k] * row[k]
            sums[i, c] = total


@sized_kernel
def _remove(basis, count, weights, w, squares):
    """w -= sum of weights[c] basis[c]; squares of what is left, per plane."""
    planes, size = w.shape
    for i in prange(planes):
        row = w[i]
        for c in range(count):
            v, weight = basis[c, i], weights[c]
            for k in range(size):
                row[k] -= weight * v[k]
        total = 0.0
        for k in range(size):
            total += row[k] * row[k]
        squares[i] = total


@sized_kernel
def _scaled(w, factor, out):
    """factor * w into `out`."""
    planes, size = w.shape
    for i in prange(planes):
        for k in range(size):
            out[i, k] = factor * w[i, k]


@sized_kernel
def _combine(directions, count, weights, x):
    """x += sum of weights[c] directions[c]."""
    planes, size = x.shape
    for i in prange(planes):
        row = x[i]
        for c in range(count):
            z, weight = directions[c, i], weights[c]
            for k in range(size):
                row[k] += weight * z[k]


def _suited(kernel: sized_kernel, vector: np.ndarray):
    """The version of a kernel that suits one vector, not the whole basis."""
    return kernel.alone if vector.size <= SMALL else kernel.shared


class BlockGmres:
    """GMRES restarted after `restart` directions; its memory is taken as the directions are needed.

    shape: of the vectors, (fields, nx, ny, nz) float64 C-contiguous.
    """

    def __init__(self, shape: tuple[int, ...], restart: int = 30):
        self.shape, self.restart = shape, restart
        flat = (shape[0] * shape[1], shape[2] * shape[3])
        self._basis = np.zeros((restart + 1, *flat))
        self._directions = np.zeros((restart, *flat), np.float32)
        self._sums = np.zeros((flat[0], restart + 1))
        self._squares = np.zeros(flat[0])
        self._image, self._trial = np.zeros(shape), np.zeros(shape)

    def memory_bytes(self, directions: int) -> int:
        """Bytes touched by a solve of that many directions."""
        used = min(directions, self.restart)
        return 2 * self._image.nbytes + used * (self._image.nbytes * 3 // 2) + self._image.nbytes

    def norm(self, vector: np.ndarray) -> float:
        """Euclidean norm, the same bits for any number of threads."""
        flat = vector.reshape(self._squares.size, -1)
        _suited(_remove, vector)(self._basis, 0, self._sums[0], flat, self._squares)
        return float(np.sqrt(_ordered(self._squares)))

    def solve(
        self,
        image: Callable[[np.ndarray, np.ndarray], None],
        precondition: Callable[[np.ndarray, np.ndarray], None],
        rhs: np.ndarray,
        x: np.ndarray,
        goal: float,
        max_iterations: int,
    ) -> SolveOutcome:
        """Solve A x = rhs from the guess in x until ||rhs - A x|| <= goal, recomputed from x.

        image(v, out): A v into out. precondition(r, out): an approximation of A^-1 r into out, float32. The residual in
        the outcome is absolute, in the unit of rhs.
        """
        taken, before = 0, np.inf
        while True:
            image(x, self._image)
            np.subtract(rhs, self._image, out=self._image)
            size = self.norm(self._image)
            if not np.isfinite(size):
                return SolveOutcome(Ending.NOT_FINITE, taken, size)
            if size <= goal:
                return SolveOutcome(Ending.CONVERGED, taken, size)
            if taken >= max_iterations:
                return SolveOutcome(Ending.TOO_MANY_ITERATIONS, taken, size, self._worst())
            if size > STUCK * before:
                return SolveOutcome(Ending.STALLED, taken, size, self._worst())
            before = size
            taken += self._cycle(image, precondition, x, size, goal, max_iterations - taken)

    def _cycle(self, image, precondition, x, size: float, goal: float, left: int) -> int:
        """One restart cycle from the residual in `_image`; returns the number of directions taken."""
        flat = self._image.reshape(self._squares.size, -1)
        count, hessenberg = 0, np.zeros((self.restart + 1, self.restart))
        target = np.zeros(self.restart + 1)
        target[0] = size
        _suited(_scaled, x)(flat, 1.0 / size, self._basis[0])
        weights = np.zeros(0)
        while count < min(self.restart, left):
            precondition(self._basis[count].reshape(self.shape), self._directions[count].reshape(self.shape))
            np.copyto(self._trial, self._directions[count].reshape(self.shape))
            image(self._trial, self._image)
            length = self._orthogonalise(flat, hessenberg[:, count], count + 1)
            count += 1
            weights, *_ = np.linalg.lstsq(hessenberg[: count + 1, :count], target[: count + 1])
            rest = target[: count + 1] - hessenberg[: count + 1, :count] @ weights
            if length == 0.0 or not np.isfinite(length) or np.sqrt(rest @ rest) <= 0.5 * goal:
                break
            _suited(_scaled, x)(flat, 1.0 / length, self._basis[count])
        _suited(_combine, x)(self._directions, count, weights, x.reshape(flat.shape))
        return count

    def _orthogonalise(self, flat: np.ndarray, column: np.ndarray, count: int) -> float:
        """Remove from `flat` its parts along the basis, twice where little is left; returns the norm of the rest."""
        first = None
        for _ in range(2):
            _suited(_overlaps, flat)(self._basis, count, flat, self._sums)
            overlaps = np.array([_ordered(self._sums[:, c]) for c in range(count)])
            column[:count] += overlaps
            _suited(_remove, flat)(self._basis, count, overlaps, flat, self._squares)
            length = float(np.sqrt(_ordered(self._squares)))
            first = np.sqrt(length**2 + overlaps @ overlaps) if first is None else first
            if length > 0.1 * first:
                break
        column[count] = length
        return length

    def _worst(self) -> tuple[int, int, int]:
        """Voxel of the largest entry of the residual."""
        field = np.abs(self._image).max(axis=0)
        return tuple(max(int(n) - 1, 0) for n in np.unravel_index(int(np.argmax(field)), field.shape))


def _ordered(values: np.ndarray) -> float:
    """Sum in order, one after the other: no pairing that depends on length or alignment."""
    return float(np.add.accumulate(values)[-1])
