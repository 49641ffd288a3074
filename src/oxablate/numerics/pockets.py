"""Closed pockets of the seven-point operator: connected voxels without any diagonal term, where A is singular.

In a pocket A x = b has a solution only when b sums to 0, and then x is free up to a constant. An inactive voxel (no
coupling, no diagonal) is a pocket of one.
"""

from dataclasses import dataclass

import numpy as np

from .jit import njit
from .stencil import FaceCoefficients, Survey

GROUNDED = -1
UNSEEN = -2


@dataclass(frozen=True)
class Pockets:
    """labels: int32 (nx, ny, nz), the number of a voxel's pocket or -1 outside all; sizes: voxels of each, (count,)."""

    labels: np.ndarray
    sizes: np.ndarray

    def one_voxel_each(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices (i, j, k) of the first voxel of every pocket, (count,) each."""
        first = np.full(self.sizes.size, -1, np.int64)
        _first(self.labels, first)
        return np.unravel_index(first, self.labels.shape)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of `values` (nx, ny, nz) over each pocket, (count,)."""
        out = np.zeros(self.sizes.size)
        _sum(self.labels, values, out)
        return out

    def remove_means(self, values: np.ndarray) -> None:
        """Subtract from `values`, in every pocket, its mean there."""
        _subtract(self.labels, self.sums(values) / self.sizes, values)

    def incompatible(self, rhs: np.ndarray, allowance: float) -> tuple[int, int, int] | None:
        """The strongest source voxel of the pocket that cannot be solved, None when all can.

        A net source counts when it exceeds round-off of its own terms and the residual it leaves behind, |sum b| /
        sqrt(size) in the 2-norm, exceeds `allowance`.
        """
        net = np.abs(self.sums(rhs))
        gross = self.sums(np.abs(rhs))
        residual = net / np.sqrt(self.sizes)
        residual[net <= 1e-12 * gross] = 0.0
        if np.linalg.norm(residual) <= allowance:
            return None
        inside = self.labels == int(np.argmax(residual))
        where = np.unravel_index(int(np.argmax(np.where(inside, np.abs(rhs), -1.0))), rhs.shape)
        return tuple(int(n) for n in where)


def find_pockets(coefficients: FaceCoefficients, seen: Survey) -> Pockets | None:
    """The closed pockets, None when there are none; searched only where couplings and diagonals are missing."""
    if seen.all_grounded or (seen.whole and seen.grounded):
        return None
    labels = np.full(coefficients.shape, UNSEEN, np.int32)
    if seen.whole:
        labels[...] = 0
        return Pockets(labels, np.array([labels.size], float))
    count = _label(*coefficients.arrays, labels, np.empty(labels.size, np.int64))
    if count == 0:
        return None
    return Pockets(labels, np.bincount(labels[labels >= 0], minlength=count).astype(float))


@njit()
def _label(tx, ty, tz, s, labels, stack):
    """Flood from every voxel with s > 0, then from every voxel left; returns the number of pockets."""
    nx, ny, nz = s.shape
    count = 0
    for grounded in (True, False):
        for i in range(nx):
            for j in range(ny):
                for k in range(nz):
                    if labels[i, j, k] == UNSEEN and (s[i, j, k] > 0.0 or not grounded):
                        _flood(tx, ty, tz, labels, stack, (i * ny + j) * nz + k, GROUNDED if grounded else count)
                        if not grounded:
                            count += 1
    return count


@njit()
def _flood(tx, ty, tz, labels, stack, seed, label):
    """Give `label` to all unseen voxels joined to voxel `seed` (a flat index)."""
    nx, ny, nz = labels.shape
    flat = labels.ravel()
    x, y, z = tx.ravel(), ty.ravel(), tz.ravel()
    plane = ny * nz
    flat[seed], stack[0], top = label, seed, 1
    while top > 0:
        top -= 1
        here = stack[top]
        i, j, k = here // plane, (here // nz) % ny, here % nz
        for side in range(6):
            if side == 0:
                joined, there = i > 0 and x[here - plane] > 0.0, here - plane
            elif side == 1:
                joined, there = i < nx - 1 and x[here] > 0.0, here + plane
            elif side == 2:
                joined, there = j > 0 and y[here - nz] > 0.0, here - nz
            elif side == 3:
                joined, there = j < ny - 1 and y[here] > 0.0, here + nz
            elif side == 4:
                joined, there = k > 0 and z[here - 1] > 0.0, here - 1
            else:
                joined, there = k < nz - 1 and z[here] > 0.0, here + 1
            if joined and flat[there] == UNSEEN:
                flat[there], stack[top] = label, there
                top += 1


@njit()
def _sum(labels, values, out):
    for label, value in zip(labels.flat, values.flat):  # noqa: B905 - numba knows no strict=
        if label >= 0:
            out[label] += value


@njit()
def _first(labels, out):
    for place, label in enumerate(labels.flat):
        if label >= 0 and out[label] < 0:
            out[label] = place


@njit()
def _subtract(labels, means, values):
    nx, ny, nz = labels.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if labels[i, j, k] >= 0:
                    values[i, j, k] -= means[labels[i, j, k]]
