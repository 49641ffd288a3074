"""What opened paths leave behind: the greatest opening so far within one crack length of each voxel."""

import numpy as np

from ...numerics.jit import njit_parallel, prange
from ...space.grid import VoxelGrid
from .crack_closures import COMPLIANCE, NoMemory, NonLocalMemory


@njit_parallel()
def _openings(pressure, label, cracks, fracture, full, opened):
    """Openings w [m] at a pressure, never more than `full`, where they beat `opened`; 0 elsewhere. In place."""
    nx, ny, nz = pressure.shape
    for i in prange(nx):
        for j in range(ny):
            for k in range(nz):
                w = cracks[label[i, j, k], COMPLIANCE] * max(pressure[i, j, k] - fracture[i, j, k], 0.0)
                opened[i, j, k] = min(w, full)


@njit_parallel()
def _spread(opened, offsets, full, box, greatest):
    """greatest = max(greatest, opened at every offset) inside `box` (low and high index per axis)."""
    nx, ny, nz = opened.shape
    for i in prange(box[0], box[1]):
        for j in range(box[2], box[3]):
            for k in range(box[4], box[5]):
                best = greatest[i, j, k]
                for n in range(offsets.shape[0]):
                    if best >= full:
                        break
                    a, b, c = i + offsets[n, 0], j + offsets[n, 1], k + offsets[n, 2]
                    if 0 <= a < nx and 0 <= b < ny and 0 <= c < nz:
                        best = max(best, opened[a, b, c])
                greatest[i, j, k] = best


class CrackMemory:
    """Keeps the non-local greatest opening and lowers the fracture pressure by it.

    grid. law: `NoMemory` or `NonLocalMemory`. fracture: p_frac now [Pa], lowered in place; its values at the start are
    the intact ones. radius: l_c [m]. `greatest` (nx, ny, nz) [m]: state to be kept by a checkpoint; (0, 0, 0) without
    memory.
    """

    def __init__(self, grid: VoxelGrid, law: NoMemory | NonLocalMemory, fracture: np.ndarray, radius: float):
        self.law, self.fracture = law, fracture
        self.greatest = np.zeros((0, 0, 0))
        if isinstance(law, NonLocalMemory):
            self.intact, self.greatest = fracture.copy(), np.zeros(grid.shape)
            self._opened, self._offsets = np.zeros(grid.shape), ball(grid.spacing, radius, grid.shape)

    def remember(self, pressure: np.ndarray, label: np.ndarray, cracks: np.ndarray) -> None:
        """Enter the openings of an accepted step at its pressure [Pa]."""
        if isinstance(self.law, NoMemory):
            return
        _openings(pressure, label, cracks, self.fracture, self.law.full_opening, self._opened)
        if self._opened.any():
            _spread(self._opened, self._offsets, self.law.full_opening, self._box(), self.greatest)
            self.restore(self.greatest)

    def restore(self, greatest: np.ndarray) -> None:
        """Set the fracture pressure that belongs to greatest openings [m], for example those of a checkpoint."""
        if isinstance(self.law, NoMemory):
            return
        self.greatest[...] = greatest
        torn = np.minimum(self.greatest / self.law.full_opening, 1.0)
        self.fracture[...] = self.intact * (1.0 - (1.0 - self.law.reopening_share) * torn)

    def _box(self) -> np.ndarray:
        """Indices that the open voxels can reach: (low, high) per axis."""
        reach, box = np.abs(self._offsets).max(axis=0), np.zeros(6, np.int64)
        for axis in range(3):
            along = np.flatnonzero(self._opened.any(axis=tuple(a for a in range(3) if a != axis)))
            box[2 * axis] = max(int(along[0]) - int(reach[axis]), 0)
            box[2 * axis + 1] = min(int(along[-1]) + int(reach[axis]) + 1, self._opened.shape[axis])
        return box


def ball(spacing: tuple[float, float, float], radius: float, shape: tuple[int, int, int]) -> np.ndarray:
    """Index offsets (m, 3) of the voxels whose centres lie within a radius [m], nearest first, none beyond the grid."""
    reach = [min(int(np.floor(radius / h * (1.0 + 1e-12))), n - 1) for h, n in zip(spacing, shape, strict=True)]
    offsets = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), -1).reshape(-1, 3)
    distance = np.sqrt(((offsets * np.asarray(spacing)) ** 2).sum(1))
    inside = distance <= radius * (1.0 + 1e-12)
    return np.ascontiguousarray(offsets[inside][np.argsort(distance[inside], kind="stable")])
