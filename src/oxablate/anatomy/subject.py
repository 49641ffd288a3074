"""The subject: tissues and their variation on a computing grid, and where they came from."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ..quantities.refusal import BadInput
from ..space.dicom.reference import DicomReference
from ..space.grid import MM, VoxelGrid
from ..space.image import Image, ImageGeometry
from ..space.resample import Crop, LabelVolume, computing_grid, resample_labels, to_image
from .heterogeneity import Heterogeneity, Uniform
from .phantom import PhantomRecipe, phantom_geometry, phantom_labels, phantom_notes
from .scan import Body, BodyEverywhere, Scan, read_scan
from .tissue import Tissue, is_tumour
from .tissue_names import TissueNames


@dataclass(frozen=True)
class Origin:
    """Where a subject came from.

    statement: one line, beginning with "scan" or "synthetic". source: voxels of the input, to which fields are
    exported. crop: which part of them became the grid, None for a phantom. resampled: volume of each tissue before and
    after resampling, empty for a phantom. notes: sentences on what the grid or the input does not hold. reference: the
    DICOM objects that hold the input, None for other input. bone: bool on the voxels of `source`, None without any.
    """

    statement: str
    source: ImageGeometry
    crop: Crop | None
    resampled: tuple[LabelVolume, ...]
    notes: tuple[str, ...]
    reference: DicomReference | None = None
    bone: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Subject:
    """Who is treated: tissue fields on a grid.

    grid: `VoxelGrid` [m, LPS]. labels: uint8 `Tissue` per voxel, shape grid.shape. host: name of the organ around the
    tumour. heterogeneity: factor > 0 of geometric mean one, shape grid.shape, for use inside labels. origin: `Origin`.
    Fails with `BadInput` for arrays of another shape, or without tumour.
    """

    grid: VoxelGrid
    labels: np.ndarray
    host: str
    heterogeneity: np.ndarray
    origin: Origin

    def __post_init__(self) -> None:
        for name in ("labels", "heterogeneity"):
            if getattr(self, name).shape != self.grid.shape:
                raise BadInput(f"{name} of shape {getattr(self, name).shape} came for a grid of {self.grid.shape}")
        if not self.host or not isinstance(self.host, str):
            raise BadInput("the host organ has no name; name the organ whose tissue properties hold, such as 'liver'")
        if not self.tumour_mask.any():
            raise BadInput(f"no tumour is left on a grid of {self.grid}; take a finer grid or correct the label map")
        for name in ("labels", "heterogeneity", "tumour_mask", "body_mask"):
            view = getattr(self, name).view()  # the caller's own array stays writable
            view.setflags(write=False)
            self.__dict__[name] = view

    @classmethod
    def from_phantom(cls, recipe: PhantomRecipe, spacing_mm: float) -> "Subject":
        """The synthetic subject of a recipe on an isotropic grid of voxels of `spacing_mm` [mm]."""
        geometry = phantom_geometry(recipe, (spacing_mm,) * 3)
        grid = geometry.to_grid()
        labels = phantom_labels(recipe, grid)
        exact = recipe.shape.volume_mm3
        found = float(is_tumour(labels).sum()) * geometry.voxel_volume_mm3
        volume = f"outline of {exact / 1e3:.4g} mL by formula, {found / 1e3:.4g} mL on the grid"
        statement = f"synthetic: {recipe.shape.kind} phantom in {recipe.surroundings.host}, no patient"
        origin = Origin(statement, geometry, None, (), (volume, *phantom_notes(recipe, spacing_mm)))
        return cls(grid, labels, recipe.surroundings.host, recipe.heterogeneity.factor(grid), origin)

    @classmethod
    def from_scan(
        cls,
        image_path: str | Path,
        label_path: str | Path,
        label_names: TissueNames | dict[int | str, str],
        spacing_mm: float,
        margin_mm: float,
        host: str,
        body: Body = BodyEverywhere(),
        heterogeneity: Heterogeneity = Uniform(),
    ) -> "Subject":
        """The subject of an image and what was drawn on it, on an isotropic grid around the tumour.

        image_path, label_path: see `scan.read_scan`. label_names: {number or name of a segment: tissue word}.
        spacing_mm, margin_mm: see `of_scan`. host: name of the organ. body: where tissue is. heterogeneity: factor
        field. Fails with `BadInput` for unusable files, names or numbers.
        """
        scan = read_scan(image_path, label_path, label_names, body)
        return cls.of_scan(scan, spacing_mm, margin_mm, host, heterogeneity)

    @classmethod
    def of_scan(
        cls, scan: Scan, spacing_mm: float, margin_mm: float, host: str, heterogeneity: Heterogeneity = Uniform()
    ) -> "Subject":
        """The subject of a scan, on an isotropic grid around the tumour along the axes of the image.

        spacing_mm: voxel edge of the grid [mm]. margin_mm: between tumour and the faces of the grid [mm], less where
        the image ends. host: name of the organ. Fails with `BadInput` for numbers that give no grid.
        """
        geometry = scan.image.geometry
        grid, crop = computing_grid(geometry, is_tumour(scan.tissues), spacing_mm, margin_mm)
        labels, volumes = resample_labels(scan.tissues, geometry, grid)
        notes = scan.notes + _scan_notes(crop, volumes, margin_mm, labels)
        origin = Origin(scan.statement, geometry, crop, volumes, notes, scan.image.reference, scan.bone)
        return cls(grid, labels, host, heterogeneity.factor(grid), origin)

    @cached_property
    def tumour_mask(self) -> np.ndarray:
        """The mass as outlined: viable, necrotic, capsule, septum. Bool, grid.shape."""
        return is_tumour(self.labels)

    @cached_property
    def body_mask(self) -> np.ndarray:
        """Everything that is not air. Bool, grid.shape."""
        return self.labels != Tissue.AIR

    def volumes(self) -> dict[str, float]:
        """Volume [m3] of each tissue on the grid by its word, only those present, in the order of `Tissue`."""
        counts = np.bincount(self.labels.ravel(), minlength=len(Tissue))
        return {t.word: float(counts[t]) * self.grid.voxel_volume for t in Tissue if counts[t]}

    def fingerprint(self) -> str:
        """sha256 (hex) of grid, labels, factor field and host: equal for equal subjects."""
        digest = hashlib.sha256()
        numbers = [*self.grid.spacing, *self.grid.origin, *np.ravel(self.grid.direction)]
        digest.update(f"{self.grid.shape} {[float(v).hex() for v in numbers]} {self.host}".encode())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        digest.update(np.ascontiguousarray(self.heterogeneity).tobytes())
        return digest.hexdigest()

    def tumour_centre_mm(self) -> tuple[float, float, float]:
        """LPS position [mm] of the centroid of the tumour, the largest part of it if there are several.

        Where the centroid lies outside that part (a hooked or hollow tumour), the centre of its nearest voxel instead.
        """
        from ..space.mask import largest_component

        part = largest_component(self.tumour_mask)
        voxels = np.argwhere(part)
        centroid = voxels.mean(axis=0)
        if not part[tuple(np.floor(centroid + 0.5).astype(int))]:
            distance = ((voxels - centroid) ** 2 * np.square(self.grid.spacing)).sum(axis=1)
            centroid = voxels[int(np.argmin(distance))]
        return tuple(float(v) / MM for v in self.grid.index_to_world(centroid))

    def tissue_at(self, position_mm) -> Tissue:
        """Tissue at an LPS position [mm]; air outside the grid."""
        position = np.asarray(position_mm, float) * MM
        if position.shape != (3,) or not np.all(np.isfinite(position)):
            raise BadInput(f"the position {position_mm!r} came; three finite LPS coordinates in mm are needed")
        if not self.grid.contains(position):
            return Tissue.AIR
        index = np.floor(self.grid.world_to_index(position) + 0.5).astype(int)
        index = np.clip(index, 0, np.asarray(self.grid.shape) - 1)
        return Tissue(int(self.labels[tuple(index)]))

    def require_inside_body(self, position_mm, what: str) -> Tissue:
        """Tissue at the LPS position [mm] of `what` (such as "needle tip"); `BadInput` outside the grid or in air."""
        tissue = self.tissue_at(position_mm)
        if tissue is not Tissue.AIR:
            return tissue
        corners = np.array([[0, 0, 0], self.grid.shape], float) - 0.5
        low, high = np.sort(self.grid.index_to_world(corners) / MM, axis=0)
        inside = self.grid.contains(np.asarray(position_mm, float) * MM)
        where = "in air" if inside else "outside the grid, which spans " + _box(low, high)
        centre = ", ".join(f"{v:.1f}" for v in self.tumour_centre_mm())
        shown = ", ".join(f"{float(v):.1f}" for v in position_mm)
        raise BadInput(
            f"the {what} at ({shown}) mm LPS lies {where}; a position inside the body is allowed, "
            f"the tumour's centre is ({centre}) mm"
        )

    def to_source(self, field: np.ndarray, fill: float, nearest: bool = False) -> Image:
        """A field of grid.shape on the voxels of the input, `fill` outside the grid; see `space.resample.to_image`."""
        return to_image(field, self.grid, self.origin.source, fill, nearest)

    def __str__(self) -> str:
        lines = [f"Subject ({self.origin.statement})", f"  grid  {self.grid}", f"  host  {self.host}"]
        lines += [f"  {word:<14} {volume * 1e6:10.3f} mL" for word, volume in self.volumes().items()]
        lines += [f"  {Tissue(v.label).word}: {v}" for v in self.origin.resampled]
        return "\n".join(lines + [f"  note: {note}" for note in self.origin.notes])


def _box(low, high) -> str:
    spans = (f"{axis} {a:.1f}..{b:.1f}" for axis, a, b in zip("xyz", low, high, strict=True))
    return ", ".join(spans) + " mm (its corners)"


def _scan_notes(crop: Crop, volumes, margin_mm: float, labels: np.ndarray) -> tuple[str, ...]:
    """Sentences on what cropping and resampling did to a scan."""
    from scipy.ndimage import label

    notes = [f"crop: {crop}"]
    short = min(min(pair) for pair in crop.margins_mm)
    if short < margin_mm * (1.0 - 1e-9):
        notes.append(f"the image ends {short:.3g} mm from the tumour, less than the margin of {margin_mm:g} mm")
    for volume in volumes:
        if volume.after_mm3 == 0:
            notes.append(f"{Tissue(volume.label).word} of {volume.before_mm3:.3g} mm3 is lost on this grid")
    parts = label(is_tumour(labels))[1]
    if parts > 1:
        notes.append(f"the tumour has {parts} separate parts on the grid")
    return tuple(notes)
