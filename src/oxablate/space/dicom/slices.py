"""The slices of a series where they were measured, tilted or unevenly spaced, and the even grid that they went onto.

position [mm, LPS] of voxel (i, j) of slice k = origin + axes @ (i sx + u_k, j sy + v_k, h_k)

axes: row, column, normal. sx, sy: in-plane spacing. (u, v)_k: displacement of slice k in its plane. h_k: its height.
"""

from dataclasses import dataclass

import numpy as np

from .reference import DicomReference


@dataclass(frozen=True, eq=False)
class SlicePlanes:
    """Slices in the order of their height. Whatever was drawn on the series lies on these, not on the even grid.

    shape: (nx, ny, n). spacing: (sx, sy, step of the even grid) [mm]. origin: LPS [mm] of the first voxel of the first
    slice. direction: unit vectors in columns (row, column, normal), (3, 3). heights: above the first slice [mm], (n,),
    rising. aside: displacement along row and column [mm], (n, 2). reference: the DICOM objects, per slice.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: np.ndarray
    direction: np.ndarray
    heights: np.ndarray
    aside: np.ndarray
    reference: DicomReference

    @property
    def columns(self) -> np.ndarray:
        """Steps [mm] in LPS, one axis per column; between slices, that of the even grid. Shape (3, 3)."""
        return self.direction * np.asarray(self.spacing)

    @property
    def _aside_voxels(self) -> np.ndarray:
        return self.aside / np.asarray(self.spacing[:2])

    @property
    def low(self) -> np.ndarray:
        """First voxel of the even grid relative to that of the first slice [voxels], along row and column."""
        return np.floor(self._aside_voxels.min(axis=0) + 1e-6)

    @property
    def shifts(self) -> np.ndarray:
        """Where voxel (0, 0) of each slice lies on the even grid [voxels]. Shape (n, 2)."""
        return self._aside_voxels - self.low

    @property
    def even_shape(self) -> tuple[int, int, int]:
        """Voxels of the even grid: it holds every slice."""
        grown = np.ceil(self._aside_voxels.max(axis=0) - 1e-6) - self.low
        count = int(np.floor(self.heights[-1] / self.spacing[2] + 1e-6)) + 1
        return self.shape[0] + int(grown[0]), self.shape[1] + int(grown[1]), count

    @property
    def thickness(self) -> np.ndarray:
        """The height [mm] for which each slice stands: half way to its neighbours, half a step of the grid at the ends.

        Shape (n,).
        """
        half, end = 0.5 * np.diff(self.heights), [0.5 * self.spacing[2]]
        return np.concatenate([end, half]) + np.concatenate([half, end])

    def _between(self, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The slice below each height, and how far the height lies on the way to the one above (0 to 1, inside)."""
        below = np.clip(np.searchsorted(self.heights, heights, side="right") - 1, 0, len(self.heights) - 2)
        return below, (heights - self.heights[below]) / (self.heights[below + 1] - self.heights[below])

    def mix(self, k: int) -> list[tuple[int, float]]:
        """The slices from which slice k of the even grid is interpolated, lowest first, with weights of sum one."""
        below, way = self._between(np.float64(k * self.spacing[2]))
        weight = float(np.clip(way, 0.0, 1.0))
        both = [(int(below), 1.0 - weight), (int(below) + 1, weight)]
        return [(plane, part) for plane, part in both if part > 1e-9]

    def world_mm_to_index(self, position) -> np.ndarray:
        """LPS positions [mm] (..., 3) to continuous indices (..., 3); a whole k is slice k, wherever it lies."""
        place = (np.asarray(position, float) - self.origin) @ self.direction
        below, way = self._between(place[..., 2])
        aside = self.aside[below] + way[..., None] * (self.aside[below + 1] - self.aside[below])
        return np.concatenate(
            [(place[..., :2] - aside) / np.asarray(self.spacing[:2]), (below + way)[..., None]], axis=-1
        )
