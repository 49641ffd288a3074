"""Images: arrays placed in the patient, in the millimetres and LPS axes in which files speak.

Images keep millimetres; `ImageGeometry` turns them into metres, and RAS or LAS axes into LPS.
"""

from dataclasses import dataclass

import numpy as np

from ..quantities.refusal import BadInput
from .dicom.reference import DicomReference
from .dicom.slices import SlicePlanes
from .grid import MM, VoxelGrid

#: Signs that turn the axes of a named frame into LPS (x to the left, y to the back, z up).
FRAMES = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0), "LAS": (1.0, -1.0, 1.0)}

#: Voxel edges outside these bounds [mm] are taken for a wrong unit or a damaged header.
SPACING_LIMITS_MM = (0.05, 20.0)

#: Two images lie on the same voxels when no voxel is displaced by more than this share of a voxel.
SAME_PLACE = 0.05


def to_lps(frame: str, vectors) -> np.ndarray:
    """Vectors (3,) or (..., 3) of a frame named in `FRAMES`, in LPS; its own inverse."""
    return np.asarray(vectors, float) * np.asarray(FRAMES[frame])


@dataclass(frozen=True)
class ImageGeometry:
    """The voxels of an image file in the patient, in millimetres and LPS.

    position [mm] = origin + direction @ (spacing * index)

    shape: (nx, ny, nz). spacing: voxel edges [mm]. origin: LPS position [mm] of the centre of voxel (0, 0, 0).
    direction: 3x3 as a tuple of rows; its columns are the unit vectors of the i, j, k axes. A determinant of -1
    (left-handed axes) is allowed. Fails with `BadInput` when an entry is not finite, the spacing lies outside
    0.05-20 mm, or the axes are not at right angles.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[tuple[float, float, float], ...]

    def __post_init__(self) -> None:
        low, high = SPACING_LIMITS_MM
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise BadInput(f"an image needs three positive voxel counts, got {self.shape}; extract one 3-D volume")
        if not np.all(np.isfinite([*self.spacing, *self.origin, *np.ravel(self.direction)])):
            raise BadInput("the image header holds a spacing, origin or direction that is not a finite number")
        if not all(low <= s <= high for s in self.spacing):
            shown = " x ".join(f"{s:g}" for s in self.spacing)
            raise BadInput(f"a voxel spacing of {shown} mm came, {low:g} to {high:g} mm is allowed; check its unit")
        axes = np.asarray(self.direction)
        if axes.shape != (3, 3) or not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
            raise BadInput("the image axes are not at right angles; resample the image onto a rectangular grid first")

    @classmethod
    def from_columns(cls, shape, columns, origin, spacing=None) -> "ImageGeometry":
        """Geometry from the step vectors of a file: column a of `columns` (3, 3) [mm] is one step along axis a, in LPS.

        `spacing` [mm]: what the file states beside the steps, used where both agree to 1e-5; None takes the lengths of
        the steps. Directions off the right angle by the rounding of a file are set to the nearest orthonormal triple
        (polar decomposition); exact ones stay untouched.
        """
        columns = np.asarray(columns, float)
        if columns.shape != (3, 3) or not np.all(np.isfinite(columns)):
            raise BadInput("the image header holds no complete set of three finite axis directions")
        lengths = np.sqrt((columns**2).sum(axis=0))
        for axis in np.flatnonzero((columns != 0).sum(axis=0) > 1):  # an oblique step: undo the rounding of its parts
            lengths[axis] = float(f"{lengths[axis]:.14g}")
        if not np.all(lengths > 0):
            raise BadInput("the image header gives an axis of length zero; a spacing of 0.05 to 20 mm is allowed")
        axes = columns / lengths
        off = np.abs(axes.T @ axes - np.eye(3)).max()
        if 1e-12 < off < 1e-4:
            left, _, right = np.linalg.svd(axes)
            axes = left @ right
        if spacing is None or not np.allclose(spacing, lengths, rtol=1e-5, atol=0.0):
            spacing = lengths
        axes = axes + 0.0  # turns -0.0 into 0.0, so that equal geometries print and hash alike
        return cls(
            tuple(int(n) for n in shape),
            tuple(float(s) for s in spacing),
            tuple(float(x) + 0.0 for x in np.asarray(origin, float)),
            tuple(tuple(float(v) for v in row) for row in axes),
        )

    @classmethod
    def of_grid(cls, grid: VoxelGrid) -> "ImageGeometry":
        """The geometry of a computing grid, in millimetres."""
        return cls(
            grid.shape,
            tuple(float(s) / MM for s in grid.spacing),
            tuple(float(x) / MM for x in grid.origin),
            tuple(tuple(float(v) for v in row) for row in grid.direction),
        )

    def to_grid(self) -> VoxelGrid:
        """The same voxels as a computing grid, in metres."""
        return VoxelGrid(
            self.shape, tuple(s * MM for s in self.spacing), tuple(x * MM for x in self.origin), self.direction
        )

    @property
    def columns(self) -> np.ndarray:
        """Steps [mm] in LPS, one axis per column. Shape (3, 3)."""
        return np.asarray(self.direction) * np.asarray(self.spacing)

    @property
    def voxel_volume_mm3(self) -> float:
        return self.spacing[0] * self.spacing[1] * self.spacing[2]

    def index_to_world_mm(self, index) -> np.ndarray:
        """Continuous voxel indices (..., 3) to LPS positions [mm] (..., 3)."""
        scaled = np.asarray(index, float) * np.asarray(self.spacing)
        return np.asarray(self.origin) + scaled @ np.asarray(self.direction).T

    def world_mm_to_index(self, position) -> np.ndarray:
        """LPS positions [mm] (..., 3) to continuous voxel indices (..., 3)."""
        offset = np.asarray(position, float) - np.asarray(self.origin)
        return (offset @ np.asarray(self.direction)) / np.asarray(self.spacing)

    def differences(self, other: "ImageGeometry") -> list[str]:
        """What keeps two images from lying on the same voxels, each clause with both values; empty if nothing does."""
        if self.shape != other.shape:
            return [f"shape {self.shape} against {other.shape} voxels"]
        found = []
        count, spacing = np.asarray(self.shape), np.asarray(self.spacing)
        smallest = SAME_PLACE * spacing.min()
        if np.any(count * np.abs(spacing - other.spacing) > SAME_PLACE * spacing):
            found.append(f"spacing {_numbers(self.spacing)} against {_numbers(other.spacing)} mm")
        if np.abs(np.subtract(self.origin, other.origin)).max() > smallest:
            found.append(f"origin {_numbers(self.origin)} against {_numbers(other.origin)} mm")
        turned = np.abs(np.subtract(self.direction, other.direction)) * (count * spacing)
        if turned.max() > smallest:
            mine, theirs = (_numbers(np.ravel(g.direction)) for g in (self, other))
            found.append(f"direction {mine} against {theirs}")
        return found

    def __str__(self) -> str:
        shape = " x ".join(str(n) for n in self.shape)
        return f"{shape} voxels of {' x '.join(f'{s:g}' for s in self.spacing)} mm"


def _numbers(values) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in values) + ")"


@dataclass(frozen=True, eq=False)
class Image:
    """Voxel values and their place in the patient; nothing else of a file header is ever kept.

    data: array (nx, ny, nz), index [i, j, k]. geometry: its `ImageGeometry` in millimetres and LPS. reference: the
    DICOM objects it came from, None for other files. notes: sentences on what the reader did to it, or could not check.
    slices: where its values were measured, for an image that was put on an even grid; else None.
    """

    data: np.ndarray
    geometry: ImageGeometry
    reference: DicomReference | None = None
    notes: tuple[str, ...] = ()
    slices: SlicePlanes | None = None

    def __post_init__(self) -> None:
        if self.data.shape != self.geometry.shape:
            raise BadInput(f"an array of shape {self.data.shape} came with a geometry of shape {self.geometry.shape}")
