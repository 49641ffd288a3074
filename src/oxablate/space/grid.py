"""The voxel grid on which everything is computed, and its place in the patient."""

from dataclasses import dataclass

import numpy as np

MM = 1e-3  # images speak millimetres, everything inside speaks metres; converted here and in `space.image` only


@dataclass(frozen=True)
class VoxelGrid:
    """A regular grid of voxels in SI units, placed in patient coordinates (LPS: x to the left, y to the back, z up).

    shape: (nx, ny, nz) voxels. spacing: (dx, dy, dz) [m], all > 0. origin: LPS position [m] of the *centre* of voxel
    (0, 0, 0). direction: 3x3, columns are the unit vectors of the i, j, k axes in LPS.

    A voxel-centred field is a C-ordered array of shape `shape`, index [i, j, k], k fastest. A face field is three
    arrays of shapes (nx+1, ny, nz), (nx, ny+1, nz), (nx, ny, nz+1); face [i] of the first lies between voxels i-1
    and i; the flux is positive along the growing index.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"a grid needs three positive voxel counts, got {self.shape}")
        if len(self.spacing) != 3 or not all(np.isfinite(s) and s > 0 for s in self.spacing):
            raise ValueError(f"a grid needs three positive spacings in metres, got {self.spacing}")
        axes = np.asarray(self.direction)
        if axes.shape != (3, 3) or not np.allclose(axes.T @ axes, np.eye(3), atol=1e-5):
            raise ValueError(f"the columns of a direction must be orthonormal, got {self.direction}")

    @property
    def size(self) -> int:
        """Number of voxels."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel [m3]."""
        return self.spacing[0] * self.spacing[1] * self.spacing[2]

    @property
    def face_areas(self) -> tuple[float, float, float]:
        """Areas of the faces across i, j, k [m2]."""
        dx, dy, dz = self.spacing
        return dy * dz, dx * dz, dx * dy

    @property
    def extent(self) -> tuple[float, float, float]:
        """Edge lengths of the whole grid [m]."""
        return tuple(n * d for n, d in zip(self.shape, self.spacing, strict=True))

    def axis_centres(self, axis: int) -> np.ndarray:
        """Positions [m] of the voxel centres along one grid axis, measured from the centre of voxel 0. Shape (n,)."""
        return np.arange(self.shape[axis]) * self.spacing[axis]

    def index_to_world(self, index) -> np.ndarray:
        """Continuous voxel indices (..., 3) to LPS positions [m] (..., 3)."""
        scaled = np.asarray(index, float) * np.asarray(self.spacing)
        return np.asarray(self.origin) + scaled @ np.asarray(self.direction).T

    def world_to_index(self, position) -> np.ndarray:
        """LPS positions [m] (..., 3) to continuous voxel indices (..., 3)."""
        offset = np.asarray(position, float) - np.asarray(self.origin)
        return (offset @ np.asarray(self.direction)) / np.asarray(self.spacing)

    def contains(self, position) -> bool:
        """Whether an LPS position [m] lies inside the outer faces of the grid."""
        index = self.world_to_index(position)
        return bool(np.all(index >= -0.5) and np.all(index <= np.asarray(self.shape) - 0.5))

    def __str__(self) -> str:
        spacing = " x ".join(f"{s / MM:g}" for s in self.spacing)
        return f"{self.shape[0]} x {self.shape[1]} x {self.shape[2]} voxels of {spacing} mm"
