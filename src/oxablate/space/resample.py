"""From the voxels of a scan to an isotropic computing grid along the same axes, and back.

Labels are resampled by their shape, not by their voxels. Each label's mask becomes a signed distance field in physical
millimetres (positive inside); the fields are interpolated (monotone cubic along each axis, so that thick slices blend
into each other) and every new voxel takes the label whose field is largest. Beyond the last slice of a structure the
distances run on to the next, empty slice: the structure closes with a rounded cap of up to half a slice.

Interpolated distances cut corners: on thick slices they lose several percent of the volume. A constant is therefore
added to the field of every label that lies wholly inside the grid, chosen so that its volume is that of the
input (a threshold other than zero, see `LabelVolume.offset_mm`). Labels cut by the crop have no such target.

Sources: Raya and Udupa, IEEE Trans Med Imaging 9 (1990) 32, doi 10.1109/42.52980 (shape-based interpolation);
Fritsch and Butland, SIAM J Sci Stat Comput 5 (1984) 300, doi 10.1137/0905021 (monotone cubic);
Jacobs, Merkurjev and Esedoglu, J Comput Phys 354 (2018) 288, doi 10.1016/j.jcp.2017.10.036 (volumes by offsets).
"""

from dataclasses import dataclass

import numpy as np

from ..quantities.refusal import BadInput
from .grid import VoxelGrid
from .image import SPACING_LIMITS_MM, Image, ImageGeometry
from .monotone import monotone_cubic

_LARGEST_GRID = 1_000_000_000  # voxels; beyond this the spacing is a slip, no machine at hand holds the fields
_SWEEPS = 8  # of the volume offsets; two labels settle in two or three
_ALIGNED = 1e-5  # largest difference of direction cosines between a grid and its image


@dataclass(frozen=True)
class Crop:
    """Which part of an image became the grid.

    lower, upper: outer faces of the grid in the image's continuous voxel indices (-0.5 is the face of the image).
    margins_mm: (low, high) distance [mm] per axis between the tumour and the faces of the grid; smaller than asked
    where the image ends.
    """

    lower: tuple[float, float, float]
    upper: tuple[float, float, float]
    margins_mm: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        box = " x ".join(f"{a:.1f}..{b:.1f}" for a, b in zip(self.lower, self.upper, strict=True))
        margins = ", ".join(f"{a:.1f}/{b:.1f}" for a, b in self.margins_mm)
        return f"image voxels {box}, margins {margins} mm"


@dataclass(frozen=True)
class LabelVolume:
    """The volume [mm3] of one label before and after resampling, both inside the grid.

    offset_mm: how far its surface was moved outwards to keep the volume [mm] (half of what was added to its signed
    distance, since the field of its neighbour falls as its own rises); None for a label that the crop cuts.
    """

    label: int
    before_mm3: float
    after_mm3: float
    offset_mm: float | None

    @property
    def relative_error(self) -> float:
        """(after - before) / before; NaN for a label that was not there."""
        return (self.after_mm3 - self.before_mm3) / self.before_mm3 if self.before_mm3 > 0 else float("nan")

    def __str__(self) -> str:
        moved = "cut by the grid" if self.offset_mm is None else f"surface moved {self.offset_mm:+.2f} mm"
        change = f"{100.0 * self.relative_error:+.2f} %"
        return f"{self.before_mm3 / 1e3:.3f} mL in the image, {self.after_mm3 / 1e3:.3f} mL here ({change}; {moved})"


def computing_grid(
    geometry: ImageGeometry, tumour: np.ndarray, spacing_mm: float, margin_mm: float
) -> tuple[VoxelGrid, Crop]:
    """Isotropic grid along the axes of an image, around a mask, and what was cropped.

    tumour: bool (nx, ny, nz) on `geometry`, not empty. spacing_mm: voxel edge of the grid [mm]. margin_mm: wanted
    distance [mm] between tumour and every face of the grid; where the image ends the grid ends. The grid is centred on
    the box, so a mirrored mask gives a mirrored grid. Fails with `BadInput` for an empty mask or unusable numbers.
    """
    low, high = SPACING_LIMITS_MM
    if not low <= spacing_mm <= high:
        raise BadInput(f"a grid spacing of {spacing_mm:g} mm came, {low:g} to {high:g} mm is allowed")
    if not (np.isfinite(margin_mm) and margin_mm >= 0):
        raise BadInput(f"a margin of {margin_mm:g} mm came, a finite number of at least 0 mm is allowed")
    if not tumour.any():
        raise BadInput(
            "the tumour is empty: no voxel carries its label; check the label map and the names of its labels"
        )
    shape, centre, bounds, limits = [], [], [], []
    for axis in range(3):
        inside = np.flatnonzero(tumour.any(axis=tuple(a for a in range(3) if a != axis)))
        step, count = geometry.spacing[axis], geometry.shape[axis]
        mask_low, mask_high = (inside[0] - 0.5) * step, (inside[-1] + 0.5) * step
        box_low = max(mask_low - margin_mm, -0.5 * step)
        box_high = min(mask_high + margin_mm, (count - 0.5) * step)
        shape.append(max(1, int(np.ceil((box_high - box_low) / spacing_mm * (1.0 - 1e-12)))))
        centre.append(0.5 * (box_low + box_high))
        bounds.append((mask_low, mask_high))
    if np.prod(np.asarray(shape, float)) > _LARGEST_GRID:
        raise BadInput(f"a spacing of {spacing_mm:g} mm gives {' x '.join(map(str, shape))} voxels; take a coarser one")
    half = 0.5 * spacing_mm * np.asarray(shape)
    lower, upper = np.asarray(centre) - half, np.asarray(centre) + half
    first = (lower + 0.5 * spacing_mm) / np.asarray(geometry.spacing)
    origin = tuple(float(x) for x in geometry.index_to_world_mm(first))
    grid = ImageGeometry(tuple(shape), (float(spacing_mm),) * 3, origin, geometry.direction).to_grid()
    limits = tuple((float(m[0] - a), float(b - m[1])) for m, a, b in zip(bounds, lower, upper, strict=True))
    return grid, Crop(tuple(lower / geometry.spacing), tuple(upper / geometry.spacing), limits)


def _source_indices(geometry: ImageGeometry, grid: VoxelGrid) -> list[np.ndarray]:
    """Continuous image indices of the grid's voxel centres, per axis; the axes must be parallel."""
    target = ImageGeometry.of_grid(grid)
    if np.abs(np.subtract(target.direction, geometry.direction)).max() > _ALIGNED:
        raise BadInput("the grid and the image have different axes; take a grid along the axes of the image")
    first = geometry.world_mm_to_index(target.origin)
    return [first[a] + np.arange(grid.shape[a]) * (target.spacing[a] / geometry.spacing[a]) for a in range(3)]


def _interpolate(values: np.ndarray, positions: list[np.ndarray], smooth: bool) -> np.ndarray:
    """Values at a rectangular set of continuous indices, axis by axis; constant beyond the outermost samples.

    smooth: monotone cubic (no new extrema), otherwise linear.
    """
    for axis in np.argsort([len(p) / n for p, n in zip(positions, values.shape, strict=True)]):
        count = values.shape[axis]
        at = np.clip(positions[axis], 0, count - 1)
        if count > 2 and smooth:
            values = monotone_cubic(values, at, axis)
        else:
            low = np.minimum(at.astype(int), max(count - 2, 0))
            weight = np.expand_dims(at - low, tuple(a for a in range(3) if a != axis))
            upper = np.take(values, np.minimum(low + 1, count - 1), axis)
            values = np.take(values, low, axis) * (1 - weight) + upper * weight
    return np.ascontiguousarray(values)


def resample_image(image: Image, grid: VoxelGrid) -> np.ndarray:
    """Intensities on the grid by linear interpolation, the nearest voxel beyond the last centres. Shape grid.shape.

    Fails with `BadInput` when grid and image have different axes.
    """
    return _interpolate(image.data.astype(float), _source_indices(image.geometry, grid), smooth=False)


def signed_distance(mask: np.ndarray, spacing) -> np.ndarray:
    """Signed distance of voxel centres to the edge of a mask, positive inside, in the unit of `spacing`.

    d = distance to the nearest centre outside (inside the mask), minus that to the nearest centre inside (outside it)

    mask: bool (nx, ny, nz). A mask that is empty or fills the array has no edge: -L or +L, the diagonal of the array.
    """
    from scipy.ndimage import distance_transform_edt

    if mask.all() or not mask.any():
        diagonal = float(np.linalg.norm(np.asarray(mask.shape) * np.asarray(spacing)))
        return np.full(mask.shape, diagonal if mask.any() else -diagonal)
    return distance_transform_edt(mask, sampling=spacing) - distance_transform_edt(~mask, sampling=spacing)


def resample_labels(
    labels: np.ndarray, geometry: ImageGeometry, grid: VoxelGrid
) -> tuple[np.ndarray, tuple[LabelVolume, ...]]:
    """Labels on the grid by shape, and the volume of each label before and after. See the head of this file.

    labels: whole numbers 0..255 (nx, ny, nz) on `geometry`; every value, 0 too, is a label. Returns uint8 of
    grid.shape and one `LabelVolume` per label in the grid, by rising label. A label smaller than half a voxel of the
    grid vanishes; its volume then says so. Fails with `BadInput` when grid and image have different axes.
    """
    shares, block, local = _overlap(geometry, grid)
    inner = labels[block]
    weight = shares[0][:, None, None] * shares[1][:, None] * shares[2]
    present, before, kept = [], [], []
    for label in np.unique(inner):
        mask = inner == label
        volume = float(weight[mask].sum()) * geometry.voxel_volume_mm3
        if volume > 0:
            present.append(int(label))
            before.append(volume)
            kept.append(bool(np.isclose(volume, (labels == label).sum() * geometry.voxel_volume_mm3)))
    fields = np.empty((len(present), *grid.shape), np.float32)
    for row, label in enumerate(present):
        fields[row] = _interpolate(signed_distance(inner == label, geometry.spacing), local, smooth=True)
    voxel = ImageGeometry.of_grid(grid).voxel_volume_mm3
    offsets = _volume_offsets(fields, [round(b / voxel) if k else None for b, k in zip(before, kept, strict=True)])
    fields += offsets[:, None, None, None]
    chosen = np.argmax(fields, axis=0)
    counts = np.bincount(chosen.ravel(), minlength=len(present))
    report = tuple(
        LabelVolume(label, before[row], float(counts[row]) * voxel, 0.5 * float(offsets[row]) if kept[row] else None)
        for row, label in enumerate(present)
    )
    return np.asarray(present, np.uint8)[chosen], report


def _overlap(geometry: ImageGeometry, grid: VoxelGrid):
    """The block of image voxels that a grid touches, with one voxel around it.

    Returns per axis: the share (0..1) of every block voxel that lies in the grid; the slice of the block; the grid's
    voxel centres in indices of the block.
    """
    shares, block, local = [], [], []
    size = ImageGeometry.of_grid(grid).spacing
    for axis, at in enumerate(_source_indices(geometry, grid)):
        count, half = geometry.shape[axis], 0.5 * size[axis] / geometry.spacing[axis]
        first = max(int(np.floor(at[0] - half)) - 1, 0)
        last = min(int(np.ceil(at[-1] + half)) + 2, count)
        shares.append(np.diff(np.clip(np.arange(first, last + 1) - 0.5, at[0] - half, at[-1] + half)))
        block.append(slice(first, last))
        local.append(at - first)
    return shares, tuple(block), local


def _volume_offsets(fields: np.ndarray, targets: list[int | None]) -> np.ndarray:
    """Constants per field (row of `fields`) with which each targeted row is largest in its target number of voxels.

    One row at a time: the constant lies between the N-th and the next smallest lead of its rivals; ties are taken or
    left together, so that a mirrored subject stays mirrored. Repeated until no count changes.
    """
    offsets = np.zeros(len(fields))
    rows = [r for r, target in enumerate(targets) if target is not None]
    if len(fields) < 2 or len(rows) == len(fields):
        rows = rows[1:]  # the last free one follows from the others
    for _ in range(_SWEEPS):
        moved = 0.0
        for row in rows:
            others = [r for r in range(len(fields)) if r != row]
            rival = np.max([fields[r] + np.float32(offsets[r]) for r in others], axis=0)
            lead = (rival - fields[row]).ravel()
            count = targets[row]
            if count <= 0 or count >= lead.size:
                new = float(lead.min()) - 1.0 if count <= 0 else float(lead.max()) + 1.0
            else:
                part = np.partition(lead, (count - 1, count))
                new = 0.5 * (float(part[count - 1]) + float(part[count]))
            moved = max(moved, abs(new - offsets[row]))
            offsets[row] = new
        if moved == 0.0:
            break
    return offsets


def to_image(field: np.ndarray, grid: VoxelGrid, geometry: ImageGeometry, fill: float, nearest: bool = False) -> Image:
    """A field of the grid on the voxels of an image, for export: its values at the voxel centres.

    field: (nx, ny, nz) of grid.shape. fill: value outside the grid. nearest: take the nearest voxel (labels) instead of
    interpolating linearly. Point values: amounts summed over a coarser image are not kept. The result has the type of
    `field` where nearest, else float64. Fails with `BadInput` when grid and image have different axes.
    """
    if field.shape != grid.shape:
        raise BadInput(f"a field of shape {field.shape} came for a grid of shape {grid.shape}")
    positions = _source_indices(ImageGeometry.of_grid(grid), geometry.to_grid())
    inside = [np.flatnonzero((p >= -0.5) & (p <= n - 0.5)) for p, n in zip(positions, grid.shape, strict=True)]
    result = np.full(geometry.shape, fill, field.dtype if nearest else float)
    if all(len(i) for i in inside):
        at = [p[i] for p, i in zip(positions, inside, strict=True)]
        if nearest:
            index = [np.clip(np.floor(p + 0.5).astype(int), 0, n - 1) for p, n in zip(at, grid.shape, strict=True)]
            result[np.ix_(*inside)] = field[np.ix_(*index)]
        else:
            result[np.ix_(*inside)] = _interpolate(field.astype(float), at, smooth=False)
    return Image(result, geometry)
