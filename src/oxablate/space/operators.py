"""Discrete operators on a voxel grid that every process shares."""

import numpy as np

from .grid import VoxelGrid


def face_conductances(grid: VoxelGrid, conductivity: np.ndarray, active: np.ndarray | None = None):
    """Conductances of the interior faces, T = A / (d/(2 K_L) + d/(2 K_R)) (harmonic: resistances in series).

    conductivity: (nx, ny, nz), >= 0. active: voxels that take part; faces that touch others conduct nothing.
    Returns (tx, ty, tz), each (nx, ny, nz); tx[i] couples voxels i and i+1 and its last plane is zero.
    """
    k = np.where(active, conductivity, 0.0) if active is not None else conductivity
    faces = []
    for axis in range(3):
        scale = grid.face_areas[axis] / grid.spacing[axis]
        left = np.take(k, range(k.shape[axis] - 1), axis=axis)
        right = np.take(k, range(1, k.shape[axis]), axis=axis)
        both = left + right
        # scaled by the larger value first: the product of two conductivities of 1e-180 would underflow
        ratio = np.divide(np.minimum(left, right), both, out=np.zeros_like(both), where=both > 0)
        t = np.zeros(k.shape)
        inner = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        t[inner] = scale * 2.0 * ratio * np.maximum(left, right)
        faces.append(t)
    return tuple(faces)
